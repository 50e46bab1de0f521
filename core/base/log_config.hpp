#pragma once

#include <weft/base/log.hpp>

#include <map>
#include <optional>
#include <string>
#include <string_view>

/// How a program sets up logging; plugins only call log().
namespace weft {

struct LogConfig {
    LogLevel level = LogLevel::info;
    std::string file;  ///< besides standard error; empty for none
    std::size_t max_size_mb = 100;
    std::size_t max_backups = 5;
};

/// Once, at start. The error says why the file can't be opened.
Result<void> configure_logging(const LogConfig& config);
/// Changes the level of one part ("ovsdb"), or of all when `part` is empty; any time, any thread.
void set_log_level(LogLevel level, std::string_view part = {});
/// What set_log_level() came to.
struct LogLevels {
    LogLevel level = LogLevel::info;
    /// All parts that had anything to log so far, written or not, or that were given a level: their own level, if any.
    std::map<std::string, std::optional<LogLevel>, std::less<>> parts;
};
LogLevels log_levels();
Result<LogLevel> parse_log_level(std::string_view text);
std::string_view to_string(LogLevel level);

}  // namespace weft
