#include "cni/server/switch_rows.hpp"

#include <weft/base/overloaded.hpp>

#include <algorithm>

namespace weft::cni {

namespace {

const std::string iface_id_key = "iface-id";
const std::string uid_key = "iface-id-ver";
const std::string sandbox_key = "sandbox";
const std::string pod_if_key = "pod-if-name";
const std::string network_key = "k8s.ovn.org/network";
const std::string nad_key = "k8s.ovn.org/nad";

std::string joined(const std::vector<std::string>& parts) {
    std::string out;
    for (const auto& part : parts)
        out += (out.empty() ? "" : ",") + part;
    return out;
}

}  // namespace

const std::string& SwitchInterface::id(const std::string& key) const {
    static const std::string none;
    const auto found = external_ids.find(key);
    return found == external_ids.end() ? none : found->second;
}

std::string to_text(const PortOperation& operation) {
    return std::visit(Overloaded{[](const AddPort& o) { return "add port " + o.name; },
                                 [](const RemovePort& o) { return "remove port " + o.name; },
                                 [](const SetExternalIds& o) { return "set external_ids of " + o.name; }},
                      operation);
}

std::map<std::string, std::string> PodPort::external_ids() const {
    std::map<std::string, std::string> ids{{iface_id_key, iface_id},
                                           {uid_key, pod_uid},
                                           {"attached_mac", mac},
                                           {sandbox_key, sandbox},
                                           {pod_if_key, pod_if}};
    if (!addresses.empty()) ids["ip_addresses"] = joined(addresses);
    if (!network.empty()) ids[network_key] = network;
    if (!nad.empty()) ids[nad_key] = nad;
    return ids;
}

std::string host_interface(const std::string& container_id) {
    return container_id.substr(0, 15);
}

Outcome<std::vector<PortOperation>> plan_add(const PodPort& port, const SwitchInterfaces& there) {
    std::vector<PortOperation> operations;
    const SwitchInterface* own = nullptr;
    for (const auto& [name, interface] : there) {
        if (name == port.host_if) {
            own = &interface;
        } else if (interface.id(iface_id_key) == port.iface_id) {
            operations.push_back(RemovePort{name});
        }
    }
    const auto wanted = port.external_ids();
    if (own == nullptr) {
        operations.push_back(AddPort{port.host_if, wanted, {{"transient", "true"}}});
        return operations;
    }
    if (own->id(iface_id_key) != port.iface_id || own->id(nad_key) != port.nad) {
        return CniError{Code::open_vswitch,
                        "OVS port " + port.host_if + " was added for iface-id (" + own->id(iface_id_key) +
                            "), now readding it for (" + port.iface_id + ")",
                        "remove the port if its pod is gone: ovs-vsctl del-port " + port.host_if};
    }
    SetExternalIds update{port.host_if, {}, {}};
    for (const auto& [key, value] : wanted) {
        if (own->id(key) != value) update.set[key] = value;
    }
    for (const auto& key : {std::string("ip_addresses"), network_key, nad_key}) {
        if (!wanted.contains(key) && own->external_ids.contains(key)) update.remove.push_back(key);
    }
    if (!update.set.empty() || !update.remove.empty()) operations.push_back(std::move(update));
    return operations;
}

std::vector<std::string> ports_of(const Attachment& attachment, const SwitchInterfaces& there) {
    std::vector<std::string> names;
    for (const auto& [name, interface] : there) {
        if (interface.id(sandbox_key) != attachment.container_id) continue;
        const std::string& pod_if = interface.id(pod_if_key);
        if (pod_if.empty() || pod_if == attachment.ifname) names.push_back(name);
    }
    return names;
}

std::vector<std::string> ports_to_collect(const std::vector<Attachment>& valid, const std::set<std::string>& busy,
                                          const SwitchInterfaces& there) {
    std::vector<std::string> names;
    for (const auto& [name, interface] : there) {
        const std::string& sandbox = interface.id(sandbox_key);
        const std::string& pod_if = interface.id(pod_if_key);
        if (sandbox.empty() || !interface.id(nad_key).empty() || busy.contains(sandbox)) continue;
        const bool known = std::any_of(valid.begin(), valid.end(), [&](const Attachment& a) {
            return a.container_id == sandbox && (pod_if.empty() || a.ifname == pod_if);
        });
        if (!known) names.push_back(name);
    }
    return names;
}

std::vector<std::string> ports_to_scrub(const std::set<std::string>& local_uids, const std::set<std::string>& busy,
                                        const SwitchInterfaces& there) {
    std::vector<std::string> names;
    for (const auto& [name, interface] : there) {
        const std::string& sandbox = interface.id(sandbox_key);
        if (sandbox.empty() || busy.contains(sandbox)) continue;
        const std::string& uid = interface.id(uid_key);
        const bool stranger = !uid.empty() && !local_uids.contains(uid);
        const bool broken = interface.ofport == -1;
        if (stranger || broken) names.push_back(name);
    }
    return names;
}

Binding binding_of(const PodPort& port, const SwitchInterfaces& there) {
    const auto found = there.find(port.host_if);
    if (found == there.end()) return {Binding::State::absent, {}};
    const SwitchInterface& interface = found->second;
    if (interface.id(iface_id_key) != port.iface_id || interface.id(sandbox_key) != port.sandbox) {
        return {Binding::State::failed,
                {Code::superseded,
                 "OVS port " + port.host_if + " is no longer active (probably due to a subsequent CNI ADD)",
                 {}}};
    }
    if (interface.ofport == -1) {
        return {Binding::State::failed,
                {Code::open_vswitch,
                 "Open vSwitch cannot add port " + port.host_if + ": " +
                     (interface.error.empty() ? "no reason given" : interface.error),
                 "ovs-vswitchd.log says more"}};
    }
    if (interface.id("ovn-installed") == "true") return {Binding::State::installed, {}};
    return {Binding::State::waiting, {}};
}

}  // namespace weft::cni
