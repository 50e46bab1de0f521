#include "config/config.hpp"

namespace weft::config {

namespace {

constexpr std::string_view head =
    R"(# Configuration of weft: every key with its default. `weftctl config reference` prints this file, `weftctl config check`
# checks one, and `weftctl config show` says what counts and where it comes from.
#
# An ovn_k8s.conf of OVN-Kubernetes works as it is. weftd reads --config-file, else this file, else
# /etc/openvswitch/ovn_k8s.conf, then every conf.d/*.conf beside it in the order of their names. Of a key that stands more
# than once the last one counts; flags count more than files, files more than the environment.
#
# Comments begin with # or ;. Values with spaces at an end, # or ; need "double quotes". Flags are true or false; a flag
# alone on its line is true. Durations are written 100s, 2m or 1h30m; a bare number is nanoseconds.
# In brackets stand the flag, when it is not --<key>, the environment variable, and "reload" where SIGHUP (systemctl reload
# weftd) is enough for a change; all others need a restart.
)";

constexpr std::string_view plugins =
    R"(
# Which plugins run. Every line adds, in the order of the files, so that a package can bring a conf.d file of its own; what
# comes later wins for one plugin. As long as no `enable` stands anywhere, the plugins that OVN-Kubernetes has always on
# run, and those whose switch in [ovnkubernetesfeature] is true. (reload)
[plugins]
# enable = default-network, services
# disable =
# Load a plugin only when its file has this hash:
# sha256.<plugin> =

# Settings of one plugin; `weftctl plugins` lists the plugins, their README files the keys. (reload)
# [plugin.<name>]
# key = value
# Every plugin has this one: pods, so that new pods get an error while the plugin can't run (it is frozen), or empty, so
# that they go without it; not set: as the plugin says itself. (reload)
# gates =
)";

/// `text` in lines of at most 120 columns that begin with `prefix`.
std::string wrapped(std::string_view text, std::string_view prefix) {
    std::string out;
    std::string line(prefix);
    while (!text.empty()) {
        const auto end = std::min(text.find_first_of(" \n"), text.size());
        const auto word = text.substr(0, end);
        if (line.size() > prefix.size() && line.size() + 1 + word.size() > 120) {
            out += line + "\n";
            line = prefix;
        }
        if (line.size() > prefix.size()) line.push_back(' ');
        line += word;
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return out + line + "\n";
}

std::string key_text(const KeySpec& spec) {
    std::string facts;
    const auto fact = [&](const std::string& text) { facts += (facts.empty() ? " (" : ", ") + text; };
    const auto flag = spec.flags.substr(0, spec.flags.find(' '));
    if (flag.empty()) fact("no flag");
    if (!flag.empty() && flag != spec.key) fact("--" + flag);
    if (!spec.env.empty()) fact("$" + std::string(spec.env));
    if (spec.applies == Applies::on_reload) fact("reload");
    if (!facts.empty()) facts += ")";
    std::string line = "# " + std::string(spec.key) + " =";
    if (!spec.fallback.empty()) line += " " + std::string(spec.fallback);
    return wrapped(std::string(spec.help) + facts, "# ") + line + "\n";
}

}  // namespace

std::string reference_config() {
    std::string out(head);
    std::string_view section;
    for (const auto& spec : schema()) {
        if (spec.section != section) {
            if (section == "weft") out += plugins;
            section = spec.section;
            out += "\n";
            if (const auto help = section_help(section); !help.empty()) out += wrapped(help, "# ");
            out += "[" + std::string(section) + "]\n";
        }
        out += key_text(spec);
    }
    return out;
}

}  // namespace weft::config
