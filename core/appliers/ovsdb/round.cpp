#include "appliers/ovsdb/round.hpp"

#include "appliers/ovsdb/operations.hpp"

#include <weft/base/log.hpp>

#include <algorithm>
#include <map>

namespace weft::appliers::ovsdb {

using weft::ovsdb::Scalar;

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

}  // namespace

std::vector<Group> Applier::Round::groups() && {
    if (applier_.first_round_) erase_doubles();
    return std::move(plan_).groups();
}

void Applier::Round::add(const Item& item, Phase phase, std::string operation) {
    plan_.add(item, phase, std::move(operation));
}

void Applier::Round::count_repair(const Item& item) {
    if (!applier_.first_round_ || applier_.expected_.contains(item) || applier_.failures_.contains(item)) return;
    ++applier_.repaired_;
    log(LogLevel::info, applier_.options_.name, "putting back what somebody else changed",
        {{"table", std::string(item.table)}, {"row", item.key}});
}

Uuid Applier::Round::find(const Item& row) {
    if (const Ledger* of = applier_.ledger(row.table)) {
        if (const Uuid uuid = of->find(row.key); !uuid.is_zero()) return uuid;
    }
    if (const auto at = pending_.find(row); at != pending_.end()) return at->second;
    if (applier_.planning_.contains(row) && !seen_.contains(row)) {
        plan(row);
        if (const auto at = pending_.find(row); at != pending_.end()) return at->second;
    }
    const TableInfo* table = applier_.database_.info().table(row.table);
    return table ? applier_.database_.by_natural_key(*table, row.key) : Uuid();
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

bool Applier::Round::waits_for_others(const Item& item, std::span<const weft::ovsdb::After> after) {
    std::vector<Item> missing;
    for (const auto& a : after) {
        const Item on{a.table, a.key};
        const bool there = applier_.ledger(on.table) && !applier_.ledger(on.table)->find(on.key).is_zero();
        if (!there || applier_.flying_.contains(on)) missing.push_back(on);
    }
    block(item, missing);
    return !missing.empty();
}

void Applier::Round::plan(const Item& item) {
    if (!seen_.insert(item).second) return;
    if (applier_.flying_.contains(item)) return applier_.mark(item);
    if (const auto failed = applier_.failures_.find(item); failed != applier_.failures_.end()) {
        if (failed->second.next > applier_.clock_.now()) return applier_.mark(item);
    }
    Trail trail;
    const Exchange restore(trail_, &trail);
    if (item.table == applier_.extra_.members.name) {
        plan_member(item);
    } else if (item.table == applier_.extra_.foreign_columns.name) {
        plan_foreign_column(item);
    } else if (Ledger* of = applier_.ledger(item.table)) {
        plan_row(item, *of);
    }
    for (const Item& other : trail.joined)
        plan_.join(item, other);
}

// ---------------------------------------------------------------------------------------------------------------------
// Rows.

void Applier::Round::plan_row(const Item& item, Ledger& of) {
    const TableInfo& table = of.table();
    const RowPtr desired = applier_.engine_.find(item.table, item.key);
    const Uuid uuid = of.find(item.key);
    const RowPtr actual = uuid.is_zero() ? RowPtr() : applier_.database_.row(table, uuid);
    if (desired && !actual) {
        if (!waits_for_others(item, table.after_of(desired.get()))) insert_row(item, table, desired);
    } else if (desired) {
        update_row(item, table, desired, actual);
    } else if (actual) {
        erase_row(item, of, actual);
    }
}

void Applier::Round::insert_row(const Item& item, const TableInfo& table, const RowPtr& desired) {
    const Uuid uuid = Uuid::random();
    pending_.emplace(item, uuid);  // before its references are resolved: two new rows may refer to each other
    JsonWriter w;
    w.begin_object();
    for (const ColumnInfo& column : table.columns) {
        if (!column.declared(desired.get()) || !applier_.database_.has_column(table, column)) continue;
        w.key(column.name);
        if (auto written = column.write(w, desired.get(), *this); !written) {
            pending_.erase(item);
            return block(item, trail_->missing);
        }
    }
    w.end_object();
    const auto& parent = table.parent_of(desired.get());
    Uuid parent_uuid;
    if (!parent.none()) {
        parent_uuid = uuid_of(parent.table, parent.key);
        if (parent_uuid.is_zero()) {
            pending_.erase(item);
            return block(item, trail_->missing);
        }
    }
    count_repair(item);
    add(item, Phase::insert, insert_operation(table.name, uuid, w.text()));
    if (!parent.none()) {
        add(item, Phase::change, mutate_set(parent.table, parent_uuid, parent.column, true, uuid));
    }
    // What is added to the row by others comes with it.
    for (const auto* index : {&applier_.members_of_, &applier_.refers_to_}) {
        if (const auto at = index->find(item); at != index->end()) {
            for (const Item& extra : std::vector<Item>(at->second))
                plan(extra);
        }
    }
}

bool Applier::Round::write_column(JsonWriter& w, const Item& item, const ColumnInfo& column, const RowPtr& desired,
                                  const RowPtr& actual) {
    if (column.satisfied(desired.get(), actual.get(), *this)) return false;
    const auto extras = members_on(item, column);
    JsonWriter value;
    if (extras.empty()) {
        if (auto written = column.write(value, desired.get(), *this); !written) {
            block(item, trail_->missing);
            return false;
        }
    } else if (!write_merged(value, column, extras, desired, actual)) {
        return false;
    }
    w.key(column.name).raw(value.text());
    join_dropped_references(item, column, actual);
    return true;
}

bool Applier::Round::write_merged(JsonWriter& w, const ColumnInfo& column, const std::vector<MemberView>& extras,
                                  const RowPtr& desired, const RowPtr& actual) {
    // Others add to this column: what is wanted is what the row declares and what they add.
    if (column.is_map()) {
        std::map<std::string, std::string> wanted;
        std::map<std::string, std::string> there;
        const auto read = [&](const RowPtr& from, std::map<std::string, std::string>& into) {
            for (const Scalar& key : column.members(from.get(), *this)) {
                const std::string text = weft::ovsdb::text_of(key);
                if (const std::string* entry = column.entry(from.get(), text)) into[text] = *entry;
            }
        };
        read(desired, wanted);
        read(actual, there);
        for (const MemberView& extra : extras)
            wanted[std::string(extra.map_key)] = extra.value;
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
void Applier::Round::join_dropped_references(const Item& item, const ColumnInfo& column, const RowPtr& actual) {
    if (column.key.ref_table.empty()) return;
    const TableInfo* target = applier_.database_.info().table(column.key.ref_table);
    const Ledger* of = target ? applier_.ledger(target->table_name) : nullptr;
    if (!of) return;
    for (const Scalar& member : column.members(actual.get(), *this)) {
        const RowPtr row = applier_.database_.row(*target, std::get<Uuid>(member));
        if (const auto* claim = row ? of->claim_on(row.get()) : nullptr) {
            plan_.join(item, {target->table_name, claim->identity(row.get())});
        }
    }
}

void Applier::Round::update_row(const Item& item, const TableInfo& table, const RowPtr& desired, const RowPtr& actual) {
    JsonWriter w;
    w.begin_object();
    bool any = false;
    const Uuid& uuid = table.uuid_of(actual.get());
    for (const ColumnInfo& column : table.columns) {
        if (!column.declared(desired.get()) || !applier_.database_.has_column(table, column)) continue;
        if (column.facts.large) {
            update_large(item, table, column, desired, uuid);
        } else if (write_column(w, item, column, desired, actual)) {
            any = true;
        }
    }
    w.end_object();
    if (any) {
        count_repair(item);
        add(item, Phase::change, update_operation(table.name, uuid, w.text()));
    }
    const bool moved = move_row(item, table, desired, actual);
    if (!any && !moved) {
        applier_.failures_.erase(item);
        applier_.expected_.erase(item);
        applier_.wake_blocked(item);
    }
}

void Applier::Round::update_large(const Item& item, const TableInfo& table, const ColumnInfo& column,
                                  const RowPtr& desired, const Uuid& row) {
    std::vector<Scalar> wanted = column.members(desired.get(), *this);
    for (const MemberView& extra : members_on(item, column)) {
        if (auto value = column.scalar(extra.value, *this)) wanted.push_back(*std::move(value));
    }
    for (const Scalar& member : wanted) {
        if (std::holds_alternative<Uuid>(member) && std::get<Uuid>(member).is_zero()) {
            block(item, trail_->missing);
            continue;
        }
        if (!applier_.database_.contains(table, row, column, member)) {
            add(item, Phase::change, mutate_set(table.name, row, column.name, true, member));
        }
    }
    for (const Scalar& member : applier_.database_.members(table, row, column)) {
        if (std::find(wanted.begin(), wanted.end(), member) == wanted.end()) {
            add(item, Phase::change, mutate_set(table.name, row, column.name, false, member));
        }
    }
}

bool Applier::Round::move_row(const Item& item, const TableInfo& table, const RowPtr& desired, const RowPtr& actual) {
    const auto& want = table.parent_of(desired.get());
    const auto& have = table.parent_of(actual.get());
    if (want.none() || want == have) return false;
    const Uuid to = uuid_of(want.table, want.key);
    if (to.is_zero()) {
        block(item, trail_->missing);
        return false;
    }
    const Uuid& uuid = table.uuid_of(actual.get());
    count_repair(item);
    add(item, Phase::change, mutate_set(want.table, to, want.column, true, uuid));
    if (!have.none()) {
        if (const Uuid from = uuid_of(have.table, have.key); !from.is_zero()) {
            add(item, Phase::change, mutate_set(have.table, from, have.column, false, uuid));
        }
    }
    return true;
}

void Applier::Round::erase_row(const Item& item, const Ledger& of, const RowPtr& actual) {
    if (!applier_.first_round_) return;  // first_round_done() marks it again
    const TableInfo& table = of.table();
    if (!applier_.definite_.contains(item)) {
        const auto* claim = of.claim_on(actual.get());
        const std::string driver = claim && claim->driver ? claim->driver(actual.get()) : std::string();
        if (applier_.unsettled_(table, driver)) {
            applier_.held_.insert(item);
            return;
        }
    }
    const Uuid& uuid = table.uuid_of(actual.get());
    const auto& parent = table.parent_of(actual.get());
    if (!table.is_root && !parent.none()) {
        // Rows of such tables live by being referred to.
        const Uuid from = uuid_of(parent.table, parent.key);
        if (!from.is_zero()) {
            add(item, Phase::change, mutate_set(parent.table, from, parent.column, false, uuid));
            return;
        }
    }
    add(item, Phase::erase, delete_operation(table.name, uuid));
}

void Applier::Round::erase_doubles() {
    for (const auto& [name, of] : applier_.ledgers_) {
        for (const auto& [key, uuid] : of->doubles()) {
            const RowPtr row = applier_.database_.row(of->table(), uuid);
            if (!row) continue;
            const Item item{name, key + "\x1f" + uuid.text()};
            if (applier_.flying_.contains(item)) continue;
            Trail trail;
            const Exchange restore(trail_, &trail);
            applier_.definite_.insert(item);
            erase_row(item, *of, row);
        }
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// Members and foreign columns.

std::vector<MemberView> Applier::Round::members_on(const Item& row, const ColumnInfo& column) const {
    std::vector<MemberView> out;
    const auto at = applier_.members_of_.find(row);
    if (at == applier_.members_of_.end()) return out;
    for (const Item& item : at->second) {
        if (item.table != applier_.extra_.members.name) continue;
        const RowPtr member = applier_.engine_.find(item.table, item.key);
        if (!member) continue;
        const MemberView view = applier_.extra_.member(member.get());
        if (view.column == column.name) out.push_back(view);
    }
    return out;
}

void Applier::Round::plan_member(const Item& item) {
    RowPtr row = applier_.engine_.find(item.table, item.key);
    const bool wanted = static_cast<bool>(row);
    if (!wanted) {
        const auto at = applier_.withdrawn_.find(item);
        if (at == applier_.withdrawn_.end()) return;
        row = at->second;
    }
    const MemberView view = applier_.extra_.member(row.get());
    const TableInfo* table = applier_.database_.info().table(view.table);
    const ColumnInfo* column = table ? table->column(view.column) : nullptr;
    if (!column || !applier_.database_.has_column(*table, *column)) return;
    if (wanted && waits_for_others(item, view.after)) return;
    const Uuid on = uuid_of(view.table, view.row);
    const auto value = column->scalar(column->is_map() ? view.map_key : view.value, *this);
    if (on.is_zero() || !value) {
        if (wanted) return block(item, trail_->missing);
        applier_.withdrawn_.erase(item);  // the row or what it referred to is gone, and the member with it
        return;
    }
    const RowPtr actual = applier_.database_.row(*table, on);
    if (column->is_map()) {
        const std::string* entry = actual ? column->entry(actual.get(), view.map_key) : nullptr;
        const auto entry_value = column->value_scalar(view.value, *this);
        if (wanted && entry_value && (!entry || *entry != view.value)) {
            add(item, Phase::change, mutate_map_set(view.table, on, view.column, *value, *entry_value));
        } else if (!wanted && entry) {
            add(item, Phase::change, mutate_map_erase(view.table, on, view.column, *value));
        }
    } else {
        bool there = false;
        if (actual && column->facts.large) {
            there = applier_.database_.contains(*table, on, *column, *value);
        } else if (actual) {
            const auto members = column->members(actual.get(), *this);
            there = std::find(members.begin(), members.end(), *value) != members.end();
        }
        if (there != wanted) add(item, Phase::change, mutate_set(view.table, on, view.column, wanted, *value));
    }
    if (!wanted && !plan_.has(item)) applier_.withdrawn_.erase(item);
    if (!plan_.has(item)) {
        applier_.failures_.erase(item);
        applier_.expected_.erase(item);
    }
}

void Applier::Round::plan_foreign_column(const Item& item) {
    RowPtr row = applier_.engine_.find(item.table, item.key);
    const bool wanted = static_cast<bool>(row);
    if (!wanted) {
        const auto at = applier_.withdrawn_.find(item);
        if (at == applier_.withdrawn_.end()) return;
        row = at->second;
    }
    const MemberView view = applier_.extra_.foreign_column(row.get());
    const TableInfo* table = applier_.database_.info().table(view.table);
    const ColumnInfo* column = table ? table->column(view.column) : nullptr;
    if (!column || !applier_.database_.has_column(*table, *column)) return;
    if (wanted && waits_for_others(item, view.after)) return;
    const Uuid on = uuid_of(view.table, view.row);
    const auto value = column->scalar(view.value, *this);
    const RowPtr actual = on.is_zero() ? RowPtr() : applier_.database_.row(*table, on);
    if (!actual || !value) {
        if (wanted) return block(item, trail_->missing);
        applier_.withdrawn_.erase(item);
        return;
    }
    const auto members = column->members(actual.get(), *this);
    const bool there = members.size() == 1 && members.front() == *value;
    if (there != wanted) {
        JsonWriter w;
        w.begin_object().key(column->name);
        if (wanted) {
            weft::ovsdb::write_scalar(w, *value);
        } else {
            w.raw("[\"set\",[]]");
        }
        w.end_object();
        add(item, Phase::change, update_operation(view.table, on, w.text()));
    } else if (!wanted) {
        applier_.withdrawn_.erase(item);
    }
}

}  // namespace weft::appliers::ovsdb
