#include "appliers/ovsdb/applier.hpp"
#include "appliers/ovsdb/global.hpp"

#include <weft/base/log.hpp>

#include <algorithm>

/// Sending what was planned, and what became of it.
namespace weft::appliers::ovsdb {

namespace {

constexpr std::size_t member_bytes = 64;  ///< about what a member of a set takes in a transaction

/// How to mend a refusal, by the server's word for it (RFC 7047 and ovsdb-server(7)).
const char* mend_of(const weft::ovsdb::Outcome& refusal) {
    if (refusal.error == "I/O error") return "see to the database's disk: is it full or broken?";
    if (refusal.error == "not allowed") return "see to the database server: it takes no writes";
    if (refusal.error == "permission error") return "give weft's certificate the right to write this database";
    return "see the object that the row was made from";
}

}  // namespace

void Applier::send(std::vector<Group> groups) {
    for (auto& part : pack(std::move(groups), options_.most_operations))
        commit(std::move(part));
}

/// Does a transaction with these groups raise nb_cfg?
bool Applier::raises(const std::vector<Group>& groups) const {
    if (!has_levels(replica_.database()) || !order_->levels().possible()) return false;
    if (order_->levels().needed(clock_.now())) return true;
    return !moves_.empty() && std::any_of(groups.begin(), groups.end(), [&](const Group& group) {
        return std::any_of(group.items.begin(), group.items.end(), [&](const Item& item) {
            return moves_.contains(item) && order_->wants_mark(item, moves_.at(item));
        });
    });
}

void Applier::commit(std::vector<Group> groups) {
    const Levels::Mark mark = raises(groups) ? order_->levels().send(clock_.now()) : 0;
    weft::ovsdb::Transaction transaction;
    std::size_t bytes = 0;
    std::size_t operations = 0;
    bool only_adds = true;
    for (const Group& group : groups) {
        only_adds = only_adds && group.only_adds;
        bytes += group.operations.size() + 1 + group.members.size() * member_bytes;
        operations += group.operations.operations().size();
    }
    transaction.reserve(bytes, operations);
    for (const Group& group : groups) {
        transaction.append(group.operations);
        for (const Item& item : group.items)
            flying_.emplace(&item, mark);
    }
    append_members(groups, transaction);
    if (mark != 0) add_raise(replica_, transaction);
    ++transactions_;
    const std::uint64_t number = channel_.commit(std::move(transaction));
    flights_.emplace(number, Flight{std::move(groups), mark, only_adds});
}

void Applier::settle(const Group& group, Levels::Mark mark) {
    for (const Item& item : group.items) {
        flying_.erase(&item);
        failures_.erase(item);
        ++applied_count_;
        if (dirty_.contains(item)) continue;  // it may have been withdrawn since: the next look settles that
        expected_.erase(item);
        definite_.erase(item);
        withdrawn_.erase(item);
    }
    // Only now: whoever is told looks at them all.
    for (const Item& item : group.items) {
        order_->committed(item, mark);
        const auto move = moves_.find(item);
        const Move how = move == moves_.end() ? Move::changed : move->second;
        if (move != moves_.end()) moves_.erase(move);
        order_->moved(item, how);
    }
}

std::string Applier::put_by(const Item& item) const {
    const auto explained = engine_.explain(item.table, item.key);
    if (explained.owners.empty()) return "no rule any more";
    const auto& owner = explained.owners.front();
    return owner.module + "/" + owner.rule + " for " + owner.driver_table + " " + owner.driver;
}

void Applier::fail(const Group& group, const weft::ovsdb::Outcome& outcome) {
    for (const Item& item : group.items) {
        flying_.erase(&item);
        fail(item, invalid(outcome.text(), mend_of(outcome)));
    }
}

void Applier::fail(const Item& item, const Error& error) {
    Failure& failure = failures_[item];
    if (failure.attempts == 0) failure.since = clock_.wall();
    const auto wait = std::min(options_.first_retry * (1U << std::min(failure.attempts, 16U)), options_.most_retry);
    ++failure.attempts;
    failure.next = clock_.now() + wait;
    if (const std::string what = error.where.empty() ? error.what : error.where + ": " + error.what;
        failure.what != what) {
        failure.what = what;
        failure.mend = error.mend;
        log(LogLevel::warn, options_.name, "a row can't be applied",
            {{"table", std::string(item.table)},
             {"row", item.key},
             {"rule", put_by(item)},
             {"error", what},
             {"mend", error.mend}});
    }
    mark(item);
}

void Applier::outcome(std::uint64_t transaction, const weft::ovsdb::Outcome& outcome) {
    using Kind = weft::ovsdb::Outcome::Kind;
    const auto at = flights_.find(transaction);
    if (at == flights_.end()) return;
    std::vector<Group> groups = std::move(at->second.groups);
    const Levels::Mark mark = at->second.mark;
    flights_.erase(at);
    if (mark != 0 && outcome.kind != Kind::success) {
        // Alone it may only have been refused for good: then not again at once.
        const bool refused = groups.empty() && outcome.kind == Kind::error;
        order_->levels().failed(mark, refused ? clock_.now() + options_.most_retry : TimePoint());
    }
    if (outcome.kind == Kind::success) {
        for (const Group& group : groups)
            settle(group, mark);
        if (mark != 0) order_->raised(mark, levels_in(replica_).value_or(Levels::Numbers{}).raised);
    } else if (outcome.kind == Kind::error && groups.size() == 1) {
        fail(groups.front(), outcome);
    } else if (outcome.kind == Kind::error && !groups.empty()) {
        // One bad group must not hold up the others: halve until it stands alone.
        const auto middle = groups.begin() + static_cast<std::ptrdiff_t>(groups.size() / 2);
        std::vector<Group> second(std::make_move_iterator(middle), std::make_move_iterator(groups.end()));
        groups.erase(middle, groups.end());
        commit(std::move(groups));
        commit(std::move(second));
    } else {
        // It did not happen, or nobody knows: decided by looking at what the database holds.
        for (const Group& group : groups) {
            for (const Item& item : group.items) {
                flying_.erase(&item);
                this->mark(item);
            }
        }
    }
}

void Applier::repaired(const Item& item) {
    constexpr auto window = std::chrono::minutes(1);
    const TimePoint now = clock_.now();
    ++repaired_;
    log(LogLevel::info, options_.name, "putting back what somebody else changed",
        {{"table", std::string(item.table)}, {"row", item.key}});
    if (now - drifts_swept_ > window) {
        std::erase_if(drifts_, [&](const auto& entry) { return now - entry.second.repairs.back() > window; });
        drifts_swept_ = now;
    }
    Drift& drift = drifts_[item];
    while (!drift.repairs.empty() && now - drift.repairs.front() > window)
        drift.repairs.pop_front();
    if (drift.repairs.empty()) {
        drift.since = clock_.wall();
        drift.told = false;
    }
    drift.repairs.push_back(now);
    if (drift.repairs.size() > 10 * options_.flap_count) drift.repairs.pop_front();
    if (drift.repairs.size() < options_.flap_count || drift.told) return;
    drift.told = true;
    log(LogLevel::warn, options_.name, "a row is flapping: somebody else keeps changing it",
        {{"table", std::string(item.table)}, {"row", item.key}});
}

}  // namespace weft::appliers::ovsdb
