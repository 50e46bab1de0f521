#include "facts.hpp"
#include "subjects.hpp"

#include <weft/ovn/addressing.hpp>
#include <weft/ovn/names.hpp>
#include <weft/ovsdb/nb.hpp>
#include <weft/tables/settings.hpp>

#include <algorithm>
#include <array>

namespace weft::default_network {

namespace {

using nb::Copp;
using nb::LogicalRouterPort;
using nb::LogicalSwitchPort;
using nb::Meter;
using nb::MeterBand;

constexpr std::string_view cluster_router_to_join = "rtoj-ovn_cluster_router";
constexpr std::string_view join_to_cluster_router = "jtor-ovn_cluster_router";
constexpr std::int64_t copp_rate = 25;
constexpr int hairpin_priority = 1001;

/// Kinds of packets that reach ovn-controller, each with a meter of its own.
constexpr std::array copp_protocols{"arp",         "arp-resolve", "bfd",       "event-elb",  "icmp4-error",
                                    "icmp6-error", "reject",      "tcp-reset", "svc-monitor"};

std::string limiter(std::string_view protocol) {
    return std::string(protocol) + "-rate-limiter";
}

Key<MeterBand> band_key(std::int64_t rate) {
    return Key<MeterBand>{"drop", std::to_string(rate)};
}

/// How fast ovn-controller takes packets, and how fast ACLs log.
struct Meters {
    using Driver = tables::NetworkConfig;
    using Reads = Tables<>;
    using Writes = Tables<MeterBand, Meter, Copp>;

    static void derive(const Driver& config, const Reader<Reads>&, Desired<Writes>& out) {
        const auto band = [&](std::int64_t rate) {
            return out.put(MeterBand{.key = band_key(rate), .action = "drop", .rate = rate});
        };
        const auto meter = [&](const std::string& name, const Key<MeterBand>& of) {
            out.put(Meter{.bands = {ovsdb::Ref<MeterBand>(of)}, .fair = true, .name = name, .unit = "pktps"});
        };
        const auto copp_band = band(copp_rate);
        const std::int64_t logging_rate = std::max<std::uint32_t>(config.acl_logging_rate_limit, 1);
        const auto logging_band = logging_rate == copp_rate ? copp_band : band(logging_rate);
        std::vector<std::pair<std::string, std::string>> meters;
        for (const auto* protocol : copp_protocols) {
            meter(limiter(protocol), copp_band);
            meters.emplace_back(protocol, limiter(protocol));
        }
        meter(std::string(ovn::acl_meter), logging_band);
        out.put(Copp{.meters = ovsdb::Map<std::string, std::string>(std::move(meters)),
                     .name = std::string(ovn::copp_name)});
    }
};

/// The cluster's router and the switch between it and the nodes' gateway routers.
struct ClusterRouter {
    using Driver = tables::NetworkConfig;
    using Reads = Tables<>;
    using Writes = Tables<nb::LogicalRouter, nb::LogicalSwitch, LogicalRouterPort, LogicalSwitchPort>;

    static void derive(const Driver& config, const Reader<Reads>&, Desired<Writes>& out) {
        ovsdb::Map<std::string, std::string> options{{"always_learn_from_arp_request", "false"}};
        if (config.multicast) options.set("mcast_relay", "true");
        const auto router = out.put(nb::LogicalRouter{.copp = ovsdb::Ref<Copp>(Key<Copp>{ovn::copp_name}),
                                                      .external_ids = {{"k8s-cluster-router", "yes"}},
                                                      .name = std::string(ovn::cluster_router_name),
                                                      .options = std::move(options)});
        const auto join = out.put(nb::LogicalSwitch{.name = std::string(ovn::join_switch_name)});

        ovsdb::Set<std::string> networks;
        std::optional<Mac> mac;
        for (const Family family : ovn::families(config)) {
            const auto address = ovn::gateway_address(ovn::join_subnet(config, family));
            networks.insert(address.text());
            if (!mac) mac = Mac::of(address.ip());
        }
        if (!mac) return out.fail(invalid("neither IPv4 nor IPv6 is in use", "set cluster-subnets"));
        out.put(LogicalRouterPort{.parent = ovsdb::child_of(router, &nb::LogicalRouter::ports),
                                  .mac = mac->text(),
                                  .name = std::string(cluster_router_to_join),
                                  .networks = std::move(networks)});
        out.put(LogicalSwitchPort{.parent = ovsdb::child_of(join, &nb::LogicalSwitch::ports),
                                  .addresses = {"router"},
                                  .name = std::string(join_to_cluster_router),
                                  .options = {{"router-port", std::string(cluster_router_to_join)}},
                                  .type = "router"});
    }
};

/// Groups that services and policies fill; and the ACLs that let a pod reach itself through a service.
struct ClusterGroups {
    using Driver = tables::NetworkConfig;
    using Reads = Tables<tables::OvnFeature>;
    using Writes = Tables<nb::LoadBalancerGroup, nb::PortGroup, nb::ACL>;

    static void derive(const Driver& config, const Reader<Reads>& in, Desired<Writes>& out) {
        for (const auto& group : {ovn::cluster_lb_group(), ovn::switch_lb_group(), ovn::router_lb_group()}) {
            out.put(nb::LoadBalancerGroup{.name = group.text});
        }
        for (const auto& ids : {ovn::cluster_port_group_ids(), ovn::cluster_router_port_group_ids()}) {
            out.put(nb::PortGroup{.external_ids = ids.external_ids(), .name = ids.hashed_name()});
        }
        const bool tiers = in.find<tables::OvnFeature>(Key<tables::OvnFeature>{"ACL.tier"}) != nullptr;
        for (const bool egress : {true, false})
            out.put(hairpin_acl(config, egress, tiers));
    }

    static nb::ACL hairpin_acl(const tables::NetworkConfig& config, bool egress, bool tiers) {
        const ovn::ObjectIds ids(ovn::default_controller, "NetpolDefault",
                                 {{ovn::name_key, "allow-hairpinning"}, {"direction", egress ? "Egress" : "Ingress"}});
        std::string match;
        for (const Family family : ovn::families(config)) {
            match += match.empty() ? "" : " || ";
            match += family == Family::v4 ? "ip4.src == " : "ip6.src == ";
            match += ovn::masquerade_address(config, family, ovn::Masquerade::service_hairpin).text();
        }
        if (config.ipv4 && config.ipv6) match = "(" + match + ")";
        nb::ACL acl{.key = Key<nb::ACL>{ids.id()},
                    .parent = ovsdb::child_of(ovn::cluster_port_group(), &nb::PortGroup::acls),
                    .action = "allow-related",
                    .direction = egress ? "from-lport" : "to-lport",
                    .external_ids = ids.external_ids(),
                    .log = false,
                    .match = std::move(match),
                    .meter = std::string(ovn::acl_meter),
                    .name = ovsdb::empty,
                    .options = ovsdb::empty,
                    .priority = hairpin_priority};
        if (egress) acl.options->set("apply-after-lb", "true");
        if (tiers) acl.tier = 2;
        return acl;
    }
};

/// Who this database belongs to; northd tells the southbound one.
struct DatabaseName {
    using Driver = tables::LocalNode;
    using Reads = Tables<>;
    using Writes = Tables<nb::NBGlobal, nb::Member>;

    static void derive(const Driver& local, const Reader<Reads>&, Desired<Writes>& out) {
        const auto global = out.put(nb::NBGlobal{.name = local.name});
        out.put(ovsdb::set_entry(global, &nb::NBGlobal::options, "name", local.name));
    }
};

bool is_meter(std::string_view name) {
    return name == ovn::acl_meter || std::any_of(copp_protocols.begin(), copp_protocols.end(),
                                                 [&](const auto* protocol) { return name == limiter(protocol); });
}

}  // namespace

void declare_cluster_topology(Declare& d) {
    d.rule<Meters>("meters");
    d.rule<ClusterRouter>("cluster-router");
    d.rule<ClusterGroups>("cluster-groups");
    d.rule<DatabaseName>("database-name");

    d.claim<Meter>(
        "meters", [](const Meter& r) { return is_meter(r.name.get()); }, by_name);
    // Bands go with the last meter that has them.
    d.adopt<MeterBand>("meter-bands", [](const MeterBand& r) {
        const bool plain = r.action.get() == "drop" && r.burst_size.get() == 0 && r.external_ids.get().empty();
        return plain ? band_key(r.rate.get()).text : std::string();
    });
    // Upstream once made rows without a name; they go.
    d.claim<Copp>(
        "copp", [](const Copp& r) { return r.name.get() == ovn::copp_name || r.name.get().empty(); },
        [](const Copp& r) { return r.name.get().empty() ? "unnamed/" + r.uuid.text() : r.name.get(); });
    d.claim<nb::LogicalRouter>(
        "cluster-router", [](const nb::LogicalRouter& r) { return r.name.get() == ovn::cluster_router_name; }, by_name);
    d.claim<nb::LogicalSwitch>(
        "join", [](const nb::LogicalSwitch& r) { return r.name.get() == ovn::join_switch_name; }, by_name);
    d.claim<LogicalRouterPort>(
        "cluster-router-to-join", [](const LogicalRouterPort& r) { return r.name.get() == cluster_router_to_join; },
        by_name);
    d.claim<LogicalSwitchPort>(
        "join-to-cluster-router", [](const LogicalSwitchPort& r) { return r.name.get() == join_to_cluster_router; },
        by_name, of_the_one);
    d.claim<nb::LoadBalancerGroup>(
        "lb-groups",
        [](const nb::LoadBalancerGroup& r) {
            const auto name = r.name.get();
            return name == ovn::cluster_lb_group().text || name == ovn::switch_lb_group().text ||
                   name == ovn::router_lb_group().text;
        },
        by_name);
    d.claim<nb::PortGroup>(
        "cluster-port-groups",
        [](const nb::PortGroup& r) { return ovn::owned_by(r.external_ids, ovn::default_controller, "Cluster"); },
        by_name);
    d.claim<nb::ACL>(
        "hairpin-acls",
        [](const nb::ACL& r) { return ovn::owned_by(r.external_ids, ovn::default_controller, "NetpolDefault"); },
        [](const nb::ACL& r) { return std::string(ovn::entry_of(r.external_ids, ovn::id_key)); });
    d.adopt<nb::PortGroup>("port-groups-by-name", by_name);
    // northd owns the row; weft makes it when it comes first.
    d.adopt<nb::NBGlobal>("database-name", [](const nb::NBGlobal&) { return std::string("."); });
}

}  // namespace weft::default_network
