#include "facts.hpp"
#include "subjects.hpp"

#include <weft/ovn/names.hpp>
#include <weft/ovsdb/ovs.hpp>
#include <weft/tables/cni.hpp>
#include <weft/tables/net.hpp>
#include <weft/tables/settings.hpp>

namespace weft::default_network {

namespace {

/// The management port's row in Open vSwitch, out of all interfaces.
struct ManagementInterface {
    using Table = ovsdb::Replica<ovs::Interface>;
    static constexpr std::string_view index_name = "management";
    static std::string of(const ovs::Interface& row) {
        return row.name.get() == ovn::management_link ? std::string(ovn::management_link) : std::string();
    }
};

tables::ServingCondition condition(std::string_view what, std::string missing) {
    const bool ready = missing.empty();
    return {
        .key = Key<tables::ServingCondition>{"default-network", what}, .ready = ready, .message = std::move(missing)};
}

/// Pods can be given addresses.
struct NodeIsKnown {
    using Driver = tables::LocalNode;
    using Reads = Tables<OwnNode>;
    using Writes = Tables<tables::ServingCondition>;

    static void derive(const Driver& local, const Reader<Reads>& in, Desired<Writes>& out) {
        const auto* node = in.find<OwnNode>(only<OwnNode>());
        std::string missing;
        if (!node) {
            missing = "node " + local.name + " has no subnet yet";
        } else if (node->chassis.empty()) {
            missing = "Open vSwitch of this node has no system-id";
        }
        out.put(condition("node", std::move(missing)));
    }
};

/// The host's own port works, and with it northd, ovn-controller and the switch: a pod's will too.
struct ManagementPortWorks {
    using Driver = tables::LocalNode;
    using Reads = Tables<tables::HostLink, ManagementInterface>;
    using Writes = Tables<tables::ServingCondition>;

    static void derive(const Driver&, const Reader<Reads>& in, Desired<Writes>& out) {
        const auto* link = in.find<tables::HostLink>(Key<tables::HostLink>{ovn::management_link});
        bool installed = false;
        for (const ovs::Interface& row : in.bucket<ManagementInterface>(ovn::management_link)) {
            installed = ovn::entry_of(row.external_ids, "ovn-installed") == "true";
        }
        std::string missing;
        if (!link) {
            missing = "there is no interface ovn-k8s-mp0 yet: is ovs-vswitchd running, and br-int there?";
        } else if (!link->up) {
            missing = "ovn-k8s-mp0 is down";
        } else if (!installed) {
            missing = "ovn-controller has not bound ovn-k8s-mp0: are ovn-northd and ovn-controller running?";
        }
        out.put(condition("management-port", std::move(missing)));
    }
};

}  // namespace

void declare_serving(Declare& d) {
    d.rule<NodeIsKnown>("node-is-known");
    d.rule<ManagementPortWorks>("management-port-works");
}

}  // namespace weft::default_network
