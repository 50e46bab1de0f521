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
    dirty_.try_emplace(item, false);
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
    return rows.empty() ? Uuid() : table->uuid_in(rows.front());
}

Standing Applier::standing(const Item& item) {
    if (!loaded_ || flying_.contains(&item) || dirty_.contains(item)) return Standing::moving;
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
                return row ? of->table().after_in(row) : std::vector<After>();
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
    const TableInfo& table = *change.table;
    Ledger& of = *ledgers_.at(table.table_name);
    const OpenRow before = change.before ? change.before.open() : OpenRow();
    const OpenRow unpacked = change.after && !change.opened ? change.after.open() : OpenRow();
    const OpenRow& after = change.opened ? *change.opened : unpacked;
    const std::string old_key = before ? of.forget(before) : std::string();
    const std::string own_key = after ? of.learn(after) : std::string();
    const OpenRow none;
    std::vector<std::string> keys;
    const auto add = [&](std::string key) {
        if (!key.empty() && std::find(keys.begin(), keys.end(), key) == keys.end()) keys.push_back(std::move(key));
    };
    for (const std::string* key : {&old_key, &own_key}) {
        add(*key);
        if (key->empty()) continue;
        const bool stays = *key == own_key;
        const Item item{table.table_name, *key};
        if (!is_echo(item, of, stays ? change.after : RowPtr(), stays ? after : none)) mark(item);
    }
    for (const OpenRow* row : {&before, &after}) {
        if (*row) add(table.natural_key_of(row->get()));
    }
    // A row that came or went makes or unmakes what hangs on it; one that changed may have lost an entry of ours.
    const bool came_or_went = !change.before || !change.after;
    for (auto& key : keys) {
        const Item item{table.table_name, std::move(key)};
        mark_rows_of(item, members_of_);
        if (came_or_went) mark_rows_of(item, refers_to_);
        order_->moved(item, Move::seen);
    }
}

/// What is on its way has come back, and is as the rules want it now: that needs no second look.
bool Applier::is_echo(const Item& item, const Ledger& of, const RowPtr& actual, const OpenRow& opened) const {
    if (!flying_.contains(&item)) return false;
    const RowPtr wanted = engine_.find(item.table, item.key);
    if (!wanted || !actual) return !wanted && !actual;
    const TableInfo& table = of.table();
    if (members_of_.contains(item) || of.find(item.key) != table.uuid_of(opened.get())) return false;
    if (!table.after_in(wanted).empty()) return false;
    const auto known = channel_.columns(table);
    if (table.large.empty() && table.holds(wanted, actual, known)) return true;
    const OpenRow desired = wanted.open();
    const auto& parent = table.parent_of(desired.get());
    if (!parent.none() && parent != table.parent_of(opened.get())) return false;
    const Present resolver(*this);
    const auto columns = known & table.declared(desired.get());
    return std::all_of(table.columns.begin(), table.columns.end(), [&](const weft::ovsdb::ColumnInfo& column) {
        if (!columns.test(column.index)) return true;
        return !column.facts.large && column.satisfied(desired.get(), opened.get(), resolver);
    });
}

/// Changes of one column of one row.
void Applier::members_changed(std::span<const weft::ovsdb::MemberChange> changes) {
    const TableInfo& table = *changes.front().table;
    const auto& column = *changes.front().column;
    const OpenRow row = replica_.open(table, changes.front().row);
    if (!row) return;
    const TableInfo* target = column.key.ref_table.empty() ? nullptr : replica_.database().table(column.key.ref_table);
    for (std::string& key : keys_of(table, row)) {
        const std::string prefix = std::string(table.name) + "/" + key + "/" + std::string(column.name) + "/";
        const Item item{table.table_name, std::move(key)};
        if (engine_.find(item.table, item.key)) mark(item);  // it may declare the column itself
        if (!members_of_.contains(item) && withdrawn_.empty()) continue;
        for (const auto& change : changes) {
            if (!target || !std::holds_alternative<Uuid>(change.member)) {
                mark({extra_.members.name, prefix + weft::ovsdb::text_of(change.member)});
            } else if (const OpenRow child = replica_.open(*target, std::get<Uuid>(change.member))) {
                for (const auto& value : keys_of(*target, child))
                    mark({extra_.members.name, prefix + value});
            }  // else gone itself: row_changed has seen it
        }
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
    for (auto first = changes.members.begin(); first != changes.members.end();) {
        const auto last = std::find_if(first, changes.members.end(), [&](const auto& change) {
            return change.row != first->row || change.column != first->column;
        });
        members_changed({first, last});
        first = last;
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// Sending.

/// May a round begin? One ahead of the answers does not see what is on its way. It can't be wrong for that while both
/// it and all that is on its way only add, and to other items: rows that are still to come can't be referred to, so
/// what needs them waits. Where that does not hold, the flights have to land first.
bool Applier::may_plan() {
    if (flights_.empty()) {
        let_land_ = false;
        return true;
    }
    if (let_land_ || dirty_.size() < options_.least_ahead || flights_.size() >= options_.most_ahead) return false;
    const bool all_add =
        std::all_of(flights_.begin(), flights_.end(), [](const auto& flight) { return flight.second.only_adds; });
    let_land_ = !all_add || std::any_of(dirty_.begin(), dirty_.end(), [this](const auto& look) {
        const Item& item = look.first;
        return flying_.contains(&item) || definite_.contains(item) || withdrawn_.contains(item);
    });
    return !let_land_;
}

void Applier::flush() {
    std::string why;
    if (!loaded_ || !channel_.writable(why) || !may_plan()) return;
    if (!dirty_.empty()) plan_round();
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

void Applier::plan_round() {
    planning_ = std::move(dirty_);
    dirty_.clear();
    std::vector<const Item*> items;
    items.reserve(planning_.size());
    for (const auto& look : planning_)
        items.push_back(&look.first);
    std::sort(items.begin(), items.end(),
              [](const Item* a, const Item* b) { return std::tie(a->table, a->key) < std::tie(b->table, b->key); });
    Round round(*this);
    round_ = &round;
    for (const Item* item : items)
        round.plan(*item);
    auto groups = round.groups();
    round_ = nullptr;
    const bool ahead = !flights_.empty();
    let_land_ = let_land_ || (ahead && std::any_of(groups.begin(), groups.end(),
                                                   [](const Group& group) { return !group.only_adds; }));
    if (ahead && let_land_) {
        for (const auto& look : planning_)
            mark(look.first);
        groups.clear();
    } else {
        round.tell_repairs();
    }
    planning_.clear();
    send(std::move(groups));
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
    return !dirty_.contains(item) && !flying_.contains(&item);
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
    if (!of) return 0;
    const Item item{of->table().table_name, std::string(key)};
    const auto at = flying_.find(&item);
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
