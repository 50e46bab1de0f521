#include "daemon/log_levels.hpp"

#include "base/log_config.hpp"

#include <algorithm>

namespace weft::daemon {

LogLevel log_level_of(const config::Settings& settings) {
    // klog's scale, as OVN-Kubernetes' manifests give it, where no level of our own is set.
    if (auto level = parse_log_level(settings.weft.log_level)) return *level;
    return settings.logging.loglevel >= 5 ? LogLevel::debug : LogLevel::info;
}

std::vector<std::string> log_parts(const std::vector<std::string>& plugins) {
    std::vector<std::string> parts{"actions", "admin", "cni",   "config",  "daemon",  "engine",
                                   "http",    "ipam",  "kube",  "metrics", "netlink", "ovn-nb",
                                   "ovn-sb",  "ovs",   "ovsdb", "plugin",  "record"};
    parts.insert(parts.end(), plugins.begin(), plugins.end());
    std::sort(parts.begin(), parts.end());
    return parts;
}

void apply_log_levels(const config::Settings& settings) {
    set_log_level(log_level_of(settings));
    for (const auto& entry : settings.weft.log_levels) {
        const auto equals = entry.find('=');
        if (equals == std::string::npos) continue;
        if (auto level = parse_log_level(entry.substr(equals + 1))) set_log_level(*level, entry.substr(0, equals));
    }
}

}  // namespace weft::daemon
