#include "appliers/ovsdb/applier.hpp"

#include "appliers/ovsdb/round.hpp"

#include <weft/base/json.hpp>
#include <weft/base/log.hpp>

#include <algorithm>

namespace weft::appliers::ovsdb {

using weft::ovsdb::After;
using weft::ovsdb::TableInfo;

namespace {

void take_out(std::unordered_map<Item, std::vector<Item>, ItemHash>& index, const Item& key, const Item& item) {
    const auto at = index.find(key);
    if (at == index.end()) return;
    std::erase(at->second, item);
    if (at->second.empty()) index.erase(at);
}

}  // namespace

Applier::Applier(Options options, engine::Engine& engine, const weft::ovsdb::DatabaseReplica& replica, Channel& channel,
                 ExtraTables extra, const Clock& clock, Unsettled unsettled)
    : options_(std::move(options)),
      engine_(engine),
      replica_(replica),
      channel_(channel),
      extra_(extra),
      clock_(clock),
      unsettled_(std::move(unsettled)) {
    for (const auto& table : replica_.database().tables()) {
        ledgers_.emplace(table->table_name, std::make_unique<Ledger>(*table));
    }
}

Applier::~Applier() {
    engine_.unsubscribe(*this);
}

Result<void> Applier::start() {
    for (const auto& table : replica_.database().tables()) {
        subscribed_.push_back({table->table_name, table->type, Merge::exclusive});
    }
    subscribed_.push_back(extra_.members);
    subscribed_.push_back(extra_.foreign_columns);
    return engine_.subscribe(subscribed_, *this);
}

void Applier::add_claim(const weft::ovsdb::ClaimSpec& claim) {
    Ledger* of = ledger(claim.type->name);
    if (!of) return;
    of->add_claim(claim);
    if (loaded_) loaded();
}

void Applier::remove_claim(const weft::ovsdb::ClaimSpec& claim) {
    Ledger* of = ledger(claim.type->name);
    if (!of) return;
    of->remove_claim(claim.name);
    if (loaded_) loaded();
}

Ledger* Applier::ledger(std::string_view table) {
    const auto at = ledgers_.find(table);
    return at == ledgers_.end() ? nullptr : at->second.get();
}

const Ledger* Applier::ledger(std::string_view table) const {
    const auto at = ledgers_.find(table);
    return at == ledgers_.end() ? nullptr : at->second.get();
}

Item Applier::row_item(std::string_view ovsdb_table, std::string_view key) const {
    const TableInfo* table = replica_.database().table(ovsdb_table);
    return {table ? table->table_name : std::string_view(), std::string(key)};
}

void Applier::mark(const Item& item) {
    dirty_.insert(item);
}

void Applier::mark_rows_of(const Item& row, const std::unordered_map<Item, std::vector<Item>, ItemHash>& index) {
    if (const auto at = index.find(row); at != index.end()) {
        for (const Item& item : at->second)
            mark(item);
    }
}

void Applier::wake_blocked(const Item& item) {
    const auto at = blocked_.find(item);
    if (at == blocked_.end()) return;
    for (const Item& waiting : at->second)
        mark(waiting);
    blocked_.erase(at);
}

// ---------------------------------------------------------------------------------------------------------------------
// What rules want.

void Applier::index_after(const Item& item, std::span<const After> after, bool add) {
    for (const After& a : after) {
        const Item on{a.table, a.key};
        if (add) {
            dependents_[on].push_back(item);
        } else {
            take_out(dependents_, on, item);
        }
    }
}

void Applier::index_extra(const Item& item, const MemberView& view, bool add) {
    const Item row = row_item(view.table, view.row);
    const bool refers = !view.ref_table.empty();
    const Item target = refers ? row_item(view.ref_table, view.value) : Item{};
    if (add) {
        members_of_[row].push_back(item);
        if (refers) refers_to_[target].push_back(item);
    } else {
        take_out(members_of_, row, item);
        if (refers) take_out(refers_to_, target, item);
    }
    index_after(item, view.after, add);
}

void Applier::changed(std::span<const Change> changes) {
    for (const Change& change : changes) {
        const TableSpec& table = subscribed_[change.input];
        const Item item{table.name, std::string(change.key())};
        const bool is_member = table.name == extra_.members.name;
        const bool is_foreign = table.name == extra_.foreign_columns.name;
        if (is_member || is_foreign) {
            const auto view = is_member ? extra_.member : extra_.foreign_column;
            if (change.before) index_extra(item, view(change.before.get()), false);
            if (change.after) index_extra(item, view(change.after.get()), true);
            if (change.before && !change.after) withdrawn_.insert_or_assign(item, change.before);
            if (change.after) withdrawn_.erase(item);
        } else if (const Ledger* of = ledger(table.name)) {
            const auto after_of = of->table().after_of;
            if (change.before) index_after(item, after_of(change.before.get()), false);
            if (change.after) index_after(item, after_of(change.after.get()), true);
            if (change.after) {
                definite_.erase(item);
            } else {
                definite_.insert(item);
            }
        }
        expected_.insert(item);
        failures_.erase(item);
        mark(item);
    }
}

void Applier::first_round_done() {
    first_round_ = true;
    for (const auto& [name, of] : ledgers_) {
        for (const auto& [key, uuid] : of->rows()) {
            if (!engine_.find(name, key)) mark({name, key});
        }
    }
}

void Applier::statuses_changed() {
    for (const Item& item : held_)
        mark(item);
    held_.clear();
}

// ---------------------------------------------------------------------------------------------------------------------
// What the database holds.

void Applier::loaded() {
    loaded_ = true;
    for (const auto& [name, of] : ledgers_) {
        of->clear();
        replica_.each(of->table(), [&, name = name, of = of.get()](const RowPtr& row) {
            if (std::string key = of->learn(row); !key.empty()) mark({name, std::move(key)});
        });
        for (const RowPtr& row : engine_.rows(name))
            mark({name, std::string(row.key())});
    }
    for (const auto* extra : {&extra_.members, &extra_.foreign_columns}) {
        for (const RowPtr& row : engine_.rows(extra->name))
            mark({extra->name, std::string(row.key())});
    }
    for (const auto& entry : withdrawn_)
        mark(entry.first);
}

std::vector<std::string> Applier::keys_of(const TableInfo& table, const RowPtr& row) const {
    std::vector<std::string> keys{table.natural_key_of(row.get())};
    if (const auto* claim = ledgers_.at(table.table_name)->claim_on(row.get())) {
        std::string own = claim->identity(row.get());
        if (own != keys.front()) keys.push_back(std::move(own));
    }
    return keys;
}

void Applier::row_changed(const weft::ovsdb::RowChange& change) {
    const std::string_view table = change.table->table_name;
    Ledger& of = *ledgers_.at(table);
    std::vector<std::string> keys;
    for (const RowPtr& row : {change.before, change.after}) {
        if (row) {
            for (auto& key : keys_of(*change.table, row))
                keys.push_back(std::move(key));
        }
    }
    if (change.before) {
        if (std::string key = of.forget(change.before); !key.empty()) mark({table, std::move(key)});
    }
    if (change.after) {
        if (std::string key = of.learn(change.after); !key.empty()) mark({table, std::move(key)});
    }
    // A row that came or went makes or unmakes what hangs on it; one that changed may have lost an entry of ours.
    const bool came_or_went = !change.before || !change.after;
    for (const auto& key : keys) {
        const Item item{table, key};
        mark_rows_of(item, members_of_);
        if (came_or_went) mark_rows_of(item, refers_to_);
        wake_blocked(item);
    }
}

void Applier::member_changed(const weft::ovsdb::MemberChange& change) {
    const RowPtr row = replica_.find(*change.table, change.row);
    if (!row) return;
    std::vector<std::string> values;
    if (std::holds_alternative<Uuid>(change.member) && !change.column->key.ref_table.empty()) {
        const TableInfo* target = replica_.database().table(change.column->key.ref_table);
        const RowPtr child = target ? replica_.find(*target, std::get<Uuid>(change.member)) : RowPtr();
        if (!child) return;  // gone itself: row_changed has seen it
        values = keys_of(*target, child);
    } else {
        values = {weft::ovsdb::text_of(change.member)};
    }
    for (const auto& of : keys_of(*change.table, row)) {
        for (const auto& value : values) {
            std::string key(change.table->name);
            key.append("/").append(of).append("/").append(change.column->name).append("/").append(value);
            mark({extra_.members.name, std::move(key)});
        }
        // The row may declare the column itself.
        if (engine_.find(change.table->table_name, of)) mark({change.table->table_name, of});
    }
}

void Applier::database_changed(const weft::ovsdb::Changes& changes) {
    for (const auto& change : changes.rows)
        row_changed(change);
    for (const auto& change : changes.members)
        member_changed(change);
}

// ---------------------------------------------------------------------------------------------------------------------
// Sending.

void Applier::flush() {
    std::string why;
    if (!loaded_ || !flights_.empty() || dirty_.empty() || !channel_.writable(why)) return;
    planning_ = std::move(dirty_);
    dirty_.clear();
    std::vector<Item> items(planning_.begin(), planning_.end());
    std::sort(items.begin(), items.end(),
              [](const Item& a, const Item& b) { return std::tie(a.table, a.key) < std::tie(b.table, b.key); });
    Round round(*this);
    for (const Item& item : items)
        round.plan(item);
    send(std::move(round).groups());
    planning_.clear();
}

void Applier::send(std::vector<Group> groups) {
    for (auto& part : pack(std::move(groups), options_.most_operations))
        commit(std::move(part));
}

void Applier::commit(std::vector<Group> groups) {
    weft::ovsdb::Transaction transaction;
    for (const Group& group : groups) {
        transaction.append(group.operations);
        for (const Item& item : group.items)
            flying_.insert(item);
    }
    ++transactions_;
    const std::uint64_t number = channel_.commit(transaction);
    flights_.emplace(number, Flight{std::move(groups)});
}

void Applier::settle(const Group& group) {
    for (const Item& item : group.items) {
        flying_.erase(item);
        failures_.erase(item);
        expected_.erase(item);
        definite_.erase(item);
        withdrawn_.erase(item);
        wake_blocked(item);
        ++applied_count_;
    }
}

void Applier::fail(const Group& group, const std::string& error) {
    for (const Item& item : group.items) {
        flying_.erase(item);
        Failure& failure = failures_[item];
        if (failure.attempts == 0) failure.since = clock_.wall();
        const auto wait = std::min(options_.first_retry * (1U << std::min(failure.attempts, 16U)), options_.most_retry);
        ++failure.attempts;
        failure.next = clock_.now() + wait;
        if (failure.what != error) {
            log(LogLevel::warn, options_.name, "the database refused a row",
                {{"table", std::string(item.table)}, {"row", item.key}, {"error", error}});
        }
        failure.what = error;
        mark(item);
    }
}

void Applier::outcome(std::uint64_t transaction, const weft::ovsdb::Outcome& outcome) {
    using Kind = weft::ovsdb::Outcome::Kind;
    const auto at = flights_.find(transaction);
    if (at == flights_.end()) return;
    std::vector<Group> groups = std::move(at->second.groups);
    flights_.erase(at);
    if (outcome.kind == Kind::success) {
        for (const Group& group : groups)
            settle(group);
    } else if (outcome.kind == Kind::error && groups.size() == 1) {
        fail(groups.front(), outcome.text());
    } else if (outcome.kind == Kind::error) {
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
                flying_.erase(item);
                mark(item);
            }
        }
    }
}

std::optional<TimePoint> Applier::next_deadline() const {
    std::optional<TimePoint> next;
    for (const auto& [item, failure] : failures_) {
        if (!next || failure.next < *next) next = failure.next;
    }
    return next;
}

// ---------------------------------------------------------------------------------------------------------------------

bool Applier::applied(std::string_view table, std::string_view key) const {
    const Ledger* of = ledger(table);
    if (!of || of->find(key).is_zero()) return false;
    const Item item{of->table().table_name, std::string(key)};
    return !dirty_.contains(item) && !flying_.contains(item);
}

Status Applier::status() const {
    Status status;
    status.name = options_.name;
    status.applied = applied_count_;
    status.requests = transactions_;
    status.repaired = repaired_;
    status.behind = dirty_.size() + flying_.size();
    for (const auto& [blocker, items] : blocked_)
        status.behind += items.size();
    std::string why;
    if (!channel_.writable(why)) {
        status.detail = why;
    } else if (!first_round_) {
        status.detail = "rules have not run yet";
    } else {
        status.state = status.behind == 0 ? State::synced : State::syncing;
        if (!held_.empty()) {
            status.detail =
                std::to_string(held_.size()) + " old rows are kept while rules that may want them wait or fail";
        }
    }
    for (const auto& [blocker, items] : blocked_) {
        if (status.faults.size() >= 100) break;
        status.faults.push_back({std::string(items.front().table) + " " + items.front().key,
                                 "waits for " + std::string(blocker.table) + " " + json_quote(blocker.key),
                                 "",
                                 {}});
    }
    for (const auto& [item, failure] : failures_) {
        if (status.faults.size() >= 100) break;
        status.faults.push_back({std::string(item.table) + " " + item.key, failure.what,
                                 "see the object that the row was made from", failure.since});
    }
    return status;
}

}  // namespace weft::appliers::ovsdb
