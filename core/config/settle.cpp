#include "config/ini.hpp"
#include "config/layers.hpp"
#include "config/networks.hpp"

#include <weft/base/json.hpp>

#include <algorithm>

#include <unistd.h>

/// What concerns more than one key. Messages are OVN-Kubernetes' own where it has one: people search for them.
namespace weft::config {

namespace {

class Settler {
  public:
    Settler(Settings& s, const LoadOptions& options, const Blame& blame, std::vector<Error>& warnings)
        : s_(s),
          options_(options),
          blame_(blame),
          warnings_(warnings) {}

    Result<void> run();

  private:
    Error fail(std::string_view section, std::string_view key, std::string what, std::string mend = {}) const {
        return {ErrorKind::invalid, std::move(what), blame_(section, key), std::move(mend)};
    }
    void warn(std::string_view section, std::string_view key, std::string what, std::string mend = {}) {
        warnings_.push_back(fail(section, key, std::move(what), std::move(mend)));
    }
    /// `text` as a subnet of this family, or "<what> specified, subnet: …".
    Result<void> subnet(std::string_view section, std::string_view key, const std::string& text, Family family,
                        std::string_view what, IpPrefix& to) const;
    /// The key that a use of subnets stands under.
    std::string where(SubnetPlan::Use use) const;

    Result<void> role();
    Result<void> default_section();
    Result<void> certificate();
    Result<void> kubernetes();
    Result<void> features();
    Result<void> gateway();
    Result<void> election();
    Result<void> node();
    Result<void> transport();
    Result<void> monitoring();
    Result<void> subnets();
    Result<void> databases();
    Result<Endpoint> database(std::string_view section, std::string_view side, const DatabaseSection& from) const;

    Settings& s_;
    const LoadOptions& options_;
    const Blame& blame_;
    std::vector<Error>& warnings_;
};

Result<void> Settler::run() {
    using Step = Result<void> (Settler::*)();
    for (Step step : {&Settler::role, &Settler::default_section, &Settler::kubernetes, &Settler::features,
                      &Settler::gateway, &Settler::election, &Settler::node, &Settler::transport, &Settler::monitoring,
                      &Settler::subnets, &Settler::databases}) {
        if (auto done = (this->*step)(); !done) return done;
    }
    return {};
}

Result<void> Settler::role() {
    auto& weft = s_.weft;
    if (weft.role.empty() && options_.for_start) {
        return invalid("need to specify a mode for ovnkube", "give --role node or --role cluster");
    }
    // The mode of [ovnkubenode] and the roles dpu and dpu-host say the same thing.
    if (weft.role == "dpu" || weft.role == "dpu-host") {
        if (s_.node.mode != "full" && s_.node.mode != weft.role) {
            return fail("ovnkubenode", "mode",
                        "role " + weft.role + " and ovnkube-node-mode " + s_.node.mode + " differ",
                        "leave one of them out");
        }
        s_.node.mode = weft.role;
    }
    s_.role = weft.role == "cluster" ? Role::cluster : Role::node;
    s_.node_name = weft.node;
    if (s_.node_name.empty()) {
        char name[256] = {};
        if (options_.host_name.empty() && ::gethostname(name, sizeof(name) - 1) != 0) name[0] = '\0';
        s_.node_name = lower_case(options_.host_name.empty() ? std::string(name) : options_.host_name);
    }
    if (s_.role == Role::node && !is_dns_subdomain(s_.node_name)) {
        return fail("weft", "node", json_quote(s_.node_name) + " is no name of a Node",
                    "give the Node object's name with --node");
    }
    if (weft.unprivileged_mode) {
        warn("weft", "unprivileged-mode", "unprivileged mode is not supported: weftd sets up pods itself",
             "leave it out");
    }
    return {};
}

Result<void> Settler::default_section() {
    const auto& d = s_.base;
    if (d.cluster_subnets.empty()) return fail("default", "cluster-subnets", "cluster subnet is required");
    auto subnets = parse_cluster_subnets(d.cluster_subnets);
    if (!subnets) {
        return fail("default", "cluster-subnets", "cluster subnet invalid: " + subnets.error().what,
                    subnets.error().mend);
    }
    s_.cluster_subnets = std::move(*subnets);
    for (const auto& text : split_list(d.encap_ip)) {
        auto ip = Ip::parse(text);
        if (!ip)
            return fail("default", "encap-ip", "invalid encapsulation IP " + json_quote(text), "write an IP address");
        s_.encap_ips.push_back(*ip);
    }
    for (const auto& service : d.udn_allowed_default_services) {
        const auto slash = std::min(service.find('/'), service.size());
        if (slash == service.size() || !is_dns_label(service.substr(0, slash)) ||
            !is_dns_subdomain(service.substr(slash + 1))) {
            return fail("default", "udn-allowed-default-services",
                        "UDN allowed services field is invalid: " + json_quote(service) + " is no namespace/name");
        }
    }
    const auto& nad = d.cluster_default_nad;
    if (!nad.empty()) {
        const auto slash = nad.find('/');
        if (slash == std::string::npos || !is_dns_label(nad.substr(0, slash)) ||
            !is_dns_subdomain(nad.substr(slash + 1))) {
            return fail("default", "cluster-default-nad", "invalid cluster-default-nad " + json_quote(nad),
                        "write namespace/name");
        }
    }
    return {};
}

bool is_base64(std::string_view text) {
    while (text.ends_with('='))
        text.remove_suffix(1);
    return text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/\n") ==
           std::string_view::npos;
}

/// Of the node itself.
Result<void> Settler::certificate() {
    const auto& k = s_.kubernetes;
    if (s_.role == Role::node && !k.bootstrap_kubeconfig.empty() && !k.kubeconfig.empty()) {
        warn("kubernetes", "bootstrap-kubeconfig", "kubeconfig says who weftd is: no certificate is asked for",
             "leave one of them out");
    }
    if (!options_.for_start || !s_.wants_certificate()) return {};
    if (k.cert_dir.empty()) {
        return fail("kubernetes", "cert-dir", "bootstrap-kubeconfig needs cert-dir, a folder for the certificate",
                    "set cert-dir, such as /var/lib/weft/certificates");
    }
    if (k.cert_duration < std::chrono::minutes(10)) {
        return fail("kubernetes", "cert-duration", "the API server signs for no less than 10 minutes",
                    "set cert-duration to 10m or more");
    }
    return {};
}

Result<void> Settler::kubernetes() {
    const auto& k = s_.kubernetes;
    if (!k.kubeconfig.empty() && ::access(k.kubeconfig.c_str(), F_OK) != 0) {
        return fail("kubernetes", "kubeconfig",
                    "kubernetes kubeconfig file " + json_quote(k.kubeconfig) + " not found");
    }
    const auto scheme = k.apiserver.substr(0, std::min(k.apiserver.find("://"), k.apiserver.size()));
    if (scheme == k.apiserver || (scheme != "http" && scheme != "https")) {
        return fail("kubernetes", "apiserver",
                    "kubernetes API server URL scheme " + json_quote(scheme == k.apiserver ? "" : scheme) + " invalid",
                    "write https://address:port");
    }
    if (!is_base64(k.cacert_data)) return fail("kubernetes", "cacert-data", "cacert-data is not base64");
    const bool has_credentials = !k.token.empty() || !k.token_file.empty() || !k.cert_dir.empty();
    const bool has_ca = !k.cacert.empty() || !k.cacert_data.empty();
    if (options_.for_start && k.kubeconfig.empty() && scheme == "https" && (!has_ca || !has_credentials)) {
        return fail("kubernetes", "apiserver", "TLS-secured apiservers require token/cert and CA certificate",
                    has_ca ? "set token, tokenFile or cert-dir" : "set cacert");
    }
    if (auto settled = certificate(); !settled) return settled;
    if (k.service_cidrs.empty()) return fail("kubernetes", "service-cidrs", "kubernetes service-cidrs is required");
    for (const auto& text : split_list(k.service_cidrs)) {
        auto cidr = parse_subnet(text);
        if (!cidr) {
            return fail("kubernetes", "service-cidrs",
                        "kubernetes service network CIDR " + json_quote(text) + " invalid: " + cidr.error().what,
                        cidr.error().mend);
        }
        s_.service_cidrs.push_back(*cidr);
    }
    const auto& cidrs = s_.service_cidrs;
    if (cidrs.empty() || cidrs.size() > 2 || (cidrs.size() == 2 && cidrs[0].family() == cidrs[1].family())) {
        return fail("kubernetes", "service-cidrs",
                    "kubernetes service-cidrs must contain either a single CIDR or else an IPv4/IPv6 pair");
    }
    return {};
}

Result<void> Settler::features() {
    const auto& f = s_.feature;
    constexpr std::string_view section = "ovnkubernetesfeature";
    const auto& mode = f.advertised_udn_isolation_mode;
    if (mode != "strict" && mode != "loose") {
        return fail(section, "advertised-udn-isolation-mode",
                    "invalid advertised-udn-isolation-mode " + json_quote(mode) + ": expect one of strict or loose");
    }
    struct Need {
        bool on;
        std::string_view key;
        bool given;
        std::string_view needed;
    };
    const Need needs[] = {
        {f.enable_evpn, "enable-evpn", f.enable_route_advertisements, "enable-route-advertisements"},
        {f.enable_dynamic_udn_allocation, "enable-dynamic-udn-allocation", f.enable_network_segmentation,
         "enable-network-segmentation"},
        {f.enable_uplink, "enable-uplink", f.enable_network_segmentation, "enable-network-segmentation"},
    };
    for (const auto& need : needs) {
        if (!need.on || need.given) continue;
        return fail(section, need.key, std::string(need.key) + " requires " + std::string(need.needed),
                    "set " + std::string(need.needed) + " = true too");
    }
    if (f.enable_evpn && s_.gateway.mode != "local") {
        return fail(section, "enable-evpn", "enable-evpn requires gateway mode local", "set [gateway] mode = local");
    }
    return {};
}

Result<void> Settler::gateway() {
    const auto& g = s_.gateway;
    const bool disabled = g.mode.empty();
    if (!disabled && g.mode != "shared" && g.mode != "local") {
        return fail("gateway", "mode", "invalid gateway mode " + json_quote(g.mode) + ": expect one of shared,local");
    }
    if (!disabled && !g.ephemeral_port_range.empty() && !is_port_range(g.ephemeral_port_range)) {
        return fail("gateway", "ephemeral-port-range",
                    "invalid ephemeral-port-range, should be in the format <min port>-<max port>");
    }
    if (disabled && !g.interface.empty()) {
        return fail("gateway", "interface",
                    "gateway interface option " + json_quote(g.interface) + " not allowed when gateway is disabled",
                    "set [gateway] mode");
    }
    if (disabled && !g.next_hop.empty()) {
        return fail("gateway", "next-hop",
                    "gateway next-hop option " + json_quote(g.next_hop) + " not allowed when gateway is disabled",
                    "set [gateway] mode");
    }
    if (disabled && !g.ephemeral_port_range.empty()) {
        return fail("gateway", "ephemeral-port-range",
                    "gateway ephemeral port range option not allowed when gateway is disabled", "set [gateway] mode");
    }
    if (g.mode != "shared" && g.vlan_id != 0) {
        return fail(
            "gateway", "vlan-id",
            "gateway VLAN ID option: " + std::to_string(g.vlan_id) + " is supported only in shared gateway mode");
    }
    if (g.vlan_id > 4094)
        return fail("gateway", "vlan-id", "VLAN ID " + std::to_string(g.vlan_id) + " is out of range");
    if (!disabled) {
        warn("gateway", "mode",
             "gateway mode " + json_quote(g.mode) + " is accepted, but this version programs no gateway yet",
             "pods reach each other and their nodes, not the world outside");
    }
    return {};
}

Result<void> Settler::election() {
    const auto& e = s_.election;
    if (e.lease_duration <= e.renew_deadline) {
        return fail("clustermgrha", "election-lease-duration",
                    "invalid HA election lease duration '" + std::to_string(e.lease_duration) +
                        "'. It should be greater than HA election renew deadline '" + std::to_string(e.renew_deadline) +
                        "'");
    }
    if (e.renew_deadline <= e.retry_period) {
        return fail("clustermgrha", "election-renew-deadline",
                    "invalid HA election renew deadline duration '" + std::to_string(e.renew_deadline) +
                        "'. It should be greater than HA election retry period '" + std::to_string(e.retry_period) +
                        "'");
    }
    if (e.retry_period <= 0) {
        return fail("clustermgrha", "election-retry-period",
                    "the HA election retry period must be at least one second");
    }
    return {};
}

Result<void> Settler::node() {
    const auto& n = s_.node;
    constexpr std::string_view section = "ovnkubenode";
    if (n.mode != "full" && n.mode != "dpu" && n.mode != "dpu-host") {
        return fail(section, "mode",
                    "unexpected ovnkube-node-mode: " + n.mode + ". supported modes: [full dpu dpu-host]");
    }
    s_.node_mode = n.mode == "full" ? NodeMode::full : n.mode == "dpu" ? NodeMode::dpu : NodeMode::dpu_host;
    if (s_.node_mode != NodeMode::full && s_.hybrid_overlay.enabled) {
        return fail("hybridoverlay", "enabled", "hybrid overlay is not supported with ovnkube-node mode " + n.mode);
    }
    const bool has_port = !n.mgmt_port_netdev.empty() || !n.mgmt_port_dp_resource_name.empty();
    if (s_.node_mode == NodeMode::dpu && has_port) {
        return fail(section, n.mgmt_port_netdev.empty() ? "mgmt-port-dp-resource-name" : "mgmt-port-netdev",
                    "ovnkube-node-mgmt-port-netdev or ovnkube-node-mgmt-port-dp-resource-name must not be provided");
    }
    if (s_.node_mode == NodeMode::dpu_host && !has_port) {
        return fail(section, "mode",
                    "ovnkube-node-mgmt-port-netdev or ovnkube-node-mgmt-port-dp-resource-name must be provided");
    }
    if (s_.feature.enable_network_segmentation && s_.node_mode == NodeMode::dpu_host &&
        n.mgmt_port_dp_resource_name.empty()) {
        return fail(
            section, "mode",
            "ovnkube-node-mgmt-port-dp-resource-name must be provided on dpu-host mode if network segmentation is "
            "enabled");
    }
    if (n.dpu_node_lease_renew_interval < 0) {
        return fail(section, "dpu-node-lease-renew-interval", "the DPU lease renew interval must not be negative");
    }
    if (n.dpu_node_lease_duration <= n.dpu_node_lease_renew_interval) {
        return fail(section, "dpu-node-lease-duration",
                    "the DPU lease duration '" + std::to_string(n.dpu_node_lease_duration) +
                        "' must be greater than its renew interval '" +
                        std::to_string(n.dpu_node_lease_renew_interval) + "'");
    }
    return {};
}

Result<void> Settler::transport() {
    const auto& transport = s_.base.transport;
    const auto& n = s_.no_overlay;
    if (!transport.empty() && transport != "no-overlay") {
        return fail("default", "transport", "invalid transport " + json_quote(transport), "use no-overlay or nothing");
    }
    if (!n.outbound_snat.empty() && n.outbound_snat != "enabled" && n.outbound_snat != "disabled") {
        return fail("no-overlay", "outbound-snat", "invalid outbound-snat " + json_quote(n.outbound_snat),
                    "use enabled or disabled");
    }
    if (!n.routing.empty() && n.routing != "managed" && n.routing != "unmanaged") {
        return fail("no-overlay", "routing", "invalid routing " + json_quote(n.routing), "use managed or unmanaged");
    }
    if (transport.empty()) return {};
    if (!s_.feature.enable_route_advertisements) {
        return fail("default", "transport", "transport no-overlay requires enable-route-advertisements");
    }
    if (n.outbound_snat.empty())
        return fail("default", "transport", "transport no-overlay requires [no-overlay] outbound-snat");
    if (n.routing.empty()) return fail("default", "transport", "transport no-overlay requires [no-overlay] routing");
    if (n.routing != "managed") return {};
    if (s_.bgp_managed.topology != "full-mesh") {
        return fail("bgp-managed", "topology", "invalid topology " + json_quote(s_.bgp_managed.topology),
                    "managed routing needs full-mesh");
    }
    if (!is_dns_label(s_.bgp_managed.frr_namespace)) {
        return fail("bgp-managed", "frr-namespace", "invalid frr-namespace " + json_quote(s_.bgp_managed.frr_namespace),
                    "managed routing needs the namespace of FRR-K8s");
    }
    return {};
}

/// "ip:port", "[ip]:port" or ":port".
bool is_collector(std::string_view text) {
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos || !read_integer(text.substr(colon + 1), 1, 65535).ok()) return false;
    auto host = text.substr(0, colon);
    if (host.size() > 1 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
    return host.empty() || Ip::parse(host).ok();
}

Result<void> Settler::monitoring() {
    const auto& m = s_.monitoring;
    const std::pair<std::string_view, const std::vector<std::string>*> kinds[] = {
        {"netflow", &m.netflow_targets}, {"sflow", &m.sflow_targets}, {"ipfix", &m.ipfix_targets}};
    for (const auto& [kind, targets] : kinds) {
        for (const auto& target : *targets) {
            if (is_collector(target)) continue;
            return fail("monitoring", std::string(kind) + "-targets",
                        std::string(kind) + " targets invalid: " + json_quote(target), "write ip:port or :port");
        }
    }
    return {};
}

Result<void> Settler::subnet(std::string_view section, std::string_view key, const std::string& text, Family family,
                             std::string_view what, IpPrefix& to) const {
    auto parsed = parse_subnet(text);
    if (parsed && parsed->family() == family) {
        to = *parsed;
        return {};
    }
    return fail(section, key,
                std::string(what) + " specified, subnet: " + text +
                    ": error: " + (parsed ? "it is of the other family" : parsed.error().what));
}

std::string Settler::where(SubnetPlan::Use use) const {
    switch (use) {
        case SubnetPlan::Use::service: return blame_("kubernetes", "service-cidrs");
        case SubnetPlan::Use::cluster: return blame_("default", "cluster-subnets");
        case SubnetPlan::Use::join: return blame_("gateway", "v4-join-subnet");
        case SubnetPlan::Use::masquerade: return blame_("gateway", "v4-masquerade-subnet");
        case SubnetPlan::Use::hybrid: return blame_("hybridoverlay", "cluster-subnets");
        case SubnetPlan::Use::transit: return blame_("clustermanager", "v4-transit-subnet");
    }
    return {};
}

Result<void> Settler::subnets() {
    const auto& g = s_.gateway;
    const auto& c = s_.cluster_manager;
    struct Plain {
        std::string_view section, key;
        const std::string& text;
        Family family;
        std::string_view what;
        IpPrefix& to;
    };
    const Plain plain[] = {
        {"gateway", "v4-join-subnet", g.v4_join_subnet, Family::v4, "invalid gateway v4 join subnet", s_.join_v4},
        {"gateway", "v6-join-subnet", g.v6_join_subnet, Family::v6, "invalid gateway v6 join subnet", s_.join_v6},
        {"gateway", "v4-masquerade-subnet", g.v4_masquerade_subnet, Family::v4, "invalid gateway v4 masquerade subnet",
         s_.masquerade_v4},
        {"gateway", "v6-masquerade-subnet", g.v6_masquerade_subnet, Family::v6, "invalid gateway v6 masquerade subnet",
         s_.masquerade_v6},
        {"clustermanager", "v4-transit-subnet", c.v4_transit_subnet, Family::v4, "invalid transit switch v4 subnet",
         s_.transit_v4},
        {"clustermanager", "v6-transit-subnet", c.v6_transit_subnet, Family::v6, "invalid transit switch v6 subnet",
         s_.transit_v6},
    };
    for (const auto& p : plain) {
        if (auto read = subnet(p.section, p.key, p.text, p.family, p.what, p.to); !read) return read;
    }
    // Base + 1 to base + 5 are in use.
    if (s_.masquerade_v4.length() > 29 || s_.masquerade_v6.length() > 125) {
        const bool v4 = s_.masquerade_v4.length() > 29;
        return fail("gateway", v4 ? "v4-masquerade-subnet" : "v6-masquerade-subnet",
                    std::string("unable to allocate ") + (v4 ? "V4" : "V6") + "MasqueradeIPs: the subnet is too small",
                    v4 ? "use /29 or larger" : "use /125 or larger");
    }
    if (s_.hybrid_overlay.enabled && !s_.hybrid_overlay.cluster_subnets.empty()) {
        auto hybrid = parse_cluster_subnets(s_.hybrid_overlay.cluster_subnets);
        if (!hybrid) {
            return fail("hybridoverlay", "cluster-subnets",
                        "hybrid overlay cluster subnet invalid: " + hybrid.error().what, hybrid.error().mend);
        }
        s_.hybrid_subnets = std::move(*hybrid);
    }
    if (s_.hybrid_overlay.enabled && s_.hybrid_overlay.vxlan_port > 65535) {
        return fail("hybridoverlay", "hybrid-overlay-vxlan-port",
                    "hybrid overlay vxlan port is invalid. The port cannot be larger than 65535");
    }

    using Use = SubnetPlan::Use;
    SubnetPlan plan;
    for (const auto& cidr : s_.service_cidrs)
        plan.add(Use::service, cidr);
    for (const auto& cidr : s_.cluster_subnets)
        plan.add(Use::cluster, cidr.range);
    for (const auto& cidr : {s_.join_v4, s_.join_v6})
        plan.add(Use::join, cidr);
    for (const auto& cidr : {s_.masquerade_v4, s_.masquerade_v6})
        plan.add(Use::masquerade, cidr);
    for (const auto& cidr : s_.hybrid_subnets)
        plan.add(Use::hybrid, cidr.range);
    for (const auto& cidr : {s_.transit_v4, s_.transit_v6})
        plan.add(Use::transit, cidr);
    if (auto clash = plan.overlap()) {
        return Error{ErrorKind::invalid, std::move(clash->text), where(clash->later),
                     "choose ranges that don't share addresses"};
    }
    if (auto mismatch = plan.family_mismatch()) {
        return Error{ErrorKind::invalid, std::move(*mismatch), where(Use::cluster),
                     "give all of them the same families"};
    }
    s_.ipv4 = plan.has(Family::v4);
    s_.ipv6 = plan.has(Family::v6);
    std::ranges::stable_sort(s_.cluster_subnets, {}, [](const tables::ClusterSubnet& c2) { return c2.range.family(); });
    std::ranges::stable_sort(s_.service_cidrs, {}, [](const IpPrefix& p) { return p.family(); });
    return {};
}

std::string socket_in(const std::string& dir, std::string_view name) {
    return "unix:" + dir + (dir.ends_with('/') ? "" : "/") + std::string(name);
}

Result<Endpoint> Settler::database(std::string_view section, std::string_view side, const DatabaseSection& from) const {
    Endpoint to{{}, from.client_privkey, from.client_cert, from.client_cacert, from.cert_common_name};
    const bool has_keys = !to.private_key.empty() || !to.certificate.empty() || !to.ca_certificate.empty();
    if (!from.address.empty()) {
        auto address = parse_database_address(from.address);
        if (!address) return fail(section, "address", address.error().what, address.error().mend);
        to.remote = std::move(*address);
    } else {
        to.remote = socket_in(from.run_dir, "ovn" + std::string(side) + "_db.sock");
    }
    if (!to.tls() && has_keys) {
        // [ovnnorth] without an address: these are the old place of [egressip-healthcheck-tls].
        if (section == "ovnnorth" && from.address.empty()) return Endpoint{to.remote, {}, {}, {}, {}};
        return fail(section, "client-privkey", "certificate or key given; perhaps you mean to use the 'ssl' scheme?");
    }
    if (!to.tls()) return to;
    const std::string base = "/etc/openvswitch/ovn" + std::string(side);
    const auto& late = s_.egress_ip_tls;
    const auto fill = [&](std::string& member, const std::string& flag, const std::string& standard) {
        if (member.empty() && side == "nb") member = flag;
        if (member.empty()) member = standard;
    };
    fill(to.private_key, late.client_privkey, base + "-privkey.pem");
    fill(to.certificate, late.client_cert, base + "-cert.pem");
    fill(to.ca_certificate, late.client_cacert, base + "-ca.cert");
    fill(to.common_name, late.cert_common_name, "");
    if (to.common_name.empty()) {
        return fail(
            section, "cert-common-name",
            "must specify private key, certificate, CA certificate, and common name used in the certificate for 'ssl' "
            "scheme",
            "set cert-common-name");
    }
    return to;
}

Result<void> Settler::databases() {
    auto north = database("ovnnorth", "nb", s_.ovn_north);
    if (!north) return std::move(north).error();
    auto south = database("ovnsouth", "sb", s_.ovn_south);
    if (!south) return std::move(south).error();
    s_.north = std::move(*north);
    s_.south = std::move(*south);
    s_.switch_db.remote = socket_in(s_.ovs_paths.run_dir, "db.sock");

    auto& tls = s_.egress_ip_tls;
    if (!s_.north.tls()) {
        const auto& old = s_.ovn_north;
        if (tls.client_privkey.empty()) tls.client_privkey = old.client_privkey;
        if (tls.client_cert.empty()) tls.client_cert = old.client_cert;
        if (tls.client_cacert.empty()) tls.client_cacert = old.client_cacert;
        if (tls.cert_common_name.empty()) tls.cert_common_name = old.cert_common_name;
    }
    return {};
}

}  // namespace

Result<void> settle(Settings& settings, const LoadOptions& options, const Blame& blame, std::vector<Error>& warnings) {
    return Settler(settings, options, blame, warnings).run();
}

}  // namespace weft::config
