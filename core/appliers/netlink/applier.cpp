#include "appliers/netlink/applier.hpp"

#include "appliers/netlink/sysctl.hpp"

#include <weft/base/log.hpp>

#include <algorithm>

namespace weft::netlink {

namespace {

constexpr std::string_view part = "netlink";

TimePoint now() {
    return std::chrono::steady_clock::now();
}

bool same_state(const std::optional<tables::LinkState>& a, const std::optional<tables::LinkState>& b) {
    return a && b && a->up == b->up && a->mtu == b->mtu;
}

/// Rows of `from` with this key also go to `to`.
template <class Rows>
void keep(const Rows& from, const std::string& key, Rows& to) {
    if (const auto row = from.find(key); row != from.end()) to.insert(*row);
}

}  // namespace

Applier::Applier(Sink& sink, ApplierOptions options) : options_(options), feed_(sink), monitor_({&feed_, this}) {}

Applier::~Applier() {
    stop();
}

Result<void> Applier::start() {
    auto handle = Handle::open();
    if (!handle) return std::move(handle).error();
    handle_ = std::make_unique<Handle>(*std::move(handle));
    if (auto started = monitor_.start(); !started) return started;
    thread_ = std::thread([this] { run(); });
    return {};
}

void Applier::stop() {
    monitor_.stop();
    {
        const std::scoped_lock lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_all();
    if (thread_.joinable()) thread_.join();
}

void Applier::changed(std::span<const Change> changes) {
    feed_.desired_changed(changes);
    {
        const std::scoped_lock lock(mutex_);
        for (const auto& change : changes) {
            for (const auto& link : desired_.apply(change))
                dirty_.insert(link);
        }
    }
    wake_.notify_all();
}

void Applier::desired_known() {
    {
        const std::scoped_lock lock(mutex_);
        known_ = true;
        mark_all();
    }
    wake_.notify_all();
}

void Applier::mark(const std::string& link) {
    {
        const std::scoped_lock lock(mutex_);
        if (desired_.find(link) == nullptr) return;
        dirty_.insert(link);
    }
    wake_.notify_all();
}

void Applier::mark_all() {
    for (const auto& [link, desire] : desired_.links())
        dirty_.insert(link);
}

void Applier::links_changed(const KernelView&, const std::set<std::string>& names) {
    for (const auto& name : names)
        mark(name);
}

/// A pass asks the kernel itself, so it may have worked on a link that the monitor never saw come or go.
void Applier::kernel_listed() {
    {
        const std::scoped_lock lock(mutex_);
        mark_all();
    }
    wake_.notify_all();
}

void Applier::route_changed(const std::string& link, const RouteEntry& route, bool gone) {
    const Key<tables::Route> key{std::to_string(route.table), route.destination.text(), link};
    {
        const std::scoped_lock lock(mutex_);
        const LinkDesire* desire = desired_.find(link);
        if (desire == nullptr) return;
        const bool wanted = desire->routes.contains(key.text);
        // The echo of a route that was just added is nothing to look at; strangers matter where we rule alone.
        if (wanted ? !gone : (gone || !desire->sole())) return;
    }
    mark(link);
}

void Applier::neighbour_changed(const std::string& link, const NeighbourEntry& entry, bool gone) {
    {
        const std::scoped_lock lock(mutex_);
        const LinkDesire* desire = desired_.find(link);
        if (desire == nullptr) return;
        const auto row = desire->neighbours.find(Key<tables::Neighbour>{link, entry.ip.text()}.text);
        const bool wanted = row != desire->neighbours.end();
        if (wanted && !gone && entry.permanent && entry.mac == row->second.mac) return;
        if (!wanted && (gone || !entry.permanent || !desire->sole())) return;
    }
    mark(link);
}

void Applier::settings_changed(const std::string& link) {
    mark(link);
}

void Applier::run() {
    std::unique_lock lock(mutex_);
    TimePoint refresh = now() + options_.refresh;
    while (!stopping_) {
        if (const TimePoint time = now(); time >= refresh) {
            refresh = time + options_.refresh;
            mark_all();
        }
        TimePoint next = refresh;
        for (auto entry = later_.begin(); entry != later_.end();) {
            if (entry->second <= now()) {
                dirty_.insert(entry->first);
                entry = later_.erase(entry);
            } else {
                next = std::min(next, entry->second);
                ++entry;
            }
        }
        if (dirty_.empty()) {
            wake_.wait_until(lock, next);
            continue;
        }
        working_on_ = *dirty_.begin();
        working_ = true;
        dirty_.erase(dirty_.begin());
        const std::string link = working_on_;
        lock.unlock();
        reconcile(link);
        if (told_) told_();
        lock.lock();
    }
}

void Applier::reconcile(const std::string& link) {
    LinkDesire desired;
    bool prune = false;
    {
        const std::scoped_lock lock(mutex_);
        if (const auto* found = desired_.find(link)) desired = *found;
        prune = known_;
    }
    LinkMemory& memory = memory_[link];
    Pass pass;
    try {
        pass = pass_over(link, desired, memory, prune);
    } catch (const std::exception& e) {
        pass.retry = true;
        pass.problems.emplace(std::pair(std::string(tables::LinkState::table_name), link), broken(e.what()));
    }
    record(link, pass, memory);
    if (desired.empty() && memory.applied.empty()) memory_.erase(link);
}

Applier::Pass Applier::pass_over(const std::string& link, const LinkDesire& desired, LinkMemory& memory, bool prune) {
    Pass pass;
    if (link.empty()) {
        write_sysctls(desired, memory, pass);
        return pass;
    }
    auto actual = read_link(*handle_, link);
    if (!actual) {
        pass.retry = true;
        pass.problems.emplace(std::pair(std::string(tables::LinkState::table_name), link), std::move(actual).error());
        return pass;
    }
    if (!*actual) {
        // What was on it went with it; whoever makes it anew starts from nothing.
        pass.present = false;
        memory.applied = {};
        return pass;
    }
    write_sysctls(desired, memory, pass);
    step_over(**actual, plan(**actual, desired, memory.applied, prune), desired, memory, pass);
    if (pass.retry && !is_there((*actual)->link)) {
        // It went meanwhile: nothing was refused. One that has come in its place is told by the monitor.
        memory.applied = {};
        const std::size_t changes = pass.changes;
        pass = Pass{};
        pass.changes = changes;
        pass.present = false;
    }
    return pass;
}

bool Applier::is_there(const Link& link) {
    const auto found = handle_->find_link(link.index);
    return !found || (*found && (*found)->name == link.name);
}

void Applier::step_over(const LinkActual& actual, const std::vector<Step>& steps, const LinkDesire& desired,
                        LinkMemory& memory, Pass& pass) {
    LinkDesire kept;  // withdrawn, but still there
    std::vector<std::string> refused;
    for (const auto& step : steps) {
        const bool drift =
            !step.removal &&
            (memory.applied.addresses.contains(step.key) || memory.applied.routes.contains(step.key) ||
             memory.applied.neighbours.contains(step.key) ||
             (step.table == tables::LinkState::table_name && same_state(memory.applied.state, desired.state)));
        if (auto done = carry_out(*handle_, actual.link, step); !done) {
            pass.retry = true;
            pass.problems.emplace(std::pair(std::string(step.table), step.key), std::move(done).error());
            if (!step.removal) {
                refused.push_back(step.key);
                continue;
            }
            keep(memory.applied.addresses, step.key, kept.addresses);
            keep(memory.applied.routes, step.key, kept.routes);
            keep(memory.applied.neighbours, step.key, kept.neighbours);
            continue;
        }
        ++pass.changes;
        pass.put_back += drift ? 1 : 0;
        log(drift ? LogLevel::warn : LogLevel::info, part, drift ? "put back what was changed" : "changed",
            {{"link", actual.link.name}, {"step", step.text()}});
    }
    memory.applied = desired;
    for (const auto& key : refused) {
        memory.applied.addresses.erase(key);
        memory.applied.routes.erase(key);
        memory.applied.neighbours.erase(key);
    }
    memory.applied.addresses.merge(kept.addresses);
    memory.applied.routes.merge(kept.routes);
    memory.applied.neighbours.merge(kept.neighbours);
}

void Applier::write_sysctls(const LinkDesire& desired, LinkMemory& memory, Pass& pass) {
    for (const auto& [key, row] : desired.sysctls) {
        auto wrote = write_sysctl(key, row.value);
        if (!wrote) {
            if (wrote.error().kind == ErrorKind::waiting && row.optional) continue;
            Error error = std::move(wrote).error();
            if (error.mend.empty()) error.mend = "check the path, and whether the kernel module behind it is loaded";
            pass.retry = true;
            pass.problems.emplace(std::pair(std::string(tables::Sysctl::table_name), key), std::move(error));
        } else if (*wrote) {
            const auto before = memory.applied.sysctls.find(key);
            const bool drift = before != memory.applied.sysctls.end() && before->second.value == row.value;
            ++pass.changes;
            pass.put_back += drift ? 1 : 0;
            log(drift ? LogLevel::warn : LogLevel::info, part, drift ? "put back what was changed" : "changed",
                {{"link", row.link}, {"step", "set " + key + " to " + row.value}});
        }
    }
    memory.applied.sysctls = desired.sysctls;
}

void Applier::record(const std::string& link, Pass& pass, LinkMemory& memory) {
    const TimePoint time = now();
    memory.failures = pass.retry ? memory.failures + 1 : 0;
    std::erase_if(memory.put_back, [&](TimePoint t) { return t < time - std::chrono::minutes(1); });
    memory.put_back.insert(memory.put_back.end(), pass.put_back, time);
    const bool flapping = pass.put_back > 0 && memory.put_back.size() >= options_.flap_count;
    if (flapping) {
        Error error = again("link " + link + ": somebody keeps changing what is put back");
        error.mend = "find out who else manages this link";
        pass.problems.emplace(std::pair(std::string(tables::LinkState::table_name), link), std::move(error));
    }

    const std::scoped_lock lock(mutex_);
    working_ = false;
    changes_ += pass.changes;
    put_back_ += pass.put_back;
    if (pass.present) {
        absent_.erase(link);
    } else {
        absent_.insert(link);
    }
    auto& known = problems_[link];
    std::map<std::pair<std::string, std::string>, RowProblem> current;
    for (const auto& [row, error] : pass.problems) {
        const auto before = known.find(row);
        const bool same = before != known.end() && before->second.error == error;
        if (!same) log(LogLevel::error, part, "a row cannot be applied: " + row.first + " " + row.second, error);
        current.emplace(row, RowProblem{row.first, row.second, error, same ? before->second.since : time});
    }
    known = std::move(current);
    if (known.empty()) problems_.erase(link);

    if (flapping) {
        dirty_.erase(link);
        later_[link] = time + options_.flap_rest;
    } else if (pass.retry) {
        const auto doubled = options_.retry_first * (1LL << std::min<std::size_t>(memory.failures - 1, 16));
        later_[link] = time + std::min<Duration>(doubled, options_.retry_last);
    } else {
        later_.erase(link);
    }
    if (desired_.find(link) == nullptr) absent_.erase(link);
}

ApplierStatus Applier::status() const {
    const std::scoped_lock lock(mutex_);
    ApplierStatus status;
    status.rows = desired_.size();
    status.changes = changes_;
    status.put_back = put_back_;
    std::set<std::string> behind = dirty_;
    if (working_) behind.insert(working_on_);
    for (const auto& [link, when] : later_)
        behind.insert(link);
    for (const auto& link : behind) {
        const LinkDesire* desire = desired_.find(link);
        status.behind += desire != nullptr ? desire->size() : 1;
    }
    for (const auto& link : absent_) {
        const LinkDesire* desire = desired_.find(link);
        status.waiting += desire != nullptr && !behind.contains(link) ? desire->size() : 0;
    }
    for (const auto& [link, rows] : problems_) {
        for (const auto& [row, problem] : rows)
            status.problems.push_back(problem);
    }
    if (known_) status.state = status.behind == 0 ? ApplierState::synced : ApplierState::syncing;
    return status;
}

}  // namespace weft::netlink
