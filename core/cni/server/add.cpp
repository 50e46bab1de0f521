#include "cni/server/add.hpp"

#include <weft/base/log.hpp>

namespace weft::cni {

namespace {

/// What is wrong goes into the message, what to do into the details.
CniError cni_error(Code code, const std::string& before, Error error) {
    std::string mend = std::exchange(error.mend, {});
    return {code, before + error.text(), std::move(mend)};
}

std::string joined(const std::vector<IpPrefix>& addresses) {
    std::string out;
    for (const auto& address : addresses)
        out += (out.empty() ? "" : " ") + address.text();
    return out;
}

}  // namespace

AddOperation::AddOperation(Hub& hub, Request request, NetConf conf, PodArgs pod)
    : Operation(hub, std::move(request), std::move(conf)),
      pod_(std::move(pod)),
      pod_key_(pod_.ns + "/" + pod_.name + "/default"),
      host_if_(host_interface(invocation().container_id)),
      stage_since_(arrived_) {}

bool AddOperation::join(Operation& later) {
    auto* same = dynamic_cast<AddOperation*>(&later);
    if (same == nullptr || failed_ || same->pod_key_ != pod_key_ || same->invocation().netns != invocation().netns) {
        return false;
    }
    same->hand_over(*this);
    return true;
}

void AddOperation::begin() {
    const auto self = std::static_pointer_cast<AddOperation>(shared_from_this());
    deadline_ = hub_.loop.at(arrived_ + hub_.options.deadline, [self] { self->late(); });
    if (make_room()) look_for_interface();
}

/// A newer ADD for a pod takes over from an older one. Two sandboxes whose host links would have one name can't both
/// be.
bool AddOperation::make_room() {
    for (const auto& operation : hub_.operations(this)) {
        const auto* other = dynamic_cast<AddOperation*>(operation.get());
        if (other == nullptr || !other->started() || other->queue_given == queue_given) continue;
        if (other->pod_key_ == pod_key_ && other->invocation().ifname == invocation().ifname) {
            operation->cancel({Code::superseded, "a newer ADD for pod " + pod_.ns + "/" + pod_.name + " took over",
                               "its sandbox is " + invocation().container_id});
        } else if (other->host_if_ == host_if_) {
            fail({Code::try_again, "another sandbox's link has the same name " + host_if_, {}});
            return false;
        }
    }
    return true;
}

// --- finding out what the pod should get
// -------------------------------------------------------------------------------

void AddOperation::look_for_interface() {
    if (row_ || failed_) return;
    const RowPtr row = hub_.pod_interface(pod_key_);
    if (row && is_for(row.as<tables::PodInterface>())) return take(row);
    ask_about_pod();
}

/// A row of an earlier pod of the same name may still be there, or that of a later one be there already.
bool AddOperation::is_for(const tables::PodInterface& interface) const {
    if (!pod_.uid.empty() && interface.pod_uid == pod_.uid) return true;
    if (!facts_) return false;
    const bool adopt = pod_.uid.empty() || facts_->static_pod;
    return adopt && interface.pod_uid == facts_->uid;
}

void AddOperation::ask_about_pod() {
    if (std::exchange(asking_, true)) return;
    const auto self = std::static_pointer_cast<AddOperation>(shared_from_this());
    hub_.pods.find(pod_.ns, pod_.name, [self, loop = hub_.shared_loop](Result<std::optional<PodFacts>> facts) {
        loop->post([self, facts = std::move(facts)] { self->pod_known(facts); });
    });
}

void AddOperation::pod_known(const Result<std::optional<PodFacts>>& facts) {
    asking_ = false;
    if (row_ || failed_) return;
    if (!facts) {
        ask_problem_ = facts.error().text();
        const auto self = std::static_pointer_cast<AddOperation>(shared_from_this());
        hub_.loop.after(std::chrono::seconds(1), [self] { self->look_for_interface(); });
        return;
    }
    ask_problem_.clear();
    const std::string name = pod_.ns + "/" + pod_.name;
    if (!*facts) return fail({Code::pod_gone, "pod " + name + " is not in the cluster (any more)", {}});
    facts_ = **facts;
    if (!pod_.uid.empty() && !facts_->static_pod && facts_->uid != pod_.uid) {
        return fail({Code::pod_gone,
                     "pod deleted before sandbox ADD operation began. Request Pod UID " + pod_.uid +
                         " is different from the Pod UID (" + facts_->uid + ") retrieved from the API",
                     {}});
    }
    const RowPtr row = hub_.pod_interface(pod_key_);
    if (row && is_for(row.as<tables::PodInterface>())) take(row);
}

void AddOperation::pod_interface_changed(const std::string& key) {
    if (key != pod_key_ || !started() || failed_) return;
    if (!row_) return look_for_interface();
    const auto& before = row_.as<tables::PodInterface>();
    const RowPtr now = hub_.pod_interface(pod_key_);
    const std::string name = pod_.ns + "/" + pod_.name;
    if (!now) return fail({Code::pod_gone, "pod " + name + " went away while its sandbox was set up", {}});
    const auto& after = now.as<tables::PodInterface>();
    if (after.pod_uid != before.pod_uid) {
        return fail({Code::pod_gone, "pod " + name + " was replaced by another of the same name", {}});
    }
    if (after.mac != before.mac || after.addresses != before.addresses || after.iface_id != before.iface_id) {
        fail({Code::try_again, "the addresses of pod " + name + " changed while its sandbox was set up", {}});
    }
}

void AddOperation::take(const RowPtr& row) {
    row_ = row;
    row_since_ = Clock::system().now();
    stage_done("interface");
    const auto& interface = row_.as<tables::PodInterface>();
    spec_ = {invocation().netns, invocation().ifname, host_if_, interface, false};
    port_ = {host_if_,
             interface.iface_id,
             interface.pod_uid,
             interface.mac.text(),
             {},
             invocation().container_id,
             invocation().ifname,
             interface.network == "default" ? std::string() : interface.network,
             {}};
    for (const auto& address : interface.addresses)
        port_.addresses.push_back(address.text());
    // The name may be another pod's: then even the link must not be touched.
    if (const auto planned = plan_add(port_, hub_.on_switch()); !planned) return fail(planned.error());
    ++outstanding_;
    const auto self = std::static_pointer_cast<AddOperation>(shared_from_this());
    hub_.on_worker<PodLink>([spec = spec_] { return make_pod_link(spec); },
                            [self](const Result<PodLink>& made) { self->link_made(made); });
}

// --- making it
// --------------------------------------------------------------------------------------------------------

bool AddOperation::over() {
    --outstanding_;
    if (!failed_) return false;
    if (outstanding_ == 0) roll_back();
    return true;
}

void AddOperation::link_made(const Result<PodLink>& made) {
    if (made) link_ = *made;
    if (over()) return;
    if (!made) return fail(cni_error(Code::kernel, {}, made.error()));
    linked_ = true;
    stage_done("link");
    proceed();
}

/// The port and the pod's end don't need each other. Both need to know the bridge.
void AddOperation::proceed() {
    if (!linked_ || port_asked_ || failed_ || !hub_.connected()) return;
    ask_for_port();
    if (!failed_) configure();
}

void AddOperation::ask_for_port() {
    auto planned = plan_add(port_, hub_.on_switch());
    if (!planned) return fail(planned.error());
    port_asked_ = true;
    port_there_before_ = hub_.on_switch().contains(host_if_);
    ++outstanding_;
    const auto self = std::static_pointer_cast<AddOperation>(shared_from_this());
    const auto then = [self](const Result<void>& taken) { self->port_taken(taken); };
    if (planned->empty()) {
        hub_.loop.post([then] { then({}); });
    } else {
        hub_.apply(*std::move(planned), hub_.options.deadline, then);
    }
}

void AddOperation::port_taken(const Result<void>& taken) {
    if (over()) return;
    if (!taken) {
        return fail(cni_error(Code::open_vswitch, "Open vSwitch did not take port " + host_if_ + ": ", taken.error()));
    }
    port_taken_ = true;
    stage_done("port");
    note_port();
    look_at_binding();
}

void AddOperation::configure() {
    spec_.whole_checksums = hub_.datapath_type() == "netdev";
    ++outstanding_;
    const auto self = std::static_pointer_cast<AddOperation>(shared_from_this());
    hub_.on_worker<void>([spec = spec_] { return configure_pod_link(spec); },
                         [self](const Result<void>& done) { self->configured(done); });
}

void AddOperation::configured(const Result<void>& done) {
    if (over()) return;
    if (!done) return fail(cni_error(Code::kernel, {}, done.error()));
    configured_ = true;
    const auto took = Clock::system().now() - stage_since_;
    stage_took("configure", took);
    finish_when_done();
}

void AddOperation::switch_changed(const std::string* name) {
    if (!started() || failed_ || (name != nullptr && *name != host_if_)) return;
    proceed();
    note_port();
    look_at_binding();
}

/// The port may come and go again before the answer to its commit does.
void AddOperation::note_port() {
    const auto port = hub_.on_switch().find(host_if_);
    port_seen_ |= port_asked_ && port != hub_.on_switch().end() && port->second.id("sandbox") == port_.sandbox;
}

void AddOperation::look_at_binding() {
    if (!port_taken_ || bound_ || failed_) return;
    const Binding binding = binding_of(port_, hub_.on_switch());
    switch (binding.state) {
        case Binding::State::absent:
            // Its coming may be told after its commit; its going is somebody's doing.
            if (port_seen_) fail({Code::superseded, "OVS port " + host_if_ + " was removed by somebody else", {}});
            return;
        case Binding::State::waiting: return;
        case Binding::State::failed:
            // An old port keeps the error of its old link until ovs-vswitchd has looked at the new one.
            if (binding.error.code == Code::open_vswitch && port_there_before_) return;
            return fail(binding.error);
        case Binding::State::installed:
            bound_ = true;
            stage_done("binding");
            return finish_when_done();
    }
}

void AddOperation::finish_when_done() {
    if (!configured_ || !bound_ || failed_) return;
    hub_.loop.cancel(deadline_);
    finish({{}, result()});
}

AddResult AddOperation::result() const {
    const auto& interface = row_.as<tables::PodInterface>();
    AddResult result;
    result.interfaces = {{host_if_, link_.host_mac, {}},
                         {invocation().ifname, interface.mac.text(), invocation().netns}};
    for (const auto& address : interface.addresses) {
        ResultIp ip{1, address.text(), {}};
        for (const auto& gateway : interface.gateways) {
            if (gateway.family() != address.family()) continue;
            ip.gateway = gateway.text();
            break;
        }
        result.ips.push_back(std::move(ip));
    }
    return result;
}

// --- not making it
// ----------------------------------------------------------------------------------------------------

std::string AddOperation::what_is_late() const {
    if (!row_) return "the pod's interface";
    const auto& interface = row_.as<tables::PodInterface>();
    if (!linked_) return "the kernel to make the pod's link";
    if (!port_asked_) return "Open vSwitch (" + hub_.lost_reason() + ")";
    if (!port_taken_) return "Open vSwitch to take port " + host_if_;
    if (!bound_) {
        return "OVS port binding (ovn-installed) for " + interface.mac.text() + " " + joined(interface.addresses);
    }
    return "the pod's end of the link to be set up";
}

void AddOperation::late() {
    if (failed_) return;
    const auto waited = std::chrono::duration_cast<std::chrono::seconds>(hub_.options.deadline).count();
    const auto self = std::static_pointer_cast<AddOperation>(shared_from_this());
    const auto tell = [self, waited](const std::string& details) {
        self->fail({Code::too_late,
                    "timed out waiting for " + self->what_is_late() + " after " + std::to_string(waited) + " s",
                    self->ask_problem_.empty() ? details : details + "; " + self->ask_problem_});
    };
    const bool on_its_way = !row_ || (port_taken_ && !bound_);
    if (!on_its_way) return tell({});
    // Whoever knows better is asked, but not waited for.
    hub_.loop.after(std::chrono::seconds(1), [tell] { tell("nothing is known about its progress"); });
    const std::string iface_id = row_ ? row_.as<tables::PodInterface>().iface_id : std::string();
    hub_.probe.stage(pod_.ns, pod_.name, iface_id, [self, tell, loop = hub_.shared_loop](Progress progress) {
        loop->post([self, tell, progress]() mutable {
            if (!self->row_ && progress.stage > Stage::pod) progress.stage = Stage::pod;
            if (progress.stage == Stage::interface && !progress.since) progress.since = self->row_since_;
            tell(lateness(progress, Clock::system().now()));
        });
    });
}

void AddOperation::fail(CniError why) {
    if (failed_) return;
    failed_ = std::move(why);
    hub_.loop.cancel(deadline_);
    if (outstanding_ == 0) roll_back();
}

/// What this ADD made goes; what an earlier ADD of the same sandbox made stays, for DEL.
void AddOperation::roll_back() {
    std::vector<std::string> ports;
    std::vector<std::string> links;
    if (port_asked_ && !port_there_before_) {
        const auto now = hub_.on_switch().find(host_if_);
        const bool ours = now == hub_.on_switch().end() || now->second.id("sandbox") == port_.sandbox;
        if (ours) ports.push_back(host_if_);
    }
    if (link_.made) links.push_back(host_if_);
    const auto self = std::static_pointer_cast<AddOperation>(shared_from_this());
    if (ports.empty() && links.empty()) return finish({failed_, {}});
    hub_.remove_ports(std::move(ports), std::move(links), [self](const Result<void>& removed) {
        if (!removed) {
            log(LogLevel::warn, "cni", "a failed ADD could not be rolled back; the scrub will try again",
                removed.error());
            self->hub_.scrub_later();
        }
        self->finish({self->failed_, {}});
    });
}

void AddOperation::stage_done(const char* stage) {
    const TimePoint now = Clock::system().now();
    stage_took(stage, now - stage_since_);
    stage_since_ = now;
}

void AddOperation::stage_took(const char* stage, Duration took) {
    hub_.count([&](CniMetrics& m) { m.add_stages[stage].add(took); });
    if (hub_.options.add_stage_done) hub_.options.add_stage_done(stage, took);
}

}  // namespace weft::cni
