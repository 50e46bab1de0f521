#include "config/flags.hpp"

#include <weft/base/json.hpp>

#include <algorithm>
#include <set>
#include <sstream>

#include <boost/program_options.hpp>

namespace weft::config {

namespace {

namespace po = boost::program_options;

/// Flags that are no key of a file.
struct OtherFlag {
    std::string_view name;
    bool takes_value;
    std::string_view help;
};
constexpr OtherFlag other_flags[] = {
    {"config-file", true, "Configuration file; default /etc/weft/weft.conf, else /etc/openvswitch/ovn_k8s.conf."},
    {"config-dir", true, "Folder of further *.conf files; default conf.d beside the file."},
    {"enable-plugins", true, "Plugins to enable besides those that files enable, with commas."},
    {"disable-plugins", true, "Plugins to disable, with commas."},
    {"init-cluster-manager", true, "The same as --role cluster --leader-identity <value>."},
    {"init-ovnkube-controller", true, "The same as --role node --node <value>."},
    {"init-node", true, "The same as --role node --node <value>."},
    {"cleanup-node", true, "Not available yet."},
    {"init-gateways", false, "Old way to say --gateway-mode shared."},
    {"gateway-local", false, "With --init-gateways: --gateway-mode local."},
    {"help", false, "This text."},
    {"version", false, "The version."},
};

std::vector<std::string> flag_names(const KeySpec& spec) {
    std::vector<std::string> names;
    std::istringstream in(spec.flags);
    for (std::string name; in >> name;)
        names.push_back(name);
    return names;
}

/// A later name of the same key wins: they are upstream's legacy names, which "win over everything".
std::size_t rank_of(const FlagValue& value) {
    const auto names = flag_names(*value.key);
    return static_cast<std::size_t>(std::ranges::find(names, value.flag) - names.begin());
}

void add_option(po::options_description& to, const std::string& name, const std::string& help) {
    to.add_options()(name.c_str(), po::value<std::vector<std::string>>()->value_name("…"), help.c_str());
}

bool is_switch(std::string_view name) {
    if (const auto* spec = find_flag(name)) return spec->bind.is_bool;
    for (const auto& flag : other_flags) {
        if (flag.name == name) return !flag.takes_value;
    }
    for (const auto& flag : removed_flags()) {
        if (flag.flag == name) return !flag.takes_value;
    }
    return false;
}

po::options_description all_options() {
    po::options_description options;
    for (const auto& flag : other_flags)
        add_option(options, std::string(flag.name), {});
    for (const auto& spec : schema()) {
        for (const auto& name : flag_names(spec))
            add_option(options, name, {});
    }
    for (const auto& flag : removed_flags())
        add_option(options, std::string(flag.flag), {});
    return options;
}

/// Stands for an empty value, which launchers pass for what is not set ("--encap-ip=") and Boost refuses.
constexpr std::string_view empty_mark = "\x01";

/// A switch alone becomes "--switch=true", so that it takes no following argument, as in Go.
std::string normalised(const std::string& arg) {
    const auto name_at = arg.find_first_not_of('-');
    if (name_at == 0 || name_at > 2 || name_at == std::string::npos) return arg;
    if (arg.ends_with('=') && arg.find('=') == arg.size() - 1) return arg + std::string(empty_mark);
    return is_switch(std::string_view(arg).substr(name_at)) ? arg + "=true" : arg;
}

Result<std::vector<po::option>> split_args(const std::vector<std::string>& args) {
    namespace style = po::command_line_style;
    const auto options = all_options();
    std::vector<std::string> normal;
    normal.reserve(args.size());
    for (const auto& arg : args)
        normal.push_back(normalised(arg));
    try {
        return po::command_line_parser(normal)
            .options(options)
            .style(style::allow_long | style::long_allow_adjacent | style::long_allow_next | style::allow_long_disguise)
            .allow_unregistered()
            .run()
            .options;
    } catch (const po::error& e) {
        return invalid(e.what(), "see --help");
    }
}

Error unknown_flag(const std::string& written) {
    std::set<std::string> names;
    for (const auto& flag : other_flags)
        names.emplace(flag.name);
    for (const auto& spec : schema()) {
        for (auto& name : flag_names(spec))
            names.insert(std::move(name));
    }
    const std::string near = nearest(written, names);
    return invalid("unknown flag --" + written, near.empty() ? "see --help" : "did you mean --" + near + "?");
}

/// What the modes of `ovnkube` say; settled when all flags are known.
struct Modes {
    std::optional<std::string> cluster_manager, controller, node;
    bool init_gateways = false, gateway_local = false;
};

void set(Flags& flags, std::string_view section, std::string_view key, std::string flag, std::string value) {
    flags.values.push_back({find_key(section, key), std::move(flag), std::move(value)});
}

bool given(const Flags& flags, std::string_view flag) {
    return std::ranges::any_of(flags.values, [&](const FlagValue& v) { return v.flag == flag && !v.value.empty(); });
}

Result<void> settle_modes(const Modes& modes, Flags& flags) {
    if (modes.cluster_manager && (modes.controller || modes.node)) {
        return invalid("--init-cluster-manager can't be combined with --init-node or --init-ovnkube-controller",
                       "run one weftd for the cluster and one for the node");
    }
    if (modes.cluster_manager) {
        if (modes.cluster_manager->empty()) {
            return invalid("provided no identity or different identities for different modes",
                           "name it after --init-cluster-manager");
        }
        if (!given(flags, "role")) set(flags, "weft", "role", "init-cluster-manager", "cluster");
        set(flags, "weft", "leader-identity", "init-cluster-manager", *modes.cluster_manager);
    }
    if (modes.controller || modes.node) {
        const auto& name = modes.node ? *modes.node : *modes.controller;
        if (name.empty() || (modes.controller && *modes.controller != name)) {
            return invalid("provided no identity or different identities for different modes",
                           "give --init-node and --init-ovnkube-controller the node's name");
        }
        if (!given(flags, "role")) set(flags, "weft", "role", "init-node", "node");
        set(flags, "weft", "node", "init-node", name);
    }
    if (modes.init_gateways && !given(flags, "gateway-mode")) {
        set(flags, "gateway", "mode", "init-gateways", modes.gateway_local ? "local" : "shared");
    }
    return {};
}

Result<void> take_bool(const std::string& name, const std::string& value, bool& to) {
    auto read = read_value(value, Spelling::flag, to);
    if (!read) return std::move(read).error().at("--" + name);
    return {};
}

/// A flag of `other_flags`; false when it is none.
Result<bool> take_other(const std::string& name, const std::string& value, Flags& flags, Modes& modes) {
    Result<void> read;
    if (name == "config-file") {
        flags.config_file = value;
    } else if (name == "config-dir") {
        flags.config_dir = value;
    } else if (name == "enable-plugins" || name == "disable-plugins") {
        auto& list = name == "enable-plugins" ? flags.enable_plugins : flags.disable_plugins;
        for (auto& plugin : split_list(value))
            list.push_back(std::move(plugin));
    } else if (name == "init-cluster-manager") {
        modes.cluster_manager = value;
    } else if (name == "init-ovnkube-controller") {
        modes.controller = value;
    } else if (name == "init-node") {
        modes.node = value;
    } else if (name == "cleanup-node") {
        return invalid("--cleanup-node is not available yet", "disable the plugins: each removes what it made");
    } else if (name == "init-gateways") {
        read = take_bool(name, value, modes.init_gateways);
    } else if (name == "gateway-local") {
        read = take_bool(name, value, modes.gateway_local);
    } else if (name == "help") {
        read = take_bool(name, value, flags.help);
    } else if (name == "version") {
        read = take_bool(name, value, flags.version);
    } else {
        return false;
    }
    if (!read) return std::move(read).error();
    return true;
}

Result<void> take(const po::option& option, Flags& flags, Modes& modes) {
    const std::string& name = option.string_key;
    if (name.empty() || option.position_key >= 0) {
        return invalid("unexpected argument " + json_quote(option.value.empty() ? name : option.value.front()),
                       "flags begin with --; see --help");
    }
    if (option.unregistered) return unknown_flag(name.substr(std::min(name.find_first_not_of('-'), name.size())));
    std::string value = option.value.empty() ? std::string() : option.value.back();
    if (value == empty_mark) value.clear();
    auto other = take_other(name, value, flags, modes);
    if (!other) return std::move(other).error();
    if (*other) return {};
    if (const auto* spec = find_flag(name)) {
        flags.values.push_back({spec, name, std::move(value)});
        return {};
    }
    for (const auto& removed : removed_flags()) {
        if (removed.flag != name) continue;
        Error warning = invalid("--" + name + " has been removed and is ignored", std::string(removed.why));
        flags.warnings.push_back(std::move(warning));
        return {};
    }
    return unknown_flag(name);
}

po::options_description section_options(std::string_view section) {
    po::options_description options("[" + std::string(section) + "]", 110, 60);
    for (const auto& spec : schema()) {
        const auto names = flag_names(spec);
        if (spec.section != section || names.empty()) continue;
        std::string help(spec.help);
        if (!spec.fallback.empty() && spec.fallback != "false") help += " (default " + std::string(spec.fallback) + ")";
        add_option(options, names.front(), help);
    }
    return options;
}

}  // namespace

Result<Flags> parse_flags(const std::vector<std::string>& args) {
    auto options = split_args(args);
    if (!options) return std::move(options).error();
    Flags flags;
    Modes modes;
    for (const auto& option : *options) {
        if (auto taken = take(option, flags, modes); !taken) return std::move(taken).error();
    }
    if (auto settled = settle_modes(modes, flags); !settled) return std::move(settled).error();
    std::erase_if(flags.values, [](const FlagValue& v) { return rank_of(v) > 0 && v.value.empty(); });
    std::ranges::stable_sort(flags.values, {}, rank_of);
    return flags;
}

std::string flag_help() {
    std::ostringstream out;
    po::options_description modes("What to run", 110, 60);
    for (const auto& flag : other_flags) {
        add_option(modes, std::string(flag.name), std::string(flag.help));
    }
    out << modes;
    std::string_view section;
    for (const auto& spec : schema()) {
        if (spec.section == section) continue;
        section = spec.section;
        const auto keys = section_options(section);
        if (!keys.options().empty()) out << "\n" << keys;
    }
    return out.str();
}

}  // namespace weft::config
