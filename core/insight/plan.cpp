#include "insight/plan.hpp"

#include <weft/base/json.hpp>
#include <weft/engine/status.hpp>

#include <algorithm>
#include <array>
#include <set>

namespace weft::insight {

namespace {

constexpr std::size_t most_rows_of_side = 2000;
constexpr std::size_t most_troubles = 200;

constexpr std::array<std::pair<std::string_view, std::string_view>, 17> sides{{
    {"NB/", "OVN northbound"},
    {"Nb", "OVN northbound"},
    {"SB/", "OVN southbound"},
    {"Sb", "OVN southbound"},
    {"OVS/", "Open vSwitch"},
    {"Ovs", "Open vSwitch"},
    {"Annotation", "Kubernetes"},
    {"NodeCondition", "Kubernetes"},
    {"LinkState", "host"},
    {"LinkAddress", "host"},
    {"Route", "host"},
    {"Neighbour", "host"},
    {"Sysctl", "host"},
    {"ConntrackFlush", "host"},
    {"Announcement", "host"},
    {"PodInterface", "CNI"},
    {"ServingCondition", "CNI"},
}};

std::string object_text(const ObjectRef& object) {
    if (object.kind.empty()) return {};
    return object.kind + " " + (object.ns.empty() ? "" : object.ns + "/") + object.name;
}

/// The second engine, with what it came to.
class Shadow {
  public:
    explicit Shadow(Role role) : engine_(options(role)) {}

    Result<void> run(PlanInput& input) {
        std::set<std::string> of_modules;
        for (auto& module : input.modules) {
            for (const auto& adapter : module.adapters)
                input.inputs.push_back(adapter.spec.answers);
            module.adapters.clear();
            for (const auto& table : module.inputs)
                of_modules.emplace(table.name);
        }
        std::set<std::string> all = of_modules;
        for (const auto& table : input.inputs) {
            if (!all.emplace(table.name).second) continue;
            if (auto added = engine_.add_input(table); !added) return added;
        }
        if (auto changed = engine_.change(std::move(input.modules), {}); !changed) return changed;
        engine::ChangeSet facts;
        for (const auto& table : all) {
            if (const auto rows = input.facts.find(table); rows != input.facts.end()) {
                for (const auto& [key, row] : rows->second)
                    facts.put(table, row);
            }
            facts.complete(table);
        }
        engine_.post(std::move(facts));
        constexpr int most_ticks = 20;
        for (int i = 0; i < most_ticks && engine_.tick().changes > 0; ++i) {
        }
        return {};
    }
    const engine::Engine& engine() const { return engine_; }

  private:
    static engine::EngineOptions options(Role role) {
        engine::EngineOptions options;
        options.role = role;
        return options;
    }
    engine::Engine engine_;
};

struct Writer {
    JsonWriter& w;
    const engine::Engine& shadow;

    /// One row that would come, go or change.
    void row(const std::string& table, std::string_view key, const RowPtr* before, const RowPtr* after) const {
        w.object([&] {
            w.member("table", table).member("key", key);
            w.member("change", before == nullptr ? "add" : after == nullptr ? "remove" : "change");
            for (const auto& [name, row] : {std::pair("before", before), {"after", after}}) {
                w.key(name);
                row != nullptr ? w.raw(row->json()) : w.null();
            }
            if (after == nullptr) return;
            const auto why = shadow.explain(table, key);
            if (why.owners.empty()) return;
            const auto& owner = why.owners.front();
            w.member("plugin", owner.module).member("rule", owner.rule);
            w.member("object", object_text(owner.object));
        });
    }

    void side(std::string_view name, const RowsByTable& now, const RowsByTable& then) const {
        std::size_t all = 0;
        w.object([&] {
            w.member("name", name);
            w.key("rows").array([&] {
                const auto visit = [&](const std::string& table, std::string_view key, const RowPtr* before,
                                       const RowPtr* after) {
                    if (++all <= most_rows_of_side) row(table, key, before, after);
                };
                each_difference(name, now, then, visit);
            });
            w.member("all", std::uint64_t{all});
        });
    }

    template <class Visit>
    static void each_difference(std::string_view name, const RowsByTable& now, const RowsByTable& then, Visit visit) {
        static const RowsByKey none;
        std::set<std::string> tables;
        for (const auto* rows : {&now, &then}) {
            for (const auto& [table, keys] : *rows) {
                if (side_of(table) == name) tables.insert(table);
            }
        }
        const auto of = [](const RowsByTable& rows, const std::string& table) -> const RowsByKey& {
            const auto at = rows.find(table);
            return at == rows.end() ? none : at->second;
        };
        for (const auto& table : tables) {
            const RowsByKey& before = of(now, table);
            const RowsByKey& after = of(then, table);
            for (const auto& [key, row] : before) {
                const auto at = after.find(key);
                if (at == after.end()) {
                    visit(table, key, &row, nullptr);
                } else if (!row.equals(at->second)) {
                    visit(table, key, &row, &at->second);
                }
            }
            for (const auto& [key, row] : after) {
                if (!before.contains(key)) visit(table, key, nullptr, &row);
            }
        }
    }
};

/// Rules that would wait or fail, and don't now.
void write_troubles(JsonWriter& w, const RowsByTable& now, const RowsByTable& then) {
    const auto statuses = then.find(RuleStatus::table_name);
    if (statuses == then.end()) return;
    const auto known = now.find(RuleStatus::table_name);
    std::size_t count = 0;
    for (const auto& [key, row] : statuses->second) {
        const auto& status = row.as<RuleStatus>();
        if (known != now.end()) {
            const auto before = known->second.find(key);
            if (before != known->second.end()) {
                const auto& old = before->second.as<RuleStatus>();
                if (old.state == status.state && old.what == status.what) continue;
            }
        }
        if (++count > most_troubles) return;
        w.object([&] {
            w.member("plugin", status.module).member("rule", status.rule).member("driver", status.driver);
            w.member("object", object_text(status.on)).member("state", to_string(status.state));
            w.member("what", status.what).member("where", status.where).member("mend", status.mend);
        });
    }
}

}  // namespace

std::string_view side_of(std::string_view table) {
    for (const auto& [name, side] : sides) {
        const bool is_prefix = name.ends_with('/') || name.size() == 2 || name == "Ovs";
        if (is_prefix ? table.starts_with(name) : table == name) return side;
    }
    return {};
}

RowsByTable desired_rows(const engine::Engine& engine) {
    RowsByTable all;
    for (const auto& table : engine.table_reports()) {
        if (table.input || (side_of(table.name).empty() && table.name != RuleStatus::table_name)) continue;
        auto& rows = all[table.name];
        for (RowPtr& row : engine.rows(table.name)) {
            std::string key(row.key());
            rows.emplace(std::move(key), std::move(row));
        }
    }
    return all;
}

RowsByTable input_rows(const engine::Engine& engine) {
    RowsByTable all;
    for (const auto& table : engine.inputs()) {
        auto& rows = all[std::string(table.name)];
        for (RowPtr& row : engine.rows(table.name)) {
            std::string key(row.key());
            rows.emplace(std::move(key), std::move(row));
        }
    }
    return all;
}

Result<std::string> plan_json(PlanInput input) {
    Shadow shadow(input.role);
    if (auto done = shadow.run(input); !done) return std::move(done).error();
    const auto then = desired_rows(shadow.engine());
    JsonWriter w;
    const Writer writer{w, shadow.engine()};
    w.object([&] {
        w.key("sides").array([&] {
            std::set<std::string_view> names;
            for (const auto& [table, side] : sides) {
                if (names.insert(side).second) writer.side(side, input.now, then);
            }
        });
        w.key("troubles").array([&] { write_troubles(w, input.now, then); });
        const auto texts = [&](std::string_view name, const auto& all) {
            w.key(name).array([&] {
                for (const auto& text : all)
                    w.value(text);
            });
        };
        texts("changed", input.changed);
        texts("notes", input.notes);
    });
    return w.take();
}

}  // namespace weft::insight
