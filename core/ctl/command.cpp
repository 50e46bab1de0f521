#include "ctl/command.hpp"

#include "base/log_config.hpp"
#include "config/value.hpp"
#include "ctl/extra_commands.hpp"
#include "ctl/plugin_new.hpp"
#include "ctl/text_table.hpp"
#include "ctl/views.hpp"
#include "services/admin_client.hpp"
#include "services/build_facts.hpp"

#include <algorithm>
#include <optional>
#include <ostream>

#include <boost/program_options.hpp>
#include <sys/stat.h>

namespace weft::ctl {

namespace {

namespace po = boost::program_options;

/// One run of one command.
class Command {
  public:
    Command(const Backends& backends, const Output& output) : backends_(backends), io_(output) {}
    int run(const std::vector<std::string>& args);

  private:
    struct Entry {
        std::string_view name;
        std::string_view arguments;
        std::string_view help;
        std::string_view details;  ///< for its own --help
        int (Command::*act)(const std::vector<std::string>& args);
    };
    static const std::vector<Entry>& entries();

    int status(const std::vector<std::string>& args);
    int plugins(const std::vector<std::string>& args);
    int plugin(const std::vector<std::string>& args);
    int config(const std::vector<std::string>& args);
    int config_check(const std::vector<std::string>& args);
    int config_show(const std::vector<std::string>& args);
    int rbac(const std::vector<std::string>& args);
    int log_level(const std::vector<std::string>& args);
    int render(const std::vector<std::string>& args);
    int metrics(const std::vector<std::string>& args);
    int version(const std::vector<std::string>& args);

    int help() const;
    /// Of one command, or of a group such as "config".
    int help(const std::vector<std::string>& words) const;
    Usage unknown_command(const std::string& name) const;
    int fail(const Error& error) const;
    /// Reads options of a command; positional arguments come back.
    std::vector<std::string> parse(const std::vector<std::string>& args, const po::options_description& options,
                                   po::variables_map& into, std::size_t most_positional) const;
    void no_arguments(const std::vector<std::string>& args) const;
    /// What `weftctl` itself reads of the configuration: the same files as weftd.
    Result<config::Config> load_config(const std::optional<std::string>& file = {},
                                       std::vector<std::string> flags = {}) const;
    Result<std::string> socket() const;
    Result<JsonDocument> call(std::string_view name, std::string_view args_json = {}) const {
        const auto path = socket();
        return path ? services::admin_call(*path, name, args_json) : Result<JsonDocument>(path.error());
    }
    void print_json(const JsonView& value) const { io_.out << value.dump() << "\n"; }

    const Backends& backends_;
    const Output& io_;
    po::variables_map global_;
    bool json_ = false;
    std::vector<std::string> weftd_flags_;  ///< after "--"
};

const std::vector<Command::Entry>& Command::entries() {
    static const std::vector<Entry> list = {
        {"status", "", "how weftd is doing: connections, plugins, appliers, what is not as it should be",
         "BEHIND BY counts the rows that a far side does not have yet. Below an applier or a connection stands what "
         "is\n"
         "wrong with it and, in brackets, how to mend it.\n",
         &Command::status},
        {"plugins", "[enable NAME | disable NAME]",
         "the plugins that are installed, and why one runs or not; switch one",
         "Which are enabled is said in [plugins] of the configuration; SIGHUP makes weftd read it again.\n"
         "  enable NAME    at once, in the running weftd, until it restarts or reloads\n"
         "  disable NAME   the same; what the plugin has put is taken away (weftctl plan --disable NAME shows it)\n",
         &Command::plugins},
        {"plugin new", "NAME [DIR] [--template DIR]", "write a working plugin with its tests, to go on from",
         "  --template DIR   the template; default is that of the installed SDK\n"
         "NAME is like my-feature. DIR is where the plugin goes (./NAME) and must not be there, or be empty. Needs no "
         "weftd.\n",
         nullptr},
        {"config check", "[FILE] [-- WEFTD-FLAG…]",
         "check a configuration: errors, unknown keys, values that don't fit together",
         "Without FILE the files that weftd reads. Needs no weftd. Sections [plugin.NAME] of enabled plugins are "
         "checked\n"
         "too. Warnings go to standard error; exit code 1 when weftd would not start with it.\n",
         nullptr},
        {"config show", "[FILE] [--all] [-- WEFTD-FLAG…]", "the values that count, and where each comes from",
         "  -a, --all   also what is at its default\n", nullptr},
        {"config reference", "", "weft.conf with every key, its default and what it means", "", nullptr},
        {"rbac", "[--bind]", "the Kubernetes roles that the enabled plugins need, as YAML",
         "  --bind      also bindings to the service accounts ovnkube-node and ovnkube-cluster-manager, or to the\n"
         "              group of users that a plugin puts in place of one\n"
         "For kubectl apply -f -. Asks weftd; when none answers, what the configuration enables counts.\n",
         &Command::rbac},
        {"log-level", "[[PART] LEVEL]", "show or set the log level of all of weftd or of one part",
         "Without arguments: the levels that hold. LEVEL is trace, debug, info, warn or error. PART is what stands\n"
         "before the colon of a log line, such as kube, ovn-nb or cni. A level without PART replaces those of all\n"
         "parts. Holds until weftd restarts or reloads.\n",
         &Command::log_level},
        {"render", "--manifests DIR --node NAME [--only SIDE] [-- WEFTD-FLAG…]",
         "the rows that these objects lead to, without a cluster",
         "  --manifests DIR   folder of Kubernetes objects (*.yaml, *.yml, *.json), or one such file\n"
         "  --node NAME       the node whose rows are wanted; its Node must be among the objects\n"
         "  --only SIDE       just one side, such as OVN_Northbound\n"
         "Needs no weftd: both roles run here, with the plugins that the configuration enables.\n",
         &Command::render},
        {"metrics", "", "weftd's metrics in Prometheus' text format", "", &Command::metrics},
        {"version", "", "versions of weftctl and weftd", "", &Command::version},
    };
    return list;
}

constexpr auto* options_text =
    "\nOptions:\n"
    "  -o, --output text|json   how answers are written (text)\n"
    "  --socket PATH            weftd's admin socket; default from the configuration\n"
    "  --run-dir DIR            weftd's run directory, to find the socket\n"
    "  --role node|cluster      which weftd, where both run\n"
    "  --config-file FILE       the configuration to read; default as weftd's\n"
    "  -h, --help               this text; after a command, the text of that command\n";

int Command::help() const {
    io_.out << "usage: weftctl [OPTION…] COMMAND [ARGUMENT…]\n\n";
    // Names and help alone: arguments are in the help of the command.
    TextTable table({"COMMAND", "WHAT IT DOES"});
    for (const auto& entry : entries())
        table.add({std::string(entry.name), std::string(entry.help)});
    for (const auto& extra : extra_commands())
        table.add({std::string(extra.name), std::string(extra.help)});
    io_.out << table.text(io_.colours) << options_text;
    return 0;
}

int Command::help(const std::vector<std::string>& words) const {
    std::vector<const Entry*> meant;
    const std::string whole = words.front() + (words.size() > 1 ? " " + words[1] : "");
    for (const auto& entry : entries()) {
        if (entry.name == words.front() || entry.name == whole) meant = {&entry};
        if (entry.name == words.front() || entry.name == whole) break;
        if (entry.name.starts_with(words.front() + " ")) meant.push_back(&entry);
    }
    std::vector<Entry> extras;
    for (const auto& extra : extra_commands()) {
        if (extra.name == words.front())
            extras.push_back({extra.name, extra.arguments, extra.help, extra.details, nullptr});
    }
    if (meant.empty()) {
        for (const auto& extra : extras)
            meant.push_back(&extra);
    }
    if (meant.empty()) throw unknown_command(words.front());
    for (const auto* entry : meant) {
        io_.out << (entry == meant.front() ? "" : "\n") << "usage: weftctl [OPTION…] " << entry->name
                << (entry->arguments.empty() ? "" : " ") << entry->arguments << "\n"
                << entry->help << "\n"
                << (entry->details.empty() ? "" : "\n") << entry->details;
    }
    io_.out << options_text;
    return 0;
}

Usage Command::unknown_command(const std::string& name) const {
    if (name.starts_with('-')) return {"unknown option " + plain(name)};
    std::vector<std::string> names{"config", "plugin"};
    for (const auto& entry : entries())
        names.emplace_back(entry.name);
    for (const auto& extra : extra_commands())
        names.emplace_back(extra.name);
    const auto near = config::nearest(name, names);
    return {"unknown command \"" + plain(name) + "\"" + (near.empty() ? "" : "; did you mean " + near + "?")};
}

int Command::fail(const Error& error) const {
    io_.err << "weftctl: " << plain(error.where.empty() ? error.what : error.where + ": " + error.what) << "\n";
    if (!error.mend.empty()) io_.err << "  " << plain(error.mend) << "\n";
    return 1;
}

std::vector<std::string> Command::parse(const std::vector<std::string>& args, const po::options_description& options,
                                        po::variables_map& into, std::size_t most_positional) const {
    po::options_description all;
    all.add(options);
    all.add_options()("positional", po::value<std::vector<std::string>>());
    po::positional_options_description positional;
    positional.add("positional", -1);
    try {
        namespace style = po::command_line_style;
        po::store(po::command_line_parser(args)
                      .options(all)
                      .positional(positional)
                      .style(style::default_style & ~style::allow_guessing)
                      .run(),
                  into);
    } catch (const po::error& e) {
        throw Usage{e.what()};
    }
    auto given =
        into.count("positional") ? into["positional"].as<std::vector<std::string>>() : std::vector<std::string>();
    if (given.size() > most_positional) throw Usage{"unexpected argument \"" + given[most_positional] + "\""};
    return given;
}

void Command::no_arguments(const std::vector<std::string>& args) const {
    po::variables_map none;
    parse(args, po::options_description(), none, 0);
}

Result<config::Config> Command::load_config(const std::optional<std::string>& file,
                                            std::vector<std::string> flags) const {
    config::LoadOptions options;
    options.args = std::move(flags);
    if (file) {
        options.config_file = *file;
    } else if (global_.count("config-file")) {
        options.config_file = global_["config-file"].as<std::string>();
    }
    return config::Config::load(std::move(options));
}

Result<std::string> Command::socket() const {
    if (global_.count("socket")) return global_["socket"].as<std::string>();
    std::vector<std::string> flags;
    for (const auto* name : {"run-dir", "role"}) {
        if (global_.count(name)) flags.push_back(std::string("--") + name + "=" + global_[name].as<std::string>());
    }
    auto config = load_config({}, flags);
    if (!config && !global_.count("config-file")) {
        // weftd may run although the file has been broken since: the defaults may still lead to it.
        io_.err << "weftctl: " << plain(config.error().text()) << "\n";
        config::LoadOptions plain_options;
        plain_options.args = flags;
        plain_options.default_files.clear();
        plain_options.default_dir.clear();
        config = config::Config::load(std::move(plain_options));
    }
    if (!config) return config.error();
    const auto& settings = config->settings();
    auto path = settings.admin_socket();
    if (!settings.weft.role.empty() || !settings.weft.admin_socket.empty()) return path;
    // Nobody said which role: the one that runs here.
    const auto other = settings.weft.run_dir + "/admin-cluster.sock";
    struct stat facts {};
    const bool only_other = ::stat(path.c_str(), &facts) != 0 && ::stat(other.c_str(), &facts) == 0;
    return only_other ? other : path;
}

int Command::status(const std::vector<std::string>& args) {
    no_arguments(args);
    auto answer = call("status");
    if (!answer) return fail(answer.error());
    const auto result = answer->root()["result"];
    if (json_) {
        print_json(result);
    } else {
        io_.out << status_text(result, Clock::system().wall(), io_.colours);
    }
    return 0;
}

int Command::plugins(const std::vector<std::string>& args) {
    if (!args.empty() && (args[0] == "enable" || args[0] == "disable")) {
        const Context context{io_,
                              json_,
                              backends_,
                              [this](std::string_view what, std::string_view with) { return call(what, with); },
                              [this] { return load_config({}, weftd_flags_); },
                              [this](const Error& error) { return fail(error); }};
        return plugin_switch_command(context, args);
    }
    no_arguments(args);
    auto answer = call("plugins");
    if (!answer) return fail(answer.error());
    const auto result = answer->root()["result"];
    if (json_) {
        print_json(result);
    } else {
        io_.out << plugins_text(result, io_.colours);
    }
    return 0;
}

int Command::plugin(const std::vector<std::string>& args) {
    if (args.empty() || args.front() != "new") throw Usage{"plugin takes new; see also plugins"};
    po::options_description own;
    own.add_options()("template", po::value<std::string>()->default_value(""));
    po::variables_map options;
    const auto given = parse({args.begin() + 1, args.end()}, own, options, 2);
    if (given.empty()) throw Usage{"plugin new needs a NAME"};
    const NewPlugin wanted{given[0], given.size() > 1 ? given[1] : given[0], options["template"].as<std::string>()};
    const auto written = write_plugin(wanted);
    if (!written) return fail(written.error());
    for (const auto& file : *written)
        io_.out << file << "\n";
    io_.out << "next: cmake -S " << wanted.folder << " -B " << wanted.folder << "/build && cmake --build "
            << wanted.folder << "/build && ctest --test-dir " << wanted.folder << "/build -L rules\n";
    return 0;
}

int Command::config(const std::vector<std::string>& args) {
    const std::string what = args.empty() ? "" : args.front();
    const std::vector<std::string> rest(args.begin() + (args.empty() ? 0 : 1), args.end());
    if (what == "check") return config_check(rest);
    if (what == "show") return config_show(rest);
    if (what != "reference") throw Usage{"config takes check, show or reference"};
    no_arguments(rest);
    io_.out << config::reference_config();
    return 0;
}

int Command::config_check(const std::vector<std::string>& args) {
    po::variables_map options;
    const auto files = parse(args, po::options_description(), options, 1);
    auto config = load_config(files.empty() ? std::nullopt : std::optional(files.front()), weftd_flags_);
    if (!config) return fail(config.error());
    for (const auto& warning : config->warnings())
        io_.err << "warning: " << plain(warning.text()) << "\n";
    if (backends_.plugin_schemas) {
        auto schemas = backends_.plugin_schemas(*config);
        if (!schemas) return fail(schemas.error());
        if (auto settings = config->plugin_settings(*schemas); !settings) return fail(settings.error());
    }
    io_.out << "the configuration is right: ";
    if (config->files().empty()) io_.out << "no file, so all is at its default";
    for (std::size_t i = 0; i < config->files().size(); ++i)
        io_.out << (i == 0 ? "" : ", ") << config->files()[i];
    io_.out << "\n";
    return 0;
}

int Command::config_show(const std::vector<std::string>& args) {
    po::options_description own;
    own.add_options()("all,a", "also what is at its default");
    po::variables_map options;
    const auto files = parse(args, own, options, 1);
    auto config = load_config(files.empty() ? std::nullopt : std::optional(files.front()), weftd_flags_);
    if (!config) return fail(config.error());
    if (json_) {
        io_.out << config_json(config->show()) << "\n";
    } else {
        io_.out << config_text(config->show(), options.count("all") == 0, io_.colours);
    }
    return 0;
}

int Command::rbac(const std::vector<std::string>& args) {
    po::options_description own;
    own.add_options()("bind", "bindings to the service accounts too");
    po::variables_map options;
    parse(args, own, options, 0);
    auto config = load_config();
    if (!config) return fail(config.error());
    services::RbacOptions how;
    how.bindings = options.count("bind") > 0;
    how.ns = config->settings().kubernetes.ovn_config_namespace;

    auto answer = call("rbac");
    if (!answer && !backends_.rights) return fail(answer.error());
    auto rights = answer ? services::rights_from_json(answer->root()["result"]) : backends_.rights(*config);
    if (!rights) return fail(rights.error());
    io_.out << (json_ ? services::to_json(*rights) + "\n" : services::rbac_yaml(*rights, how));
    return 0;
}

int Command::log_level(const std::vector<std::string>& args) {
    po::variables_map options;
    const auto given = parse(args, po::options_description(), options, 2);
    if (!given.empty()) {
        if (auto level = parse_log_level(given.back()); !level) return fail(level.error());
    }
    JsonWriter w;
    w.object([&] {
        if (given.size() == 2) w.member("part", given.front());
        if (!given.empty()) w.member("level", given.back());
    });
    auto answer = call("log-level", w.text());
    if (!answer) return fail(answer.error());
    const auto result = answer->root()["result"];
    if (json_) {
        print_json(result);
    } else if (given.empty()) {
        io_.out << log_levels_text(result, io_.colours);
    } else {
        io_.out << (given.size() == 2 ? plain(given.front()) : "weftd") << " logs at level " << given.back()
                << " until weftd restarts or reloads\n";
    }
    return 0;
}

int Command::render(const std::vector<std::string>& args) {
    po::options_description own;
    own.add_options()("manifests", po::value<std::string>())("node", po::value<std::string>())(
        "only", po::value<std::string>());
    po::variables_map options;
    parse(args, own, options, 0);
    if (!options.count("manifests") || !options.count("node"))
        throw Usage{"render needs --manifests DIR and --node NAME"};
    if (!backends_.render)
        return fail(invalid("this weftctl is built without the engine", "use the one of the weft package"));
    auto config = load_config({}, weftd_flags_);
    if (!config) return fail(config.error());
    auto sides =
        backends_.render({options["manifests"].as<std::string>(), options["node"].as<std::string>(), &*config});
    if (!sides) return fail(sides.error());
    if (options.count("only")) {
        const auto only = options["only"].as<std::string>();
        std::vector<std::string> names;
        for (const auto& side : *sides)
            names.push_back(side.name);
        if (std::ranges::find(names, only) == names.end())
            throw Usage{"no side \"" + only + "\"; there are " + config::write_value(names)};
        std::erase_if(*sides, [&](const RenderedRows& side) { return side.name != only; });
    }
    if (json_) {
        JsonWriter w;
        w.object([&] {
            for (const auto& side : *sides) {
                w.key(side.name).array([&] {
                    for (const auto& row : side.rows)
                        w.raw(row);
                });
            }
        });
        io_.out << w.text() << "\n";
        return 0;
    }
    for (const auto& side : *sides) {
        if (sides->size() > 1) io_.out << "# " << side.name << "\n";
        for (const auto& row : side.rows)
            io_.out << row << "\n";
    }
    return 0;
}

int Command::metrics(const std::vector<std::string>& args) {
    no_arguments(args);
    auto answer = call("metrics");
    if (!answer) return fail(answer.error());
    io_.out << answer->root()["result"].string_or("");
    return 0;
}

int Command::version(const std::vector<std::string>& args) {
    no_arguments(args);
    const auto own = services::own_build();
    auto answer = call("status");
    services::BuildFacts theirs;
    if (answer) {
        const auto result = answer->root()["result"];
        theirs.version = plain(result["version"].string_or(""));
        theirs.revision = plain(result["revision"].string_or(""));
    }
    if (json_) {
        const auto facts = [](JsonWriter& w, const services::BuildFacts& build) {
            w.object([&] { w.member("version", build.version).member("revision", build.revision); });
        };
        JsonWriter w;
        w.object([&] {
            facts(w.key("weftctl"), own);
            w.key("weftd");
            if (answer)
                facts(w, theirs);
            else
                w.null();
        });
        io_.out << w.text() << "\n";
        return 0;
    }
    io_.out << "weftctl " << own.text() << "\n";
    if (answer) {
        io_.out << "weftd " << theirs.text() << "\n";
    } else {
        io_.out << "weftd: " << plain(answer.error().what) << "\n";
    }
    return 0;
}

int Command::run(const std::vector<std::string>& args) {
    const auto end = std::ranges::find(args, "--");
    if (end != args.end()) weftd_flags_.assign(end + 1, args.end());

    po::options_description options;
    options.add_options()("output,o", po::value<std::string>()->default_value("text"))(
        "socket", po::value<std::string>())("run-dir", po::value<std::string>())("role", po::value<std::string>())(
        "config-file", po::value<std::string>())("help,h", "");
    std::vector<std::string> words;
    try {
        namespace style = po::command_line_style;
        const auto parsed = po::command_line_parser(std::vector<std::string>(args.begin(), end))
                                .options(options)
                                .style(style::default_style & ~style::allow_guessing)
                                .allow_unregistered()
                                .run();
        po::store(parsed, global_);
        words = po::collect_unrecognized(parsed.options, po::include_positional);
    } catch (const po::error& e) {
        throw Usage{e.what()};
    }
    if (!words.empty() && words.front() == "help") {
        words.erase(words.begin());
        return words.empty() ? help() : help(words);
    }
    if (global_.count("help")) return words.empty() ? help() : help(words);
    const auto format = global_["output"].as<std::string>();
    if (format != "text" && format != "json") throw Usage{"-o takes text or json, not \"" + format + "\""};
    json_ = format == "json";
    if (words.empty()) throw Usage{"which command?"};

    const std::string name = words.front();
    const std::vector<std::string> rest(words.begin() + 1, words.end());
    try {
        if (name == "config") return config(rest);
        if (name == "plugin") return plugin(rest);
        for (const auto& entry : entries()) {
            if (entry.name == name && entry.act) return (this->*entry.act)(rest);
        }
        const Context context{
            io_,
            json_,
            backends_,
            [this](std::string_view what, std::string_view arguments) { return call(what, arguments); },
            [this] { return load_config({}, weftd_flags_); },
            [this](const Error& error) { return fail(error); }};
        for (const auto& extra : extra_commands()) {
            if (extra.name == name) return extra.run(context, rest);
        }
    } catch (Usage& usage) {
        usage.command = name;
        throw;
    }
    throw unknown_command(name);
}

}  // namespace

int run(const std::vector<std::string>& args, const Backends& backends, const Output& output) {
    try {
        return Command(backends, output).run(args);
    } catch (const Usage& usage) {
        output.err << "weftctl: " << usage.what << "\n"
                   << (usage.command.empty() ? "weftctl --help lists the commands"
                                             : "weftctl " + usage.command + " --help tells more")
                   << "\n";
        return 2;
    }
}

}  // namespace weft::ctl
