#include "cni/server/add.hpp"
#include "cni/server/operation.hpp"
#include "cni/server/pod_link.hpp"

#include <weft/base/log.hpp>

#include <algorithm>

namespace weft::cni {

namespace {

/// DEL: the port is found by its sandbox, so it needs no pod, no namespace and no network namespace. What is missing is
/// done; what can't be done now is left to the scrub.
class DelOperation final : public Operation {
  public:
    using Operation::Operation;

    void switch_changed(const std::string* name) override {
        if (name == nullptr && waiting_) go();
    }

  protected:
    void begin() override {
        if (hub_.connected()) return go();
        waiting_ = true;
        const auto self = std::static_pointer_cast<DelOperation>(shared_from_this());
        patience_ = hub_.loop.after(hub_.options.cleanup_deadline, [self] { self->go(); });
    }

  private:
    void go() {
        waiting_ = false;
        hub_.loop.cancel(patience_);
        const Attachment attachment{invocation().container_id, invocation().ifname};
        auto ports = ports_of(attachment, hub_.on_switch());
        auto links = ports;
        const std::string host_if = host_interface(attachment.container_id);
        const auto there = hub_.on_switch().find(host_if);
        // A link whose port is gone already; but not one that is another attachment's.
        if (conf_.topology.empty() && there == hub_.on_switch().end()) links.push_back(host_if);
        const auto self = std::static_pointer_cast<DelOperation>(shared_from_this());
        hub_.remove_ports(std::move(ports), std::move(links), [self](const Result<void>& removed) {
            if (!removed || !self->hub_.connected()) {
                log(LogLevel::warn, "cni", "DEL left something for the scrub",
                    {{"container", self->invocation().container_id},
                     {"reason", removed ? self->hub_.lost_reason() : removed.error().text()}});
                self->hub_.scrub_later();
            }
            self->finish({});
        });
    }

    bool waiting_ = false;
    Loop::TimerId patience_ = 0;
};

/// CHECK: compares link, addresses, routes and port with what the pod should have.
class CheckOperation final : public Operation {
  public:
    CheckOperation(Hub& hub, Request request, NetConf conf, PodArgs pod)
        : Operation(hub, std::move(request), std::move(conf)),
          pod_(std::move(pod)) {}

  protected:
    void begin() override {
        const RowPtr row = hub_.pod_interface(pod_.ns + "/" + pod_.name + "/default");
        if (!row) {
            const std::string name = pod_.ns + "/" + pod_.name;
            return finish({CniError{Code::differs, "pod " + name + " has no interface in weft",
                                    "it was deleted, or weft has not seen it yet"},
                           {}});
        }
        const auto& interface = row.as<tables::PodInterface>();
        check_port(interface);
        check_previous(interface);
        const std::string host_if = host_interface(invocation().container_id);
        const PodLinkSpec spec{invocation().netns, invocation().ifname, host_if, interface, false};
        const auto self = std::static_pointer_cast<CheckOperation>(shared_from_this());
        hub_.on_worker<std::vector<std::string>>(
            [spec] { return check_pod_link(spec); },
            [self](const Result<std::vector<std::string>>& found) { self->conclude(found); });
    }

  private:
    void check_port(const tables::PodInterface& interface) {
        if (!hub_.connected()) {
            differences_.push_back("Open vSwitch is not connected (" + hub_.lost_reason() + ")");
            return;
        }
        const std::string host_if = host_interface(invocation().container_id);
        const auto found = hub_.on_switch().find(host_if);
        if (found == hub_.on_switch().end()) {
            differences_.push_back("port " + host_if + " is not on br-int");
            return;
        }
        const auto expect = [&](const char* key, const std::string& value) {
            const std::string& is = found->second.id(key);
            if (is != value) {
                differences_.push_back("port " + host_if + " has " + key + " \"" + is + "\" instead of \"" + value +
                                       "\"");
            }
        };
        expect("iface-id", interface.iface_id);
        expect("iface-id-ver", interface.pod_uid);
        expect("sandbox", invocation().container_id);
        expect("ovn-installed", "true");
        if (!found->second.error.empty()) {
            differences_.push_back("port " + host_if + " has an error: " + found->second.error);
        }
    }

    /// Addresses that the runtime was told and that are not the pod's any more.
    void check_previous(const tables::PodInterface& interface) {
        if (!conf_.prev_result) return;
        for (const auto& ip : conf_.prev_result->ips) {
            const auto index = static_cast<std::size_t>(ip.interface);
            const auto& interfaces = conf_.prev_result->interfaces;
            const bool of_this = index < interfaces.size() && interfaces[index].name == invocation().ifname;
            const bool known = std::any_of(interface.addresses.begin(), interface.addresses.end(),
                                           [&](const IpPrefix& a) { return a.text() == ip.address; });
            if (of_this && !known) differences_.push_back("prevResult has address " + ip.address + ", weft has not");
        }
    }

    void conclude(const Result<std::vector<std::string>>& found) {
        if (!found) return finish({CniError{Code::kernel, found.error().text(), found.error().mend}, {}});
        differences_.insert(differences_.end(), found->begin(), found->end());
        if (differences_.empty()) return finish({});
        std::string all;
        for (const auto& difference : differences_)
            all += (all.empty() ? "" : "; ") + difference;
        finish({CniError{Code::differs, "the pod's interface is not as it should be: " + all,
                         "delete the pod: its sandbox is made anew"},
                {}});
    }

    const PodArgs pod_;
    std::vector<std::string> differences_;
};

/// GC: whatever is not in the runtime's list of attachments goes.
class GcOperation final : public Operation {
  public:
    using Operation::Operation;

  protected:
    void begin() override {
        if (!hub_.connected()) {
            return finish({CniError{Code::try_again, "Open vSwitch is not connected: " + hub_.lost_reason(), {}}, {}});
        }
        // Without the list nothing is known to be garbage.
        if (!conf_.valid_attachments) return finish({});
        const auto ports = ports_to_collect(*conf_.valid_attachments, hub_.busy_sandboxes(), hub_.on_switch());
        if (ports.empty()) return finish({});
        const auto self = shared_from_this();
        hub_.remove_ports(ports, ports, [this, self](const Result<void>& removed) {
            if (removed) return finish({});
            finish({CniError{Code::try_again, removed.error().text(), removed.error().mend}, {}});
        });
    }
};

class StatusOperation final : public Operation {
  public:
    using Operation::Operation;

  protected:
    void begin() override {
        std::string reason = hub_.not_ready();
        if (reason.empty() && !hub_.connected()) reason = "Open vSwitch is not connected: " + hub_.lost_reason();
        if (reason.empty()) return finish({});
        finish({CniError{Code::not_available, "this node cannot serve pods: " + reason, {}}, {}});
    }
};

}  // namespace

Outcome<std::shared_ptr<Operation>> make_operation(Hub& hub, Request request, NetConf conf) {
    const Command command = request.invocation.command;
    const bool about_a_pod = command == Command::add || command == Command::check;
    PodArgs pod;
    if (about_a_pod) {
        auto parsed = parse_args(request.invocation.args);
        if (!parsed) return parsed.error();
        pod = *std::move(parsed);
        if (!conf.topology.empty()) {
            return CniError{Code::invalid_conf, "topology \"" + conf.topology.substr(0, 40) + "\" is not served here",
                            "only the default network is; secondary networks need their plugin"};
        }
    }
    const auto as_operation = [](auto made) -> std::shared_ptr<Operation> { return made; };
    switch (command) {
        case Command::add:
            return as_operation(
                std::make_shared<AddOperation>(hub, std::move(request), std::move(conf), std::move(pod)));
        case Command::check:
            return as_operation(
                std::make_shared<CheckOperation>(hub, std::move(request), std::move(conf), std::move(pod)));
        case Command::del:
            return as_operation(std::make_shared<DelOperation>(hub, std::move(request), std::move(conf)));
        case Command::gc: return as_operation(std::make_shared<GcOperation>(hub, std::move(request), std::move(conf)));
        case Command::status:
            return as_operation(std::make_shared<StatusOperation>(hub, std::move(request), std::move(conf)));
        case Command::version: break;
    }
    return CniError{Code::protocol, "VERSION is answered by weft-cni itself", {}};
}

}  // namespace weft::cni
