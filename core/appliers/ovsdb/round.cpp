#include "appliers/ovsdb/round.hpp"

#include <weft/base/log.hpp>

#include <algorithm>
#include <map>

namespace weft::appliers::ovsdb {

using weft::ovsdb::Mutations;
using weft::ovsdb::Scalar;
using weft::ovsdb::Transaction;

namespace {

/// Gives a member a value for one scope.
template <class T>
class Exchange {
  public:
    Exchange(T& place, T value) : place_(place), before_(std::exchange(place, value)) {}
    ~Exchange() { place_ = before_; }
    Exchange(const Exchange&) = delete;
    Exchange& operator=(const Exchange&) = delete;

  private:
    T& place_;
    T before_;
};

Transaction mutation(const weft::ovsdb::TableInfo& table, const Uuid& row, const Mutations& mutations) {
    Transaction operation;
    operation.mutate(table, row, mutations);
    return operation;
}

}  // namespace

std::vector<Group> Applier::Round::groups() {
    if (applier_.first_round_) erase_doubles();
    return std::move(plan_).groups();
}

void Applier::Round::count_repair(const Item& item) {
    if (!applier_.first_round_ || applier_.expected_.contains(item) || applier_.failures_.contains(item)) return;
    repairs_.push_back(item);
}

void Applier::Round::tell_repairs() const {
    for (const Item& item : repairs_)
        applier_.repaired(item);
}

Uuid Applier::Round::find(const Item& row) {
    if (const Ledger* of = applier_.ledger(row.table)) {
        if (const Uuid uuid = of->find(row.key); !uuid.is_zero()) return uuid;
    }
    if (const auto at = pending_.find(&row); at != pending_.end()) return at->second;
    if (const auto look = applier_.planning_.find(row); look != applier_.planning_.end() && !look->second) {
        plan(row);
        if (const auto at = pending_.find(&row); at != pending_.end()) return at->second;
    }
    return applier_.find_row(row);
}

Uuid Applier::Round::uuid_of(std::string_view table, std::string_view key) const {
    auto& self = const_cast<Round&>(*this);
    const Item row = applier_.row_item(table, key);
    Trail* const trail = trail_;
    const Uuid uuid = self.find(row);
    if (trail) (uuid.is_zero() ? trail->missing : trail->joined).push_back(row);
    return uuid;
}

void Applier::Round::block(const Item& item, const std::vector<Item>& missing) {
    for (const Item& on : missing) {
        auto& waiting = applier_.blocked_[on];
        if (std::find(waiting.begin(), waiting.end(), item) == waiting.end()) waiting.push_back(item);
    }
}

bool Applier::Round::waits_for_others(const Item& item, std::span<const weft::ovsdb::After> after, bool is_new) {
    std::vector<Item> missing;
    for (const auto& a : after) {
        if (!applier_.order_->there(a, is_new)) missing.push_back({a.table, a.key});
    }
    block(item, missing);
    return !missing.empty();
}

/// Rows that came after this one have to go first.
bool Applier::Round::is_held(const Item& item) {
    const auto holders = applier_.order_->holders(item);
    block(item, holders);
    return !holders.empty();
}

/// The server would refuse what the row declares, and with it all that is in the same transaction.
bool Applier::Round::misfits(const Item& item, const TableInfo& table, const OpenRow& desired,
                             const weft::ovsdb::ColumnSet& columns) {
    const auto* capabilities = applier_.channel_.capabilities();
    if (!capabilities) return false;
    const auto fit = capabilities->fits(table, desired.get(), columns);
    if (!fit) applier_.fail(item, fit.error());
    return !fit;
}

void Applier::Round::note_move(const Item& item, Move how) {
    if (!applier_.order_->concerns(item, how)) return;
    applier_.moves_.insert_or_assign(item, how);
    applier_.order_->committed(item, 0);  // how far its last change has come says nothing of this one
}

void Applier::Round::plan(const Item& which) {
    auto& [item, looked] = *applier_.planning_.try_emplace(which, false).first;  // this one stays where it is
    if (std::exchange(looked, true)) return;
    if (applier_.flying_.contains(&item)) return applier_.mark(item);
    if (const auto failed = applier_.failures_.find(item); failed != applier_.failures_.end()) {
        if (failed->second.next > applier_.clock_.now()) return applier_.mark(item);
    }
    Trail trail;
    const Exchange restore(trail_, &trail);
    if (item.table == applier_.extra_.members.name) {
        plan_extra(item, applier_.extra_.member, false);
    } else if (item.table == applier_.extra_.foreign_columns.name) {
        plan_extra(item, applier_.extra_.foreign_column, true);
    } else if (Ledger* of = applier_.ledger(item.table)) {
        plan_row(item, *of);
    }
    for (const Item& other : trail.joined) {
        if (applier_.planning_.contains(other)) plan_.join(item, other);
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// Rows.

void Applier::Round::plan_row(const Item& item, Ledger& of) {
    const TableInfo& table = of.table();
    const RowPtr wanted = applier_.engine_.find(item.table, item.key);
    const OpenRow desired = wanted ? wanted.open() : OpenRow();
    if (desired) {
        const std::string plugin(applier_.engine_.owner_of(item.table, item.key));
        if (const std::string other = of.claimed_by_other(desired.get(), plugin); !other.empty()) {
            return applier_.fail(
                item, {ErrorKind::conflict,
                       "plugin " + plugin + " puts a row into " + std::string(item.table) + " that plugin " + other +
                           " claims as its own: it is not written",
                       {},
                       "this is a fault of plugin " + plugin + ": its rows must be told from those of others"});
        }
    }
    const Uuid uuid = of.find(item.key);
    const OpenRow actual = uuid.is_zero() ? OpenRow() : applier_.replica_.open(table, uuid);
    if (desired && !actual) {
        if (!waits_for_others(item, table.after_of(desired.get()), true)) insert_row(item, table, desired);
    } else if (desired) {
        if (!waits_for_others(item, table.after_of(desired.get()), false)) update_row(item, table, desired, actual);
    } else if (actual) {
        erase_row(item, of, actual);
    } else {
        applier_.definite_.erase(item);
        as_it_should_be(item);
    }
}

void Applier::Round::insert_row(const Item& item, const TableInfo& table, const OpenRow& desired) {
    const Uuid uuid = Uuid::random();
    pending_.emplace(&item, uuid);  // before its references are resolved: two new rows may refer to each other
    const auto give_up = [&] {
        pending_.erase(&item);
        block(item, trail_->missing);
    };
    Transaction insert;
    const auto columns = applier_.channel_.columns(table) & table.declared(desired.get());
    if (misfits(item, table, desired, columns)) {
        pending_.erase(&item);
        return;
    }
    if (auto added = insert.insert(table, uuid, desired.get(), columns, *this); !added) {
        if (trail_->missing.empty()) applier_.fail(item, added.error());
        return give_up();
    }
    const auto& parent = table.parent_of(desired.get());
    if (!parent.none()) {
        const Uuid on = uuid_of(parent.table, parent.key);
        if (on.is_zero()) return give_up();
        plan_.add(item, hang(parent, on, uuid, true));
    }
    count_repair(item);
    note_move(item, Move::made);
    plan_.add(item, Phase::insert, std::move(insert));
    // What is added to the row by others comes with it.
    for (const auto* index : {&applier_.members_of_, &applier_.refers_to_}) {
        if (const auto at = index->find(item); at != index->end()) {
            for (const Item& extra : std::vector<Item>(at->second))
                plan(extra);
        }
    }
}

/// `.parent`'s column loses or gains the child.
MemberEdit Applier::Round::hang(const weft::ovsdb::Parent& parent, const Uuid& on, const Uuid& child, bool insert) {
    const TableInfo& table = *applier_.replica_.database().table(parent.table);
    return {&table, on, table.column(parent.column), child, insert};
}

void Applier::Round::update_column(const Item& item, const TableInfo& table, const ColumnInfo& column,
                                   const OpenRow& desired, const OpenRow& actual, Transaction& update) {
    if (column.satisfied(desired.get(), actual.get(), *this) || waits_for_members(item)) return;
    const auto extras = members_on(item, column);
    const Uuid& uuid = table.uuid_of(actual.get());
    if (extras.empty()) {
        weft::ovsdb::ColumnSet one;
        one.set(column.index);
        if (auto added = update.update(table, uuid, desired.get(), one, *this); !added) {
            return block(item, trail_->missing);
        }
    } else {
        JsonWriter value;
        if (!write_merged(value, column, extras, desired, actual)) return;
        update.set_column(table, uuid, column, value.text());
    }
    join_dropped_references(item, column, actual);
}

bool Applier::Round::write_merged(JsonWriter& w, const ColumnInfo& column, const std::vector<MemberView>& extras,
                                  const OpenRow& desired, const OpenRow& actual) {
    // Others add to this column: what is wanted is what the row declares and what they add.
    if (column.is_map()) {
        std::map<std::string, std::string> wanted;
        std::map<std::string, std::string> there;
        const auto read = [&](const OpenRow& from, std::map<std::string, std::string>& into) {
            for (const Scalar& key : column.members(from.get(), *this)) {
                const std::string text = weft::ovsdb::text_of(key);
                if (const std::string* entry = column.entry(from.get(), text)) into[text] = *entry;
            }
        };
        read(desired, wanted);
        read(actual, there);
        for (const MemberView& extra : extras)
            wanted[extra.map_key] = extra.value;
        if (wanted == there) return false;
        w.begin_array().value("map").begin_array();
        for (const auto& [key, text] : wanted)
            w.begin_array().value(key).value(text).end_array();
        w.end_array().end_array();
        return true;
    }
    std::vector<Scalar> wanted = column.members(desired.get(), *this);
    for (const MemberView& extra : extras) {
        if (auto member = column.scalar(extra.value, *this)) wanted.push_back(*std::move(member));
    }
    std::vector<Scalar> there = column.members(actual.get(), *this);
    for (auto* list : {&wanted, &there}) {
        std::sort(list->begin(), list->end());
        list->erase(std::unique(list->begin(), list->end()), list->end());
    }
    if (wanted == there) return false;
    w.begin_array().value("set").begin_array();
    for (const Scalar& member : wanted)
        weft::ovsdb::write_scalar(w, member);
    w.end_array().end_array();
    return true;
}

/// A row that is no longer referred to may be deleted in this pass: then both must commit together.
void Applier::Round::join_dropped_references(const Item& item, const ColumnInfo& column, const OpenRow& actual) {
    if (column.key.ref_table.empty()) return;
    const TableInfo* target = applier_.replica_.database().table(column.key.ref_table);
    const Ledger* of = target ? applier_.ledger(target->table_name) : nullptr;
    if (!of) return;
    for (const Scalar& member : column.members(actual.get(), *this)) {
        const OpenRow row = applier_.replica_.open(*target, std::get<Uuid>(member));
        if (const auto* claim = row ? of->claim_on(row.get()) : nullptr) {
            plan_.join(item, {target->table_name, claim->identity(row.get())});
        }
    }
}

void Applier::Round::update_row(const Item& item, const TableInfo& table, const OpenRow& desired,
                                const OpenRow& actual) {
    Transaction update;
    const auto columns = applier_.channel_.columns(table) & table.declared(desired.get());
    if (misfits(item, table, desired, columns)) return;
    for (const ColumnInfo& column : table.columns) {
        if (!columns.test(column.index)) continue;
        if (column.facts.large) {
            update_large(item, table, column, desired, table.uuid_of(actual.get()));
        } else {
            update_column(item, table, column, desired, actual, update);
        }
    }
    if (!update.empty()) plan_.add(item, Phase::change, std::move(update));
    move_row(item, table, desired, actual);
    if (plan_.has(item)) {
        count_repair(item);
        note_move(item, Move::changed);
    } else {
        as_it_should_be(item);
    }
}

void Applier::Round::as_it_should_be(const Item& item) {
    applier_.failures_.erase(item);
    applier_.expected_.erase(item);
    applier_.withdrawn_.erase(item);
    applier_.order_->moved(item, Move::found);
}

void Applier::Round::update_large(const Item& item, const TableInfo& table, const ColumnInfo& column,
                                  const OpenRow& desired, const Uuid& row) {
    if (waits_for_members(item)) return;
    std::vector<Scalar> wanted = column.members(desired.get(), *this);
    for (const MemberView& extra : members_on(item, column)) {
        if (auto value = column.scalar(extra.value, *this)) wanted.push_back(*std::move(value));
    }
    for (const Scalar& member : wanted) {
        if (std::holds_alternative<Uuid>(member) && std::get<Uuid>(member).is_zero()) {
            block(item, trail_->missing);
            continue;
        }
        if (!applier_.replica_.contains(table, row, column, member)) {
            plan_.add(item, MemberEdit{&table, row, &column, member, true});
        }
    }
    for (const Scalar& member : applier_.replica_.all_members(table, row, column)) {
        if (std::find(wanted.begin(), wanted.end(), member) == wanted.end()) {
            plan_.add(item, MemberEdit{&table, row, &column, member, false});
        }
    }
}

void Applier::Round::move_row(const Item& item, const TableInfo& table, const OpenRow& desired, const OpenRow& actual) {
    const auto& want = table.parent_of(desired.get());
    const auto& have = table.parent_of(actual.get());
    if (want.none() || want == have) return;
    const Uuid to = uuid_of(want.table, want.key);
    if (to.is_zero()) return block(item, trail_->missing);
    const Uuid& uuid = table.uuid_of(actual.get());
    plan_.add(item, hang(want, to, uuid, true));
    if (have.none()) return;
    const Uuid from = uuid_of(have.table, have.key);
    if (!from.is_zero()) plan_.add(item, hang(have, from, uuid, false));
}

void Applier::Round::erase_row(const Item& item, const Ledger& of, const OpenRow& actual) {
    if (!applier_.first_round_) return;  // first_round_done() marks it again
    const TableInfo& table = of.table();
    const auto* claim = of.claim_on(actual.get());
    if (claim && claim->adopt_only) return;
    if (!applier_.definite_.contains(item)) {
        const std::string driver = claim && claim->driver ? claim->driver(actual.get()) : std::string();
        if (applier_.unsettled_(table, driver)) {
            applier_.held_.insert(item);
            return;
        }
    }
    if (is_held(item)) return;
    note_move(item, Move::gone);
    const Uuid& uuid = table.uuid_of(actual.get());
    const auto& parent = table.parent_of(actual.get());
    if (!table.is_root && !parent.none()) {
        // Rows of such tables live by being referred to.
        const Uuid from = uuid_of(parent.table, parent.key);
        if (!from.is_zero()) {
            plan_.add(item, hang(parent, from, uuid, false));
            return;
        }
    }
    Transaction erase;
    erase.erase(table, uuid);
    plan_.add(item, Phase::erase, std::move(erase));
}

void Applier::Round::erase_doubles() {
    for (const auto& [name, of] : applier_.ledgers_) {
        for (const auto& [key, uuid] : of->doubles()) {
            const OpenRow row = applier_.replica_.open(of->table(), uuid);
            if (!row) continue;
            const Item item{name, key + "\x1f" + uuid.text()};
            if (applier_.flying_.contains(&item)) continue;
            Trail trail;
            const Exchange restore(trail_, &trail);
            applier_.definite_.insert(item);
            erase_row(item, *of, row);
        }
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// Members and foreign columns.

bool Applier::Round::waits_for_members(const Item& row) {
    if (applier_.flying_.empty()) return false;
    const auto at = applier_.members_of_.find(row);
    if (at == applier_.members_of_.end()) return false;
    const bool flying = std::any_of(at->second.begin(), at->second.end(),
                                    [&](const Item& member) { return applier_.flying_.contains(&member); });
    applier_.let_land_ = applier_.let_land_ || flying;
    return flying;
}

std::vector<MemberView> Applier::Round::members_on(const Item& row, const ColumnInfo& column) const {
    std::vector<MemberView> out;
    const auto at = applier_.members_of_.find(row);
    if (at == applier_.members_of_.end()) return out;
    for (const Item& item : at->second) {
        if (item.table != applier_.extra_.members.name) continue;
        const RowPtr member = applier_.engine_.find(item.table, item.key);
        if (!member) continue;
        MemberView view = applier_.extra_.member(member.open().get());
        if (view.column == column.name) out.push_back(std::move(view));
    }
    return out;
}

RowPtr Applier::Round::wanted_or_withdrawn(const Item& item, bool& wanted) const {
    RowPtr row = applier_.engine_.find(item.table, item.key);
    wanted = static_cast<bool>(row);
    if (wanted) return row;
    const auto at = applier_.withdrawn_.find(item);
    return at == applier_.withdrawn_.end() ? RowPtr() : at->second;
}

void Applier::Round::plan_extra(const Item& item, MemberView (*view_of)(const void* row), bool foreign_column) {
    bool wanted = false;
    const RowPtr row = wanted_or_withdrawn(item, wanted);
    if (!row) return;
    const MemberView view = view_of(row.open().get());
    const TableInfo* table = applier_.replica_.database().table(view.table);
    const ColumnInfo* column = table ? table->column(view.column) : nullptr;
    if (!column || !applier_.channel_.columns(*table).test(column->index)) return;
    const Uuid on = uuid_of(view.table, view.row);
    if (on.is_zero()) {
        if (wanted) return block(item, trail_->missing);
        return as_it_should_be(item);  // the row is gone, and with it the member
    }
    const auto member = member_of(item, *column, view, wanted);
    if (!member) return;
    const bool there = applier_.replica_.contains(*table, on, *column, *member);
    if (wanted ? waits_for_others(item, view.after, !there) : is_held(item)) return;
    if (foreign_column) {
        set_foreign(item, *table, *column, on, *member, wanted);
    } else if (column->is_map()) {
        set_entry(item, *table, *column, on, view, wanted);
    } else if (there != wanted) {
        plan_.add(item, MemberEdit{table, on, column, *member, wanted});
    }
    if (plan_.has(item)) {
        count_repair(item);
        note_move(item, !wanted ? Move::gone : there ? Move::changed : Move::made);
    } else if (!applier_.dirty_.contains(item)) {  // where it is when it doesn't fit
        as_it_should_be(item);
    }
}

std::optional<Scalar> Applier::Round::member_of(const Item& item, const ColumnInfo& column, const MemberView& view,
                                                bool wanted) {
    auto member = column.scalar(column.is_map() ? view.map_key : view.value, *this);
    Result<void> fit;
    if (!member) {
        if (!wanted) as_it_should_be(item);  // what it referred to is gone, and with it the member
        if (wanted && !trail_->missing.empty()) block(item, trail_->missing);
        if (wanted && trail_->missing.empty()) fit = Error(member.error()).at("column " + std::string(column.name));
    } else if (const auto* capabilities = applier_.channel_.capabilities(); wanted && capabilities) {
        fit = capabilities->fits(column, *member);
    }
    if (fit) return member ? std::optional(*std::move(member)) : std::nullopt;
    applier_.fail(item, fit.error());
    return std::nullopt;
}

void Applier::Round::set_entry(const Item& item, const TableInfo& table, const ColumnInfo& column, const Uuid& on,
                               const MemberView& view, bool wanted) {
    const OpenRow actual = applier_.replica_.open(table, on);
    const std::string* entry = actual ? column.entry(actual.get(), view.map_key) : nullptr;
    const auto key = column.scalar(view.map_key, *this);
    const auto value = column.value_scalar(view.value, *this);
    if (!value && wanted) return applier_.fail(item, value.error());
    if (!key || !value || (wanted ? entry && *entry == view.value : !entry)) return;
    Mutations mutations;
    if (wanted) {
        mutations.set_entry(column, *key, *value);
    } else {
        mutations.erase_entry(column, *key);
    }
    plan_.add(item, Phase::change, mutation(table, on, mutations));
}

void Applier::Round::set_foreign(const Item& item, const TableInfo& table, const ColumnInfo& column, const Uuid& on,
                                 const Scalar& value, bool wanted) {
    const auto members = applier_.replica_.all_members(table, on, column);
    const bool there = members.size() == 1 && members.front() == value;
    if (there == wanted) return;
    JsonWriter w;
    if (wanted) {
        weft::ovsdb::write_scalar(w, value);
    } else {
        w.raw("[\"set\",[]]");
    }
    Transaction update;
    update.set_column(table, on, column, w.text());
    plan_.add(item, Phase::change, std::move(update));
}

}  // namespace weft::appliers::ovsdb
