#include "cni/server/hub.hpp"

#include "base/shrink.hpp"
#include "cni/server/operation.hpp"
#include "cni/server/pod_link.hpp"

#include <weft/base/log.hpp>

#include <algorithm>
#include <future>

namespace weft::cni {

namespace {

constexpr std::string_view part = "cni";
constexpr auto stop_patience = std::chrono::seconds(5);

}  // namespace

Hub::Hub(ServerOptions given, PodSource& pod_source, SwitchPorts& ports, ProgressProbe& progress)
    : options(std::move(given)),
      pods(pod_source),
      probe(progress),
      ports_(ports),
      workers_(options.workers),
      conf_file_(options.conf_dir) {}

Hub::~Hub() = default;

Result<void> Hub::start() {
    if (auto started = loop.start(); !started) return started;
    ports_.subscribe(this);
    loop.post([this] {
        started_ = true;
        serve_or_not();
        scrub_later();
        loop.after(options.deadline, [this] { know(); });
    });
    return {};
}

void Hub::rows_known() {
    loop.post([this] { know(); });
}

void Hub::container_runtime(std::string name) {
    loop.post([this, name = std::move(name)] {
        if (name == container_runtime_) return;
        container_runtime_ = name;
        if (serving_) serve_or_not();
    });
}

void Hub::condition(const std::string& name, std::string reason) {
    loop.post([this, name, reason = std::move(reason)] {
        if (reason.empty()) {
            obstacles_.erase(name);
        } else {
            obstacles_[name] = reason;
        }
        serve_or_not();
    });
}

void Hub::gate(const std::string& name, std::string reason) {
    loop.post([this, name, reason] {
        if (reason.empty()) {
            gates_.erase(name);
        } else {
            gates_[name] = reason;
        }
    });
    condition(name, std::move(reason));
}

void Hub::pods_changed() {
    loop.post([this] { scrub_later(); });
}

void Hub::know() {
    known_ = true;
    serve_or_not();
}

void Hub::stop(const std::function<void()>& on_loop) {
    auto idle = std::make_shared<std::promise<void>>();
    auto when_idle = idle->get_future();
    loop.post([this, on_loop, idle] {
        stopping_ = true;
        serve_or_not();
        on_loop();
        idle_ = [idle] { idle->set_value(); };
        for (const auto& operation : operations()) {
            operation->cancel({Code::try_again, "weftd is stopping", "the request can be repeated once it runs again"});
        }
        if (queues_.empty()) std::exchange(idle_, nullptr)();
    });
    if (when_idle.wait_for(stop_patience) != std::future_status::ready) {
        log(LogLevel::warn, part, "stopping with requests in progress");
    }
    ports_.subscribe(nullptr);
    loop.stop();
    workers_.stop();
}

void Hub::changed(std::span<const Change> changes) {
    std::vector<Change> ours;
    for (const auto& change : changes) {
        const auto table = change.row().type().name;
        if (table == tables::PodInterface::table_name || table == tables::ServingCondition::table_name) {
            ours.push_back(change);
        }
    }
    if (ours.empty()) return;
    loop.post([this, ours = std::move(ours)] {
        for (const auto& change : ours)
            take(change);
        serve_or_not();
        update_status();
    });
}

void Hub::take(const Change& change) {
    const std::string key(change.key());
    const bool interface = change.row().type().name == tables::PodInterface::table_name;
    if (!interface) {
        if (change.after) {
            conditions_[key] = change.after;
        } else {
            conditions_.erase(key);
        }
        return;
    }
    if (change.after) {
        put(interfaces_, change.after);
    } else {
        erase(interfaces_, key);
        shrink(interfaces_);
        scrub_later();
    }
    for (const auto& operation : operations())
        operation->pod_interface_changed(key);
}

RowPtr Hub::pod_interface(const std::string& key) const {
    return find(interfaces_, key);
}

// --- the bridge
// -------------------------------------------------------------------------------------------------------

void Hub::switch_connected(std::string datapath_type, std::vector<SwitchInterface> interfaces) {
    loop.post([this, type = std::move(datapath_type), all = std::move(interfaces)]() mutable {
        on_switch_.clear();
        for (auto& interface : all) {
            std::string name = interface.name;
            on_switch_.insert_or_assign(std::move(name), std::move(interface));
        }
        connected_ = true;
        datapath_type_ = std::move(type);
        tell_switch(nullptr);
        scrub_later();
        update_status();
    });
}

void Hub::switch_lost(std::string reason) {
    loop.post([this, reason = std::move(reason)] {
        connected_ = false;
        lost_reason_ = reason;
        update_status();
    });
}

void Hub::datapath_changed(std::string datapath_type) {
    loop.post([this, type = std::move(datapath_type)] { datapath_type_ = type; });
}

void Hub::interface_changed(SwitchInterface interface) {
    loop.post([this, interface = std::move(interface)] {
        on_switch_[interface.name] = interface;
        tell_switch(&interface.name);
        if (interface.ofport == -1 && !interface.id("sandbox").empty()) scrub_later();
    });
}

void Hub::interface_gone(std::string name) {
    loop.post([this, name = std::move(name)] {
        on_switch_.erase(name);
        tell_switch(&name);
    });
}

void Hub::tell_switch(const std::string* name) {
    for (const auto& operation : operations())
        operation->switch_changed(name);
}

void Hub::apply(std::vector<PortOperation> changes, Duration patience, std::function<void(Result<void>)> then) {
    const auto once = std::make_shared<std::function<void(Result<void>)>>(std::move(then));
    const auto timer = loop.after(patience, [once] {
        if (*once) std::exchange(*once, nullptr)(again("Open vSwitch did not answer in time"));
    });
    ports_.apply(std::move(changes), [once, timer, shared = shared_loop](Result<void> result) {
        shared->post([once, timer, shared, result = std::move(result)] {
            shared->cancel(timer);
            if (*once) std::exchange(*once, nullptr)(result);
        });
    });
}

void Hub::remove_ports(std::vector<std::string> ports, std::vector<std::string> links,
                       std::function<void(Result<void>)> then) {
    const auto remove_links = [this, links = std::move(links), then = std::move(then)](const Result<void>& removed) {
        on_worker<void>(
            [links]() -> Result<void> {
                Result<void> all;
                for (const auto& link : links) {
                    if (auto gone = delete_host_link(link); !gone) all = std::move(gone);
                }
                return all;
            },
            [then, removed](const Result<void>& unlinked) { then(removed ? unlinked : removed); });
    };
    if (ports.empty()) return remove_links({});
    std::vector<PortOperation> changes;
    changes.reserve(ports.size());
    for (auto& port : ports)
        changes.emplace_back(RemovePort{std::move(port)});
    apply(std::move(changes), options.cleanup_deadline, remove_links);
}

// --- requests
// ---------------------------------------------------------------------------------------------------------

std::vector<std::shared_ptr<Operation>> Hub::operations(const Operation* except) const {
    std::vector<std::shared_ptr<Operation>> all;
    for (const auto& [name, queue] : queues_) {
        for (const auto& operation : queue) {
            if (operation.get() != except) all.push_back(operation);
        }
    }
    return all;
}

std::set<std::string> Hub::busy_sandboxes() const {
    std::set<std::string> busy;
    for (const auto& operation : operations())
        busy.insert(operation->invocation().container_id);
    return busy;
}

void Hub::submit(std::shared_ptr<Operation> operation) {
    if (stopping_) {
        operation->queue_given = "?";
        return operation->cancel({Code::try_again, "weftd is stopping", {}});
    }
    if (operation->command() == Command::add && !gates_.empty()) {
        operation->queue_given = "?";
        const auto& [name, reason] = *gates_.begin();
        return operation->cancel({Code::try_again, "this node cannot serve pods: " + name + ": " + reason, {}});
    }
    operation->queue_given = operation->queue();
    if (operation->queue_given.empty()) operation->queue_given = "#" + std::to_string(++last_queue_);
    const std::string name = operation->queue_given;
    if (const auto queue = queues_.find(name); queue != queues_.end()) {
        if (operation->command() == Command::add && queue->second.back()->join(*operation)) return;
        if (operation->command() == Command::del) {
            for (const auto& before : std::deque(queue->second)) {
                if (before->command() == Command::add) {
                    before->cancel({Code::superseded, "the sandbox is being deleted", {}});
                }
            }
        }
    }
    queues_[name].push_back(std::move(operation));
    if (queues_[name].size() == 1) start_next(name);
    update_status();
}

void Hub::start_next(const std::string& name) {
    const auto queue = queues_.find(name);
    if (queue == queues_.end() || queue->second.empty() || queue->second.front()->started()) return;
    const auto operation = queue->second.front();
    operation->start();
}

void Hub::finished(Operation& operation) {
    const std::string name = operation.queue_given;
    if (const auto queue = queues_.find(name); queue != queues_.end()) {
        std::erase_if(queue->second, [&](const auto& o) { return o.get() == &operation; });
        if (queue->second.empty()) {
            queues_.erase(queue);
        } else {
            loop.post([this, name] { start_next(name); });
        }
    }
    if (queues_.empty() && idle_) std::exchange(idle_, nullptr)();
    update_status();
}

// --- serving or not
// ---------------------------------------------------------------------------------------------------

std::string Hub::not_ready() const {
    if (!obstacles_.empty()) return obstacles_.begin()->first + ": " + obstacles_.begin()->second;
    if (conditions_.empty()) return "no plugin has said yet that pods can be served";
    for (const auto& [key, row] : conditions_) {
        const auto& condition = row.as<tables::ServingCondition>();
        if (!condition.ready) return key + ": " + condition.message;
    }
    return {};
}

std::string Hub::conf_text() const {
    auto content = options.conf;
    content.socket = options.run_dir + "/cni/ovn-cni-server.sock";
    if (content.version.empty()) content.version = conf_version_for(container_runtime_);
    return content.text();
}

void Hub::serve_or_not() {
    if (!started_) return;
    loop.cancel(conf_retry_);
    const bool undecided = conditions_.empty() && obstacles_.empty() && !known_ && !stopping_;
    if (undecided) return update_status();
    const bool serve = !stopping_ && not_ready().empty();
    const auto done = serve ? conf_file_.write(conf_text()) : conf_file_.remove();
    if (!done) {
        log(LogLevel::error, part, "the CNI configuration file cannot be changed", done.error());
        if (!stopping_) conf_retry_ = loop.after(std::chrono::seconds(5), [this] { serve_or_not(); });
        return;
    }
    if (serving_ != serve) {
        if (serve) {
            log(LogLevel::info, part, "the node serves pods", {{"file", conf_file_.path()}});
        } else {
            log(LogLevel::info, part, "the node does not serve pods",
                {{"file", conf_file_.path()}, {"reason", not_ready()}});
        }
    }
    serving_ = serve;
    update_status();
}

// --- stale ports
// ------------------------------------------------------------------------------------------------------

void Hub::scrub_later() {
    if (scrub_planned_ || stopping_) return;
    scrub_planned_ = true;
    loop.after(options.scrub_delay, [this] { scrub(); });
}

void Hub::scrub() {
    pods.local_pods([this, shared = shared_loop](Result<std::set<std::string>> local) {
        shared->post([this, local = std::move(local)] { scrub_strangers(local); });
    });
}

void Hub::scrub_strangers(const Result<std::set<std::string>>& local) {
    scrub_planned_ = false;
    if (!local || !connected_) return scrub_later();
    const auto stale = ports_to_scrub(*local, busy_sandboxes(), on_switch_);
    if (stale.empty() || stopping_) return;
    for (const auto& name : stale) {
        const auto& interface = on_switch_.at(name);
        log(LogLevel::warn, part, "removing a stale port",
            {{"port", name}, {"iface-id", interface.id("iface-id")}, {"uid", interface.id("iface-id-ver")}});
    }
    remove_ports(stale, stale, [this, count_removed = stale.size()](const Result<void>& removed) {
        if (removed) return count([&](CniMetrics& m) { m.scrubbed += count_removed; });
        log(LogLevel::warn, part, "stale ports cannot be removed", removed.error());
        scrub_later();
    });
}

// --- what others see
// --------------------------------------------------------------------------------------------------

void Hub::count(const std::function<void(CniMetrics&)>& change) {
    const std::scoped_lock lock(shared_mutex_);
    change(metrics_);
}

void Hub::update_status() {
    std::size_t requests = 0;
    for (const auto& [name, queue] : queues_)
        requests += queue.size();
    ServerStatus now{serving_, serving_ ? std::string() : not_ready(), connected_, interfaces_.size(), requests};
    bool tell = false;
    {
        const std::scoped_lock lock(shared_mutex_);
        tell = now.serving != status_.serving || now.reason != status_.reason;
        status_ = std::move(now);
    }
    if (tell && options.status_changed) options.status_changed();
}

ServerStatus Hub::status() const {
    const std::scoped_lock lock(shared_mutex_);
    return status_;
}

CniMetrics Hub::metrics() const {
    const std::scoped_lock lock(shared_mutex_);
    return metrics_;
}

}  // namespace weft::cni
