#include "facts.hpp"
#include "primary_address.hpp"
#include "subjects.hpp"

#include <weft/ovsdb/ovs.hpp>
#include <weft/tables/kube.hpp>
#include <weft/tables/settings.hpp>

namespace weft::default_network {

namespace {

using ovs::OpenVSwitch;

/// Entries of the one Open_vSwitch row, by which ovn-controller is told what to do. The rest of the maps is others'.
struct TellOvnController {
    using Driver = tables::LocalNode;
    using Reads = Tables<tables::NetworkConfig, tables::Node, tables::OvnFeature>;
    using Writes = Tables<ovs::Member>;

    static void derive(const Driver& local, const Reader<Reads>& in, Desired<Writes>& out) {
        const auto* config = in.find<tables::NetworkConfig>(only<tables::NetworkConfig>());
        const auto* node = in.find<tables::Node>(Key<tables::Node>{local.name});
        if (!config) return out.wait("the configuration is not known yet");
        std::string tunnels;
        for (const auto& ip : tunnel_addresses(*config, node))
            tunnels += (tunnels.empty() ? "" : ",") + ip.text();
        if (tunnels.empty()) return out.wait("node " + local.name + " has no address yet");

        const auto tell = [&](const std::string& key, const std::string& value) {
            out.put(ovsdb::set_entry(only<OpenVSwitch>(), &OpenVSwitch::external_ids, key, value));
        };
        const auto truth = [](bool flag) { return std::string(flag ? "true" : "false"); };
        const std::string probe = std::to_string(config->openflow_probe_s);
        // The key by which OVN has known the probe towards the switch since 24.09, which brought NAT.match.
        const bool since_24_09 = in.find<tables::OvnFeature>(Key<tables::OvnFeature>{"NAT.match"}) != nullptr;
        tell("hostname", local.name);
        tell("ovn-remote", config->ovn_southbound_remote);
        tell("ovn-encap-type", config->encap_type);
        tell("ovn-encap-ip", tunnels);
        tell("ovn-remote-probe-interval", std::to_string(config->inactivity_probe_ms));
        tell(since_24_09 ? "ovn-bridge-remote-probe-interval" : "ovn-openflow-probe-interval", probe);
        tell("ovn-is-interconn", "true");
        tell("ovn-set-local-ip", "true");
        tell("ovn-monitor-all", truth(config->monitor_all));
        tell("ovn-ofctrl-wait-before-clear", std::to_string(config->ofctrl_wait_before_clear_ms));
        tell("ovn-enable-lflow-cache", truth(config->lflow_cache));
        if (config->lflow_cache_limit > 0) tell("ovn-limit-lflow-cache", std::to_string(config->lflow_cache_limit));
        if (config->lflow_cache_limit_kb > 0) {
            tell("ovn-memlimit-lflow-cache-kb", std::to_string(config->lflow_cache_limit_kb));
        }
        out.put(ovsdb::set_entry(only<OpenVSwitch>(), &OpenVSwitch::other_config, "bundle-idle-timeout", probe));
    }
};

}  // namespace

void declare_ovs_settings(Declare& d) {
    d.rule<TellOvnController>("tell-ovn-controller");
}

}  // namespace weft::default_network
