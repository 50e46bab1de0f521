#include "daemon/plugin_set.hpp"

#include <algorithm>
#include <array>

namespace weft::daemon {

namespace {

/// OVN-Kubernetes' switches that ask for a feature.
constexpr std::array feature_switches{
    "enable-admin-network-policy",
    "enable-egress-ip",
    "enable-egress-firewall",
    "enable-egress-qos",
    "enable-egress-service",
    "enable-multi-external-gateway",
    "enable-multi-network",
    "enable-multi-networkpolicy",
    "enable-persistent-ips",
    "enable-network-segmentation",
    "enable-network-connect",
    "enable-route-advertisements",
    "enable-evpn",
    "enable-network-qos",
    "enable-dns-name-resolver",
    "enable-observability",
    "enable-multicast",
    "enable-hybrid-overlay",
    "enable-uplink",
};

}  // namespace

plugin::AdmissionPolicy admission_policy(const config::Settings& settings) {
    plugin::AdmissionPolicy policy;
    policy.fingerprint = plugin::own_fingerprint();
    policy.pins = settings.plugins.sha256;
    return policy;
}

Result<std::vector<std::string>> enabled_plugins(const config::Config& config, const plugin::Registry& registry) {
    const auto& set = config.settings().plugins;
    std::vector<std::string> names = set.enable;
    if (!set.listed) {
        std::vector<std::string> on;
        for (const char* word : feature_switches) {
            if (config.switch_on(word).value_or(false)) on.emplace_back(word);
        }
        auto found = registry.enabled_by(on);
        if (!found) return found;
        for (auto& name : *found) {
            if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(std::move(name));
        }
    }
    std::erase_if(names, [&](const auto& name) {
        return std::find(set.disable.begin(), set.disable.end(), name) != set.disable.end();
    });
    return names;
}

std::vector<config::PluginSchema> plugin_schemas(const plugin::Registry& registry,
                                                 const std::vector<const plugin::Loaded*>& loaded) {
    std::vector<config::PluginSchema> schemas;
    for (const auto& entry : registry.list()) {
        config::PluginSchema schema{entry.name, false, {}};
        for (const auto* plugin : loaded) {
            if (plugin->name() != entry.name) continue;
            schema.declared = true;
            schema.settings = plugin->declared().settings;
        }
        schemas.push_back(std::move(schema));
    }
    return schemas;
}

}  // namespace weft::daemon
