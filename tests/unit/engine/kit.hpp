#pragma once

#include "engine/engine.hpp"

#include <weft/base/clock.hpp>
#include <weft/engine/rule.hpp>

#include <map>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

/// Small tables and helpers that the engine's tests share.
namespace weft::engine::kit {

/// An input: somebody's item, in a group, with a number and names of others.
struct Item {
    static constexpr std::string_view table_name = "Item";
    Key<Item> key;
    std::string group;
    std::int64_t number = 0;
    std::vector<std::string> names;
    std::int64_t born = 0;

    static ObjectRef object(const Item& item) { return {"Item", item.group, item.key.text, "uid-" + item.key.text}; }
    static std::int64_t precedence(const Item& item) { return item.born; }
    static constexpr auto fields() {
        return std::tuple{field("key", &Item::key), field("group", &Item::group), field("number", &Item::number),
                          field("names", &Item::names), field("born", &Item::born)};
    }
};

/// A second input.
struct Setting {
    static constexpr std::string_view table_name = "Setting";
    Key<Setting> key;
    std::int64_t number = 0;

    static constexpr auto fields() {
        return std::tuple{field("key", &Setting::key), field("number", &Setting::number)};
    }
};

/// A row that rules make; Tag tells tables apart.
template <class Tag>
struct Made {
    static constexpr std::string_view table_name = Tag::name;
    static constexpr Merge merge = Tag::merge;
    Key<Made> key;
    std::string text;

    static constexpr auto fields() { return std::tuple{field("key", &Made::key), field("text", &Made::text)}; }
};

struct PlainTag {
    static constexpr std::string_view name = "Plain";
    static constexpr Merge merge = Merge::exclusive;
};
struct NextTag {
    static constexpr std::string_view name = "Next";
    static constexpr Merge merge = Merge::exclusive;
};
struct UnionTag {
    static constexpr std::string_view name = "Union";
    static constexpr Merge merge = Merge::set_union;
};
struct OrderedTag {
    static constexpr std::string_view name = "Ordered";
    static constexpr Merge merge = Merge::ordered;
};
using Plain = Made<PlainTag>;
using Next = Made<NextTag>;
using Union = Made<UnionTag>;
using Ordered = Made<OrderedTag>;

struct ItemsOfGroup {
    using Table = Item;
    static constexpr std::string_view index_name = "group";
    static std::string of(const Item& item) { return item.group; }
};

inline Item item(std::string key, std::int64_t number = 0, std::string group = {}, std::vector<std::string> names = {},
                 std::int64_t born = 0) {
    return {Key<Item>(std::move(key)), std::move(group), number, std::move(names), born};
}

/// Keeps what it was told.
class Recorder final : public Subscriber {
  public:
    void changed(std::span<const Change> changes) override {
        ++calls;
        for (const Change& change : changes) {
            const std::string kind = !change.before ? "+" : !change.after ? "-" : "*";
            log.push_back(kind + std::to_string(change.input) + ":" + change.row().json());
            keys.push_back(kind + std::string(change.key()));
        }
    }
    void first_round_done() override {
        ++rounds;
        keys.emplace_back("done");
    }
    void tick_done() override { ++ticks; }
    std::vector<std::string> take() { return std::exchange(keys, {}); }

    std::vector<std::string> log;
    std::vector<std::string> keys;
    int calls = 0;
    int rounds = 0;
    int ticks = 0;
};

/// An engine with its clock and the usual inputs.
struct Bed {
    explicit Bed(EngineOptions options = {}) : engine(with_clock(std::move(options))) {
        EXPECT_TRUE(engine.add_input(table_spec<Item>()));
        EXPECT_TRUE(engine.add_input(table_spec<Setting>()));
    }
    /// Every test ends with a look whether what is there is what a recompute makes.
    ~Bed() { EXPECT_THAT(faults(), testing::IsEmpty()); }

    template <RuleType R>
    static ModuleSpec module_of(const std::string& name, const std::string& rule = "rule", Role role = Role::node) {
        ModuleSpec module;
        module.name = name;
        module.rules.push_back(rule_spec<R>(rule, role));
        return module;
    }
    template <RuleType... R>
    void rules() {
        int number = 0;
        std::vector<ModuleSpec> modules;
        (modules.push_back(module_of<R>("m" + std::to_string(++number))), ...);
        const auto added = engine.change(std::move(modules), {});
        ASSERT_TRUE(added) << added.error().text();
    }
    /// Posts rows, says that all inputs are complete, ticks.
    template <class... T>
    TickReport put(T... rows) {
        ChangeSet changes;
        (changes.put<T>(std::move(rows)), ...);
        changes.complete<Item>();
        changes.complete<Setting>();
        engine.post(std::move(changes));
        return engine.tick();
    }
    template <TableTag T>
    TickReport erase(const std::string& key) {
        ChangeSet changes;
        changes.erase<T>(Key<RowOf<T>>(key));
        engine.post(std::move(changes));
        return engine.tick();
    }
    template <class T>
    std::string text(const std::string& key) const {
        const auto row = engine.find<T>(Key<T>(key));
        return !row ? "-" : row->text;
    }
    template <TableTag T>
    std::vector<std::string> keys() const {
        std::vector<std::string> all;
        for (const RowPtr& row : engine.rows(T::table_name))
            all.emplace_back(row.key());
        return all;
    }
    /// "state: text" of an instance, or "-".
    std::string status(const std::string& key) const {
        const auto row = engine.find<RuleStatus>(Key<RuleStatus>(key));
        return !row ? "-" : std::string(to_string(row->state)) + ": " + row->what;
    }
    std::vector<std::string> faults() const {
        std::vector<std::string> all;
        for (const Difference& d : engine.verify()) {
            all.push_back(d.table + " " + d.key + " " + d.instance + ": " + d.what + " expected " + d.expected +
                          " found " + d.found);
        }
        return all;
    }
    RuleReport report(const std::string& module) const {
        for (RuleReport& report : engine.rule_reports()) {
            if (report.module == module) return report;
        }
        ADD_FAILURE() << "no module " << module;
        return {};
    }

    ManualClock clock;
    Engine engine;

  private:
    EngineOptions with_clock(EngineOptions options) {
        options.clock = &clock;
        return options;
    }
};

}  // namespace weft::engine::kit
