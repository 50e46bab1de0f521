#include "engine/statuses.hpp"

#include <chrono>
#include <utility>

namespace weft {

std::string_view to_string(RuleState state) {
    switch (state) {
        case RuleState::failed: return "failed";
        case RuleState::conflict: return "conflict";
        case RuleState::waiting: return "waiting";
        case RuleState::warning: return "warning";
    }
    return "unknown";
}

}  // namespace weft

namespace weft::engine {

namespace {

Error damped_error() {
    return {ErrorKind::again,
            "its rows change without end, so it runs only after pauses of up to ten seconds",
            {},
            "the rule must not read what follows from its own rows: `weftctl explain` on one of them tells what it "
            "reads"};
}

RuleStatus status_of(const Node& node, std::string_view driver, RuleState state, const Error& error) {
    RuleStatus status;
    status.key.text = node.full + "/" + std::string(driver);
    status.module = node.module;
    status.rule = node.name;
    status.driver = driver;
    status.state = state;
    status.kind = error.kind;
    status.what = error.what;
    status.where = error.where;
    status.mend = error.mend;
    if (status.mend.empty() && error.kind == ErrorKind::broken) {
        status.mend =
            "a fault of plugin " + node.module +
            ": tell its makers; what it had put for this object before stays, `weftctl explain` shows what it reads";
    }
    return status;
}

}  // namespace

Statuses::Statuses(Store& store, const Nodes& nodes, Owners& owners)
    : store_(store),
      nodes_(nodes),
      owners_(owners),
      table_(store.table(table_spec<RuleStatus>())) {}

std::string Statuses::key(InstanceId id) const {
    const Instance& instance = store_.instances[id];
    return nodes_[instance.node]->full + "/" + std::string(store_.key(instance.driver));
}

bool Statuses::keeps_old_rows(InstanceId id) const {
    if (!store_.instances[id].has_trouble) return false;
    const RuleState state = troubles_.at(id).state;
    return state == RuleState::failed || state == RuleState::waiting;
}

unsigned Statuses::note(const Run& run) {
    const InstanceId id = run.instance();
    Instance& instance = store_.instances[id];
    Trouble now;
    switch (run.outcome()) {
        case Run::Outcome::failed: now.state = RuleState::failed, now.error = run.error(); break;
        case Run::Outcome::waiting: now.state = RuleState::waiting, now.error = run.error(); break;
        case Run::Outcome::good:
            if (!run.warning()) {
                if (instance.has_trouble) {
                    instance.has_trouble = false;
                    troubles_.erase(id);
                    owners_.set_due(id);
                }
                return 0;
            }
            now.state = RuleState::warning, now.error = *run.warning();
    }
    Trouble& known = troubles_[id];
    if (now.state == RuleState::failed && now.error.kind == ErrorKind::again) now.attempts = known.attempts + 1;
    instance.has_trouble = true;
    owners_.set_due(id);
    known = std::move(now);
    return known.attempts;
}

void Statuses::forget(InstanceId id) {
    Instance& instance = store_.instances[id];
    if (instance.has_trouble) troubles_.erase(id);
    if (!instance.has_status) return;
    const CellId cell = store_.find(table_, key(id));
    if (cell != 0) store_.show(cell, {});
}

void Statuses::note_operator(const Node& node, const std::string& what) {
    operator_troubles_[node.full] = what;
}

void Statuses::forget_operator(const Node& node) {
    operator_troubles_.erase(node.full);
    const CellId cell = store_.find(table_, node.full + "/");
    if (cell != 0 && store_.cells[cell].present) store_.show(cell, {});
}

void Statuses::flush(WallTime wall) {
    if (owners_.due.empty() && operator_troubles_.empty() && !store_.index_troubles_changed) return;
    const auto now = std::chrono::duration_cast<std::chrono::milliseconds>(wall.time_since_epoch()).count();
    for (const InstanceId id : owners_.due) {
        if (store_.instances.alive(id) && store_.instances[id].status_is_due) show(id, now);
    }
    owners_.due.clear();
    for (const auto& node : nodes_) {
        if (!node) continue;
        const auto at = operator_troubles_.find(node->full);
        if (at != operator_troubles_.end()) {
            put(status_of(*node, {}, RuleState::failed, broken("the operator threw: " + at->second)), now);
        }
    }
    operator_troubles_.clear();
    if (std::exchange(store_.index_troubles_changed, false)) tell_indexes(now);
}

/// An index has no instance: its statuses are all made anew when one of them has changed, which is rare.
void Statuses::tell_indexes(std::int64_t now_ms) {
    std::set<std::string> told;
    for (const auto& table : store_.tables()) {
        for (const auto& index : table->indexes) {
            for (const auto& [row, what] : index->troubles) {
                RuleStatus status;
                status.module = index->user().module;
                status.rule = "index " + index->name() + " of " + table->name();
                status.driver = row;
                status.key.text = status.module + "/" + status.rule + "/" + row;
                status.state = RuleState::failed;
                status.kind = ErrorKind::broken;
                status.what = "the index's function threw, so its readers do not see the row: " + what;
                status.mend = "a fault of plugin " + status.module + ": tell its makers";
                const CellId cell = store_.find(*table, row);
                if (cell != 0 && store_.cells[cell].present) status.on = store_.cells[cell].holder.object();
                told.insert(status.key.text);
                put(std::move(status), now_ms);
            }
        }
    }
    for (const auto& key : index_statuses_) {
        if (told.contains(key)) continue;
        if (const CellId cell = store_.find(table_, key); cell != 0) store_.show(cell, {});
    }
    index_statuses_ = std::move(told);
}

void Statuses::show(InstanceId id, std::int64_t now_ms) {
    Instance& instance = store_.instances[id];
    instance.status_is_due = false;
    const Trouble* trouble = instance.has_trouble ? &troubles_.at(id) : nullptr;
    RuleState state = RuleState::failed;
    std::optional<Error> error;
    if (trouble != nullptr && trouble->state == RuleState::failed) {
        error = trouble->error;
    } else if (error = conflict_of(id); error) {
        state = RuleState::conflict;
    } else if (trouble != nullptr && trouble->state == RuleState::waiting) {
        state = RuleState::waiting;
        error = trouble->error;
    } else if (instance.damped) {
        state = RuleState::warning;
        error = damped_error();
        if (trouble != nullptr) error->what += "; " + trouble->error.text();
    } else if (trouble != nullptr) {
        state = trouble->state;
        error = trouble->error;
    }
    if (!error) {
        if (instance.has_status) store_.show(store_.find(table_, key(id)), {});
        instance.has_status = false;
        return;
    }
    RuleStatus status = status_of(*nodes_[instance.node], store_.key(instance.driver), state, *error);
    const Cell& driver = store_.cells[instance.driver];
    if (driver.present) status.on = driver.holder.object();
    instance.has_status = true;
    put(std::move(status), now_ms);
}

/// Puts a status unless it says what is said already.
void Statuses::put(RuleStatus status, std::int64_t now_ms) {
    const CellId known = store_.find(table_, status.key.text);
    if (known != 0 && store_.cells[known].present) {
        const auto old = store_.cells[known].holder.as<RuleStatus>();
        status.since_ms = old.since_ms;
        if (detail::equal_fields(old, status)) return;
    }
    status.since_ms = now_ms;
    RowPtr row = RowPtr::make(status);
    const CellId cell = store_.obtain(table_, row);
    store_.show(cell, std::move(row));
}

std::optional<Error> Statuses::conflict_of(InstanceId id) const {
    std::string what;
    std::size_t lost = 0;
    for (const OutputRef at : store_.instances[id].outputs) {
        if (!at.loses()) continue;
        const Cell& cell = store_.cells[at.cell];
        const Table& table = store_.table(cell.table);
        if (table.merge() == Merge::ordered || ++lost > 1) continue;
        what = table.name() + " \"" + std::string(cell.holder.key()) + "\" belongs to " + key(cell.owner);
    }
    if (lost == 0) return std::nullopt;
    if (lost > 1) what += ", and " + std::to_string(lost - 1) + " more rows to others";
    return Error{ErrorKind::conflict,
                 std::move(what),
                 {},
                 "the row is taken over when its owner withdraws it: remove or rename one of the two"};
}

}  // namespace weft::engine
