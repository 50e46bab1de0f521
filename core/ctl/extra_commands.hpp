#pragma once

#include "config/config.hpp"
#include "ctl/backends.hpp"
#include "ctl/command.hpp"

#include <weft/base/clock.hpp>
#include <weft/base/json.hpp>
#include <weft/base/result.hpp>

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// Commands in files of their own: a function each, and a line in a list that command.cpp looks through.
namespace weft::ctl {

/// A command line that can't be right; its text is shown with where to find the usage.
struct Usage {
    std::string what;
    std::string command = {};  ///< whose help says more
};

/// What a command is given.
struct Context {
    const Output& io;
    bool json = false;  ///< -o json
    const Backends& backends;
    std::function<Result<JsonDocument>(std::string_view call, std::string_view args_json)> call;
    std::function<Result<config::Config>()> load_config;
    /// Prints the error as all commands do and returns the exit code.
    std::function<int(const Error&)> fail;
};

struct ExtraCommand {
    std::string_view name;
    std::string_view arguments;
    std::string_view help;
    std::string_view details;  ///< for its own --help
    int (*run)(const Context& context, const std::vector<std::string>& args);
};

std::span<const ExtraCommand> extra_commands();

/// The options and arguments of a command: flags are true or false, options have a value, the rest is positional.
class Arguments {
  public:
    /// Throws Usage for what is in neither list. Names are without dashes: {"dot"}, {"interval"}.
    Arguments(const std::vector<std::string>& args, const std::vector<std::string_view>& flags,
              const std::vector<std::string_view>& options, std::size_t most_positional);

    bool has(std::string_view name) const;
    std::optional<std::string> value(std::string_view name) const;
    std::vector<std::string> values(std::string_view name) const;
    const std::vector<std::string>& positional() const { return positional_; }

  private:
    std::vector<std::pair<std::string, std::string>> given_;
    std::vector<std::string> positional_;
};

int verify_command(const Context& context, const std::vector<std::string>& args);
int graph_command(const Context& context, const std::vector<std::string>& args);
int explain_command(const Context& context, const std::vector<std::string>& args);
int top_command(const Context& context, const std::vector<std::string>& args);
int plugin_switch_command(const Context& context, const std::vector<std::string>& args);
int plan_command(const Context& context, const std::vector<std::string>& args);
int replay_command(const Context& context, const std::vector<std::string>& args);
int support_command(const Context& context, const std::vector<std::string>& args);

}  // namespace weft::ctl
