#include "appliers/ovsdb/applier.hpp"

#include "appliers/ovsdb/global.hpp"
#include "appliers/ovsdb/round.hpp"
#include "base/shrink.hpp"

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
      order_(options_.order ? options_.order : std::make_shared<Order>()),
      engine_(engine),
      replica_(replica),
      channel_(channel),
      extra_(extra),
      clock_(clock),
      unsettled_(std::move(unsettled)) {
    for (const auto& table : replica_.database().tables()) {
        ledgers_.emplace(table->table_name, std::make_unique<Ledger>(*table));
    }
    order_->add(*this);
}

Applier::~Applier() {
    order_->remove(*this);
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

void Applier::add_claim(const weft::ovsdb::ClaimSpec& claim, const std::string& plugin) {
    Ledger* of = ledger(claim.type->name);
    if (!of) return;
    of->add_claim(claim, plugin);
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

bool Applier::wake_blocked(const Item& item) {
    const auto at = blocked_.find(item);
    if (at == blocked_.end()) return false;
    for (const Item& waiting : at->second)
        mark(waiting);
    blocked_.erase(at);
    return true;
}

// ---------------------------------------------------------------------------------------------------------------------
// What the order asks.

bool Applier::owns(std::string_view table) const {
    return ledger(table) || table == extra_.members.name || table == extra_.foreign_columns.name;
}

bool Applier::wake(const Item& on) {
    return wake_blocked(on);
}

/// The row under this key: one of ours, or else whichever has it as its natural key.
Uuid Applier::find_row(const Item& row) const {
    if (const Ledger* of = ledger(row.table)) {
        if (const Uuid uuid = of->find(row.key); !uuid.is_zero()) return uuid;
    }
    const TableInfo* table = replica_.database().table(row.table);
    if (!table) return {};
    const auto rows = replica_.find_by_key(*table, row.key);
    return rows.empty() ? Uuid() : table->uuid_of(rows.front().open().get());
}

Standing Applier::standing(const Item& item) {
    if (!loaded_ || flying_.contains(item) || dirty_.contains(item)) return Standing::moving;
    if (round_ && planning_.contains(item)) {
        round_->plan(item);
        if (round_->has(item) || dirty_.contains(item)) return Standing::moving;
    }
    if (!ledger(item.table)) return extra_standing(item);
    if (!find_row(item).is_zero()) return Standing::there;
    return engine_.find(item.table, item.key) ? Standing::moving : Standing::gone;
}

/// Resolves references to rows that are there.
class Applier::Present final : public weft::ovsdb::RefResolver {
  public:
    explicit Present(const Applier& applier) : applier_(applier) {}
    Uuid uuid_of(std::string_view table, std::string_view key) const override {
        return applier_.find_row(applier_.row_item(table, key));
    }

  private:
    const Applier& applier_;
};

Standing Applier::extra_standing(const Item& item) const {
    const bool is_member = item.table == extra_.members.name;
    RowPtr row = engine_.find(item.table, item.key);
    const bool wanted = static_cast<bool>(row);
    if (const auto at = withdrawn_.find(item); !wanted && at != withdrawn_.end()) row = at->second;
    if (!row) return Standing::gone;
    const MemberView view = (is_member ? extra_.member : extra_.foreign_column)(row.open().get());
    const TableInfo* table = replica_.database().table(view.table);
    const auto* column = table ? table->column(view.column) : nullptr;
    const Uuid on = column ? find_row(row_item(view.table, view.row)) : Uuid();
    const Present resolver(*this);
    const auto member =
        on.is_zero() ? waiting("no row") : column->scalar(column->is_map() ? view.map_key : view.value, resolver);
    if (member && replica_.contains(*table, on, *column, *member)) return wanted ? Standing::there : Standing::moving;
    return wanted ? Standing::moving : Standing::gone;
}

// ---------------------------------------------------------------------------------------------------------------------
// What rules want.

void Applier::order_changed(const Item& item, std::span<const After> before, std::span<const After> after,
                            bool wanted) {
    if (!wanted) return order_->withdraw(item, before);
    const bool same = std::equal(before.begin(), before.end(), after.begin(), after.end());
    if (same && !after.empty()) return;
    order_->forget(item, before);
    order_->put(item, after);
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
}

void Applier::changed(std::span<const Change> changes) {
    for (const Change& change : changes) {
        const TableSpec& table = subscribed_[change.input];
        const Item item{table.name, std::string(change.key())};
        const bool is_member = table.name == extra_.members.name;
        const bool is_foreign = table.name == extra_.foreign_columns.name;
        if (is_member || is_foreign) {
            const auto view_of = is_member ? extra_.member : extra_.foreign_column;
            const MemberView before = change.before ? view_of(change.before.open().get()) : MemberView();
            const MemberView after = change.after ? view_of(change.after.open().get()) : MemberView();
            if (change.before) index_extra(item, before, false);
            if (change.after) index_extra(item, after, true);
            if (change.before && !change.after) withdrawn_.insert_or_assign(item, change.before);
            if (change.after) withdrawn_.erase(item);
            order_changed(item, before.after, after.after, static_cast<bool>(change.after));
        } else if (const Ledger* of = ledger(table.name)) {
            const auto after_of = [of](const RowPtr& row) {
                return row ? of->table().after_of(row.open().get()) : std::vector<After>();
            };
            order_changed(item, after_of(change.before), after_of(change.after), static_cast<bool>(change.after));
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
            if (!engine_.find(name, key)) mark({name, std::string(key)});
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
    failures_.clear();  // another server may take what the last one refused
    tell_levels();
    for (const auto& [name, of] : ledgers_) {
        of->clear();
        replica_.each(of->table(), [&, name = name, of = of.get()](const RowPtr& row) {
            if (std::string key = of->learn(row.open()); !key.empty()) mark({name, std::move(key)});
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

std::vector<std::string> Applier::keys_of(const TableInfo& table, const OpenRow& row) const {
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
    const OpenRow before = change.before ? change.before.open() : OpenRow();
    const OpenRow after = change.after ? change.after.open() : OpenRow();
    std::vector<std::string> keys;
    for (const OpenRow* row : {&before, &after}) {
        if (!*row) continue;
        for (auto& key : keys_of(*change.table, *row))
            keys.push_back(std::move(key));
    }
    if (before) {
        if (std::string key = of.forget(before); !key.empty()) mark({table, std::move(key)});
    }
    if (after) {
        if (std::string key = of.learn(after); !key.empty()) mark({table, std::move(key)});
    }
    // A row that came or went makes or unmakes what hangs on it; one that changed may have lost an entry of ours.
    const bool came_or_went = !change.before || !change.after;
    for (const auto& key : keys) {
        const Item item{table, key};
        mark_rows_of(item, members_of_);
        if (came_or_went) mark_rows_of(item, refers_to_);
        order_->moved(item, Move::seen);
    }
}

void Applier::member_changed(const weft::ovsdb::MemberChange& change) {
    const OpenRow row = replica_.open(*change.table, change.row);
    if (!row) return;
    std::vector<std::string> values;
    if (std::holds_alternative<Uuid>(change.member) && !change.column->key.ref_table.empty()) {
        const TableInfo* target = replica_.database().table(change.column->key.ref_table);
        const OpenRow child = target ? replica_.open(*target, std::get<Uuid>(change.member)) : OpenRow();
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

void Applier::tell_levels() {
    if (has_levels(replica_.database())) order_->told(levels_in(replica_));
}

void Applier::database_changed(const weft::ovsdb::Changes& changes) {
    if (std::any_of(changes.rows.begin(), changes.rows.end(), [](const auto& row) { return is_global(*row.table); })) {
        tell_levels();
    }
    for (const auto& change : changes.rows)
        row_changed(change);
    for (const auto& change : changes.members)
        member_changed(change);
}

// ---------------------------------------------------------------------------------------------------------------------
// Sending.

void Applier::flush() {
    std::string why;
    if (!loaded_ || !flights_.empty() || !channel_.writable(why)) return;
    if (!dirty_.empty()) {
        planning_ = std::move(dirty_);
        dirty_.clear();
        std::vector<Item> items(planning_.begin(), planning_.end());
        std::sort(items.begin(), items.end(),
                  [](const Item& a, const Item& b) { return std::tie(a.table, a.key) < std::tie(b.table, b.key); });
        Round round(*this);
        round_ = &round;
        for (const Item& item : items)
            round.plan(item);
        auto groups = std::move(round).groups();
        round_ = nullptr;
        planning_.clear();
        send(std::move(groups));
    }
    if (flights_.empty() && raises({})) commit({});
    if (!flights_.empty()) return;
    // A burst may have ended.
    shrink(planning_);
    shrink(flying_);
    shrink(expected_);
    shrink(definite_);
    shrink(withdrawn_);
    shrink(moves_);
}

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
    for (const Group& group : groups) {
        transaction.append(group.operations);
        for (const Item& item : group.items)
            flying_.emplace(item, mark);
    }
    append_members(groups, transaction);
    if (mark != 0) add_raise(replica_, transaction);
    ++transactions_;
    const std::uint64_t number = channel_.commit(transaction);
    flights_.emplace(number, Flight{std::move(groups), mark});
}

void Applier::settle(const Group& group, Levels::Mark mark) {
    for (const Item& item : group.items) {
        flying_.erase(item);
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

namespace {

/// How to mend what a database says of a transaction.
const char* mend_of(const std::string& error) {
    if (error.find("I/O error") != std::string::npos) return "see to the database's disk: is it full or broken?";
    if (error.find("read only") != std::string::npos) return "see to the database server: it takes no writes";
    return "see the object that the row was made from";
}

}  // namespace

void Applier::fail(const Group& group, const std::string& error) {
    for (const Item& item : group.items) {
        flying_.erase(item);
        fail(item, invalid(error, mend_of(error)));
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
        fail(groups.front(), outcome.text());
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
                flying_.erase(item);
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

std::optional<TimePoint> Applier::next_deadline() const {
    std::optional<TimePoint> next;
    for (const auto& [item, failure] : failures_) {
        if (!next || failure.next < *next) next = failure.next;
    }
    if (has_levels(replica_.database())) {
        const auto raise = order_->levels().next_deadline(clock_.now());
        if (raise && (!next || *raise < *next)) next = raise;
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

bool Applier::keeps(std::string_view table) const {
    return std::any_of(subscribed_.begin(), subscribed_.end(),
                       [&](const TableSpec& spec) { return spec.name == table; });
}

std::string Applier::trouble(std::string_view table, std::string_view key) const {
    if (std::string why; !channel_.writable(why)) return why;
    for (const auto& [item, failure] : failures_) {
        if (item.table == table && item.key == key) return failure.what;
    }
    for (const auto& [blocker, items] : blocked_) {
        for (const Item& item : items) {
            if (item.table == table && item.key == key)
                return "waits for " + std::string(blocker.table) + " " + json_quote(blocker.key);
        }
    }
    return {};
}

std::optional<std::pair<std::string, std::string>> Applier::row_with(const Uuid& uuid) const {
    for (const auto& [table, ledger] : ledgers_) {
        for (const auto& [key, known] : ledger->rows()) {
            if (known == uuid) return std::pair(std::string(table), std::string(key));
        }
    }
    return std::nullopt;
}

Levels::Mark Applier::erasing(std::string_view table, std::string_view key) const {
    const Ledger* of = ledger(table);
    const auto at = of ? flying_.find({of->table().table_name, std::string(key)}) : flying_.end();
    return at == flying_.end() || engine_.find(table, key) ? 0 : at->second;
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
    report_faults(status);
    return status;
}

void Applier::report_faults(Status& status) const {
    constexpr std::size_t most = 100;
    const auto name = [](const Item& item) { return std::string(item.table) + " " + item.key; };
    for (const auto& [item, failure] : failures_) {
        if (status.faults.size() >= most) return;
        status.faults.push_back(
            {name(item), failure.what + " (put by " + put_by(item) + ")", failure.mend, failure.since});
    }
    for (const auto& [item, drift] : drifts_) {
        if (status.faults.size() >= most) return;
        if (drift.repairs.size() < options_.flap_count) continue;
        if (clock_.now() - drift.repairs.back() > std::chrono::minutes(1)) continue;
        status.faults.push_back({name(item),
                                 "flapping: somebody else has changed it " + std::to_string(drift.repairs.size()) +
                                     " times within a minute, and it was put back each time",
                                 "find out who writes this row beside weft, and stop it", drift.since});
    }
    for (const auto& [blocker, items] : blocked_) {
        if (status.faults.size() >= most) return;
        status.faults.push_back(
            {name(items.front()), "waits for " + std::string(blocker.table) + " " + json_quote(blocker.key), "", {}});
    }
}

}  // namespace weft::appliers::ovsdb
