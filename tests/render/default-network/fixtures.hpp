#pragma once

#include "facts.hpp"
#include "plugin.hpp"

#include <weft/tables/kube.hpp>
#include <weft/tables/settings.hpp>
#include <weft/testing/render.hpp>

namespace weft::default_network {

/// n1 with id 2, chassis c1 and a subnet of each family.
inline OwnNode own(bool v4 = true, bool v6 = true) {
    OwnNode node{.name = "n1", .uid = "uid-n1", .id = 2, .chassis = "c1"};
    if (v4) {
        node.subnets.push_back(prefix("10.244.2.0/24"));
        node.transit.push_back(prefix("100.88.0.2/16"));
    }
    if (v6) {
        node.subnets.push_back(prefix("fd00:10:244:2::/64"));
        node.transit.push_back(prefix("fd97::2/64"));
    }
    node.management_mac = Mac::of(ip(v4 ? "10.244.2.2" : "fd00:10:244:2::2"));
    return node;
}

/// n2 with id 3, chassis c2 and a subnet of each family; created after n1.
inline NodeNetwork other() {
    return {.key = Key<NodeNetwork>{"n2"},
            .uid = "uid-n2",
            .created = 200,
            .id = 3,
            .subnets = {prefix("10.244.3.0/24"), prefix("fd00:10:244:3::/64")},
            .transit = {prefix("100.88.0.3/16"), prefix("fd97::3/64")},
            .chassis = "c2",
            .encap_ips = {ip("172.20.0.3")}};
}

inline tables::LocalNode local() {
    return {.name = "n1"};
}

inline tables::Pod pod(const std::string& name = "p1") {
    tables::Pod p;
    p.key = Key<tables::Pod>{"web", name};
    p.ns = "web";
    p.name = name;
    p.uid = "uid-" + name;
    p.created = 300;
    p.node = "n1";
    return p;
}

inline tables::Node node(const std::string& name = "n1") {
    tables::Node n;
    n.key = Key<tables::Node>{name};
    n.uid = "uid-" + name;
    n.created = 100;
    n.internal_ips = {ip("172.20.0.2"), ip("fc00:20::2")};
    return n;
}

}  // namespace weft::default_network
