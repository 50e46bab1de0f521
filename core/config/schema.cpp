#include "config/schema.hpp"

#include "config/ini.hpp"
#include "config/schema_rows.hpp"

#include <algorithm>
#include <map>

namespace weft::config {

namespace {

struct SectionHelp {
    std::string_view name;
    std::string_view help;
};

constexpr SectionHelp sections[] = {
    {"weft",
     "weft's own keys. Here, in [plugins] and in [plugin.<name>] an unknown key is an error; elsewhere, as in\n"
     "OVN-Kubernetes, it is a warning."},
    {"default", "The network of pods."},
    {"gateway", "Traffic between pods and the world outside the cluster."},
    {"clustermanager", "What the cluster role gives to nodes."},
    {"hybridoverlay", ""},
    {"no-overlay", ""},
    {"bgp-managed", ""},
    {"kubernetes", "The API server and objects in it."},
    {"clustermgrha", "The Lease that elects one weftd of role cluster."},
    {"ovnkubernetesfeature",
     "Switches of features. When no [plugins] enable stands anywhere, they choose the plugins."},
    {"ovnkubenode", "The node role."},
    {"cni", ""},
    {"ovnnorth", "This node's OVN northbound database."},
    {"ovnsouth", "This node's OVN southbound database."},
    {"ovspaths", ""},
    {"egressip-healthcheck-tls", "All four or none."},
    {"logging", ""},
    {"metrics", ""},
    {"tls", "For the metrics servers."},
    {"monitoring", "Flow export of the integration bridge."},
    {"ipfix", ""},
    {"debug", "What helps to find a fault afterwards."},
};

}  // namespace

const std::vector<KeySpec>& schema() {
    static const std::vector<KeySpec> keys = [] {
        std::vector<KeySpec> made;
        made.reserve(256);
        add_weft_keys(made);
        add_network_keys(made);
        add_kubernetes_keys(made);
        add_feature_keys(made);
        add_node_keys(made);
        add_host_keys(made);
        add_debug_keys(made);
        return made;
    }();
    return keys;
}

const KeySpec* find_key(std::string_view section, std::string_view key) {
    static const auto index = [] {
        std::map<std::pair<std::string, std::string>, const KeySpec*> made;
        for (const auto& spec : schema())
            made[{std::string(spec.section), lower_case(spec.key)}] = &spec;
        made[{"kubernetes", "service-cidr"}] = made.at({"kubernetes", "service-cidrs"});  // the key's older name
        return made;
    }();
    const auto at = index.find({std::string(section), std::string(key)});
    return at == index.end() ? nullptr : at->second;
}

const KeySpec* find_flag(std::string_view flag) {
    static const auto index = [] {
        std::map<std::string, const KeySpec*, std::less<>> made;
        for (const auto& spec : schema()) {
            std::string_view names = spec.flags;
            while (!names.empty()) {
                const auto blank = std::min(names.find(' '), names.size());
                made.emplace(std::string(names.substr(0, blank)), &spec);
                names.remove_prefix(std::min(blank + 1, names.size()));
            }
        }
        return made;
    }();
    const auto at = index.find(flag);
    return at == index.end() ? nullptr : at->second;
}

bool known_section(std::string_view section) {
    return std::ranges::any_of(sections, [&](const SectionHelp& s) { return s.name == section; });
}

std::string_view section_help(std::string_view section) {
    for (const auto& s : sections) {
        if (s.name == section) return s.help;
    }
    return {};
}

const std::vector<RemovedKey>& removed_keys() {
    static constexpr std::string_view per_node = "each node has its own databases and is its own zone";
    static const std::vector<RemovedKey> keys = {
        {"default", "zone", per_node},
        {"ovnkubernetesfeature", "enable-interconnect", "interconnect is the only mode"},
        {"ovnnorth", "election-timer", per_node},
        {"ovnsouth", "election-timer", per_node},
        {"ovnkubenode", "disable-ovn-iface-id-ver", "iface-id-ver is always written"},
        {"masterha", "", "[clustermgrha] has its keys now"},
    };
    return keys;
}

const std::vector<RemovedFlag>& removed_flags() {
    static constexpr std::string_view per_node = "each node has its own databases and is its own zone";
    static constexpr std::string_view renamed = "use --cluster-manager-ha-election-…";
    static const std::vector<RemovedFlag> flags = {
        {"zone", true, per_node},
        {"init-master", true, "start a weftd with --role cluster and one with --role node on each node"},
        {"enable-interconnect", false, "interconnect is the only mode"},
        {"nb-raft-election-timer", true, per_node},
        {"sb-raft-election-timer", true, per_node},
        {"ha-election-lease-duration", true, renamed},
        {"ha-election-renew-deadline", true, renamed},
        {"ha-election-retry-period", true, renamed},
        {"disable-ovn-iface-id-ver", false, "iface-id-ver is always written"},
        {"pod-ip", true, "it had no effect"},
    };
    return flags;
}

}  // namespace weft::config
