#include "appliers/actions/applier.hpp"

#include "appliers/actions/announce.hpp"

#include <weft/base/log.hpp>

#include <algorithm>

namespace weft::appliers::actions {

using ovsdb::Move;
using tables::Announcement;
using tables::ConntrackFlush;
using tables::Moment;

namespace {

constexpr std::string_view component = "actions";

bool is_flush(std::string_view table) {
    return table == ConntrackFlush::table_name;
}

::weft::ovsdb::After on_of(const RowPtr& row, std::string_view table) {
    return is_flush(table) ? row.as<ConntrackFlush>().on : row.as<Announcement>().on;
}

Moment when_of(const RowPtr& row, std::string_view table) {
    return is_flush(table) ? row.as<ConntrackFlush>().when : row.as<Announcement>().when;
}

Connections connections(const ConntrackFlush& row) {
    return {row.ip, row.protocol, row.port, row.zone};
}

class RealDoer final : public Doer {
  public:
    explicit RealDoer(std::function<Result<std::string>()> control_socket)
        : control_socket_(std::move(control_socket)) {}

    Result<void> flush(std::span<const Connections> which) override {
        if (auto done = flush_kernel(which); !done) return done.error();
        const auto socket = control_socket_();
        if (!socket) return socket.error();
        if (socket->empty()) return {};
        for (const Connections& one : which) {
            if (auto done = flush_switch(*socket, one); !done) return done;
        }
        return {};
    }
    Result<void> announce(const Announcement& what) override { return actions::announce(what.link, what.ip, what.mac); }

  private:
    std::function<Result<std::string>()> control_socket_;
};

}  // namespace

std::unique_ptr<Doer> real_doer(std::function<Result<std::string>()> control_socket) {
    return std::make_unique<RealDoer>(std::move(control_socket));
}

Applier::Applier(engine::Engine& engine, ovsdb::Order& order, std::unique_ptr<Doer> doer, Options options)
    : engine_(engine),
      order_(order),
      doer_(std::move(doer)),
      options_(options) {}

Applier::~Applier() {
    stop();
}

Result<void> Applier::start() {
    order_.add_listener([this](const Item& item, Move how) { row_moved(item, how); });
    if (auto done = engine_.subscribe({table_spec<ConntrackFlush>(), table_spec<Announcement>()}, *this); !done) {
        return done;
    }
    thread_ = std::thread([this] { run(); });
    return {};
}

void Applier::stop() {
    {
        const std::scoped_lock lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_all();
    if (!thread_.joinable()) return;
    engine_.unsubscribe(*this);
    thread_.join();
}

// ---------------------------------------------------------------------------------------------------------------------
// Waiting for rows; engine thread.

void Applier::changed(std::span<const Change> changes) {
    for (const Change& change : changes) {
        const std::string_view table = change.input == 0 ? ConntrackFlush::table_name : Announcement::table_name;
        const Item action{table, std::string(change.key())};
        if (change.before) cancel(action);
        if (change.before && when_of(change.before, table) == Moment::withdrawn) wait_for_row(action, change.before);
        if (change.after && when_of(change.after, table) == Moment::put) wait_for_row(action, change.after);
    }
}

void Applier::wait_for_row(const Item& action, const RowPtr& row) {
    Pending pending{action, row, on_of(row, action.table), when_of(row, action.table), first_round_, false};
    const Number number = next_++;
    if (pending.when == Moment::put) puts_[action] = number;
    if (!pending.on.table.empty()) {
        order_.watch(pending.on);
        by_row_[{pending.on.table, pending.on.key}].insert(number);
    }
    pending_.emplace(number, std::move(pending));
    fresh_.push_back(number);
}

/// What an action of Moment::put wanted is withdrawn before it was done.
void Applier::cancel(const Item& action) {
    const auto at = puts_.find(action);
    if (at == puts_.end()) return;
    const Number number = at->second;
    if (pending_.contains(number)) take(number);
    puts_.erase(action);
    const std::scoped_lock lock(mutex_);
    jobs_.erase(number);
}

/// All that the tick brought is known: rows that will be written are marked by now.
void Applier::tick_done() {
    for (const Number number : std::exchange(fresh_, {})) {
        const auto at = pending_.find(number);
        if (at == pending_.end()) continue;
        const Pending& pending = at->second;
        if (pending.when == Moment::withdrawn || !pending.on.table.empty()) {
            // One whose row is as it should be already has missed nothing: there was no transition.
            if (pending.when == Moment::put && order_.there({pending.on.table, pending.on.key}, false)) {
                puts_.erase(pending.action);
                take(number);
            } else if (pending.when == Moment::withdrawn) {
                look_at(number);
            }
        } else if (pending.late) {
            hand_over(take(number));
        } else {
            puts_.erase(pending.action);
            take(number);
        }
    }
    const std::scoped_lock lock(mutex_);
    waiting_ = pending_.size();
}

void Applier::row_moved(const Item& on, Move how) {
    const auto at = by_row_.find(on);
    if (at == by_row_.end()) return;
    for (const Number number : std::set<Number>(at->second)) {
        const auto found = pending_.find(number);
        if (found == pending_.end()) continue;
        Pending& pending = found->second;
        // At a first sync only a row that was not there has made a transition.
        if (how == Move::made || (how == Move::changed && pending.late)) pending.moved = true;
        const bool was_there = how == Move::found || how == Move::changed;
        if (pending.when == Moment::put && !pending.moved && was_there &&
            order_.there({pending.on.table, pending.on.key}, false)) {
            puts_.erase(pending.action);  // it was there already
            take(number);
        } else {
            look_at(number);
        }
    }
    const std::scoped_lock lock(mutex_);
    waiting_ = pending_.size();
}

void Applier::look_at(Number number) {
    const Pending& pending = pending_.at(number);
    if (pending.when == Moment::put && !pending.moved) return;
    if (order_.settled(pending.on)) hand_over(take(number));
}

Applier::Pending Applier::take(Number number) {
    auto node = pending_.extract(number);
    Pending pending = std::move(node.mapped());
    if (!pending.on.table.empty()) {
        const Item on{pending.on.table, pending.on.key};
        if (const auto at = by_row_.find(on); at != by_row_.end()) {
            at->second.erase(number);
            if (at->second.empty()) by_row_.erase(at);
        }
        order_.unwatch(pending.on);
    }
    return pending;
}

void Applier::hand_over(Pending pending) {
    const Number number = next_++;
    if (pending.when == Moment::put) puts_[pending.action] = number;
    {
        const std::scoped_lock lock(mutex_);
        jobs_.emplace(number, Job{std::move(pending.action), std::move(pending.row), 0, {}, {}, {}});
    }
    wake_.notify_all();
}

// ---------------------------------------------------------------------------------------------------------------------
// Carrying out; the thread.

void Applier::run() {
    std::unique_lock lock(mutex_);
    while (!stopping_) {
        const TimePoint now = Clock::system().now();
        std::optional<TimePoint> next;
        Due due;
        for (const auto& [number, job] : jobs_) {
            if (job.next <= now) {
                due.emplace_back(number, job.row);
            } else if (!next || job.next < *next) {
                next = job.next;
            }
        }
        if (due.empty()) {
            next ? static_cast<void>(wake_.wait_until(lock, *next)) : wake_.wait(lock);
            continue;
        }
        ++tries_;
        lock.unlock();
        const auto results = carry_out(due);
        lock.lock();
        for (const auto& [number, done] : results)
            record(number, done);
    }
}

/// Flushes go through the connections once for all of them; when that fails, one by one, so that none holds up another.
std::map<Applier::Number, Result<void>> Applier::carry_out(const Due& due) {
    std::map<Number, Result<void>> results;
    std::vector<Connections> which;
    std::vector<Number> flushes;
    for (const auto& [number, row] : due) {
        if (row.type().name == Announcement::table_name) {
            results.emplace(number, doer_->announce(row.as<Announcement>()));
        } else {
            which.push_back(connections(row.as<ConntrackFlush>()));
            flushes.push_back(number);
        }
    }
    if (which.empty()) return results;
    const Result<void> all = doer_->flush(which);
    for (std::size_t i = 0; i < flushes.size(); ++i) {
        const bool alone = all.ok() || which.size() == 1;
        results.emplace(flushes[i], alone ? all : doer_->flush({&which[i], 1}));
    }
    return results;
}

void Applier::record(Number number, const Result<void>& done) {
    const auto at = jobs_.find(number);
    if (at == jobs_.end()) return;  // cancelled
    Job& job = at->second;
    if (done) {
        ++done_;
        jobs_.erase(at);
        return;
    }
    if (job.attempts == 0) {
        job.since = Clock::system().wall();
        log(LogLevel::warn, component, "an action failed; it is tried again", done.error());
    }
    job.error = done.error();
    job.next = Clock::system().now() +
               std::min(options_.first_retry * (1U << std::min(job.attempts, 16U)), options_.most_retry);
    ++job.attempts;
}

Status Applier::status() const {
    const std::scoped_lock lock(mutex_);
    Status status;
    status.name = component;
    status.state = waiting_ == 0 && jobs_.empty() ? State::synced : State::syncing;
    status.behind = waiting_ + jobs_.size();
    if (waiting_ > 0) status.detail = std::to_string(waiting_) + " actions wait for their rows";
    status.applied = done_;
    status.requests = tries_;
    for (const auto& [number, job] : jobs_) {
        if (job.attempts == 0) continue;
        const Error& error = job.error;
        status.faults.push_back({std::string(job.action.table) + " " + job.action.key,
                                 error.where.empty() ? error.what : error.where + ": " + error.what, error.mend,
                                 job.since});
    }
    return status;
}

}  // namespace weft::appliers::actions
