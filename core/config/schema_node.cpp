#include "config/schema_rows.hpp"

/// [ovnkubenode], [cni], [ovnnorth], [ovnsouth], [ovspaths], [egressip-healthcheck-tls]: the node and its databases.
namespace weft::config {

namespace {

template <auto Section>
void add_database_keys(std::vector<KeySpec>& to, std::string_view section, std::string_view side,
                       std::string_view location) {
    using D = DatabaseSection;
    Rows<Section> db(to, section);
    const std::string flag(side);
    const bool north = side == "nb";
    db.template add<&D::run_dir>("run-dir", "/var/run/ovn/", "Folder of the database's unix socket.")
        .flag(flag + "-run-dir");
    db.template add<&D::db_location>("db-location", location, "The database's file, for metrics.")
        .flag(flag + "-db-location");
    db.template add<&D::address>(
          "address", "",
          "Database server: unix:/path, tcp:ip:port or ssl:ip:port, several with commas; empty: the "
          "unix socket in run-dir.")
        .flag(flag + "-address");
    // The --nb-client-* flags moved to [egressip-healthcheck-tls] and still serve an ssl address here.
    db.template add<&D::client_privkey>("client-privkey", "", "Private key file for ssl.")
        .flag(north ? "" : flag + "-client-privkey");
    db.template add<&D::client_cert>("client-cert", "", "Certificate file for ssl.")
        .flag(north ? "" : flag + "-client-cert");
    db.template add<&D::client_cacert>("client-cacert", "", "CA certificate file for ssl.")
        .flag(north ? "" : flag + "-client-cacert");
    db.template add<&D::cert_common_name>("cert-common-name", "",
                                          "Name that the server's certificate must carry, for ssl.")
        .flag(north ? "" : flag + "-cert-common-name");
}

}  // namespace

void add_node_keys(std::vector<KeySpec>& to) {
    using N = NodeSection;
    Rows<&Settings::node> node(to, "ovnkubenode");
    node.add<&N::mode>("mode", "full", "full, dpu (the network's half, on a DPU) or dpu-host (the host's half).")
        .flag("ovnkube-node-mode");
    node.add<&N::mgmt_port_netdev>("mgmt-port-netdev", "", "Network device to use as management port.")
        .flag("ovnkube-node-mgmt-port-netdev");
    node.add<&N::mgmt_port_dp_resource_name>("mgmt-port-dp-resource-name", "",
                                             "Device plugin resource to take the management port from.")
        .flag("ovnkube-node-mgmt-port-dp-resource-name");
    node.add<&N::dpu_node_lease_renew_interval>("dpu-node-lease-renew-interval", "10",
                                                "Seconds between renewals of a DPU's Lease.");
    node.add<&N::dpu_node_lease_duration>("dpu-node-lease-duration", "40", "Seconds after which a silent DPU is down.");
    node.add<&N::simulate_dpu>("simulate-dpu", "false", "For tests: behave as if there were a DPU.");
    node.add<&N::routing_table_id_start>("routing-table-id-start", "1000",
                                         "First routing table of user-defined networks' VRFs.")
        .flag("ovnkube-node-routing-table-id-start")
        .check([](std::string_view value) -> Result<void> {
            auto number = read_integer(value, 1000, 2147483647);
            if (!number) return std::move(number).error();
            return {};
        });

    Rows<&Settings::cni> cni(to, "cni");
    cni.add<&CniSection::conf_dir>("conf-dir", "/etc/cni/net.d", "Folder of the CNI configuration that weftd writes.")
        .flag("cni-conf-dir");
    cni.add<&CniSection::plugin>("plugin", "ovn-k8s-cni-overlay", "Name under which the CNI program is installed.")
        .flag("cni-plugin")
        .check([](std::string_view value) -> Result<void> {
            if (!value.empty() && value.find('/') == std::string_view::npos) return {};
            return invalid("the CNI plugin's name must be a file name", "leave the folder out: the runtime knows it");
        });
    cni.add<&CniSection::version>("version", "auto",
                                  "Version of the CNI configuration: 0.4.0, 1.0.0, 1.1.0 or auto, which is 1.1.0 with "
                                  "containerd 2 or newer and 1.0.0 otherwise. GC and STATUS come with 1.1.0.")
        .flag("cni-version")
        .check([](std::string_view value) -> Result<void> {
            if (value == "auto" || value == "0.4.0" || value == "1.0.0" || value == "1.1.0") return {};
            return invalid("the CNI version must be auto, 0.4.0, 1.0.0 or 1.1.0");
        });

    add_database_keys<&Settings::ovn_north>(to, "ovnnorth", "nb", "/etc/ovn/ovnnb_db.db");
    add_database_keys<&Settings::ovn_south>(to, "ovnsouth", "sb", "/etc/ovn/ovnsb_db.db");

    Rows<&Settings::ovs_paths> ovs(to, "ovspaths");
    ovs.add<&OvsPathsSection::run_dir>("run-dir", "/var/run/openvswitch/", "Folder of Open vSwitch's sockets.")
        .flag("ovs-run-dir");

    using T = EgressIpTlsSection;
    Rows<&Settings::egress_ip_tls> tls(to, "egressip-healthcheck-tls");
    tls.add<&T::client_privkey>("client-privkey", "", "Private key file of the egress nodes' health check.")
        .flag("nb-client-privkey");
    tls.add<&T::client_cert>("client-cert", "", "Certificate file.").flag("nb-client-cert");
    tls.add<&T::client_cacert>("client-cacert", "", "CA certificate file.").flag("nb-client-cacert");
    tls.add<&T::cert_common_name>("cert-common-name", "", "Name that the node's certificate must carry.")
        .flag("nb-cert-common-name");
}

}  // namespace weft::config
