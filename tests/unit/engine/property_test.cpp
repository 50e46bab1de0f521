#include "effort.hpp"
#include "kit.hpp"

#include <weft/tables/kube.hpp>

#include <algorithm>
#include <memory>
#include <random>
#include <set>

/// Thousands of random edits over a graph that does all that rules may do: joins, counts, selections, reads of what is
/// absent, waits, conflicts, chained strata, extension points, lists, time, modules that come and go. After each step
/// three engines (1, 2 and 8 threads) must have told the same changes in the same order and find nothing in verify();
/// what does not depend on history must be what a fresh engine makes of the same input, and what does must be what a
/// simple model says.
namespace weft::engine {
namespace {

using namespace kit;

template <std::size_t N>
struct Literal {
    constexpr Literal(const char (&text)[N]) { std::copy_n(text, N, value); }
    char value[N];
};
template <Literal Name, Merge Policy = Merge::exclusive>
struct Tag {
    static constexpr std::string_view name{Name.value};
    static constexpr Merge merge = Policy;
};

using Count = Made<Tag<"Count">>;
using Joined = Made<Tag<"Joined">>;
using Chained = Made<Tag<"Chained">>;
using Kept = Made<Tag<"Kept">>;
using Clash = Made<Tag<"Clash">>;
using Shared = Made<Tag<"Shared", Merge::set_union>>;
using Listed = Made<Tag<"Listed", Merge::ordered>>;
using ListSeen = Made<Tag<"ListSeen">>;
using Extra = Made<Tag<"Extra", Merge::set_union>>;
using ExtraSeen = Made<Tag<"ExtraSeen">>;
using Scanned = Made<Tag<"Scanned">>;
using Due = Made<Tag<"Due">>;
using SelectorUse = Made<Tag<"SelectorUse">>;

template <class Row>
Row made(std::string key, std::string text) {
    return Row{Key<Row>(std::move(key)), std::move(text)};
}

TimePoint second(std::int64_t n) {
    return TimePoint(std::chrono::hours(24) + std::chrono::seconds(n));
}

/// How many items has a group, and what do their numbers add up to?
struct CountGroup {
    using Driver = Setting;
    using Reads = Tables<ItemsOfGroup>;
    using Writes = Tables<Count>;
    static void derive(const Driver& setting, const Reader<Reads>& in, Desired<Writes>& out) {
        std::int64_t sum = 0, count = 0;
        for (const Item& item : in.bucket<ItemsOfGroup>(setting.key.text))
            ++count, sum += item.number % 3;
        out.put(made<Count>(setting.key.text, std::to_string(count) + "/" + std::to_string(sum)));
    }
};

/// Joins an item with the count of its group and the settings it names, there or not.
struct JoinItem {
    using Driver = Item;
    using Reads = Tables<Count, Setting>;
    using Writes = Tables<Joined>;
    static void derive(const Driver& item, const Reader<Reads>& in, Desired<Writes>& out) {
        const auto* count = in.find<Count>(Key<Count>(item.group));
        std::string text = count ? count->text : "?";
        for (const auto& name : item.names) {
            const auto* setting = in.find<Setting>(Key<Setting>(name));
            text += setting ? " " + std::to_string(setting->number % 4) : " -";
        }
        for (std::int64_t i = 0; i <= item.number % 3; ++i)
            out.put(made<Joined>(item.key.text + "." + std::to_string(i), text));
    }
};

struct JoinedByText {
    using Table = Joined;
    static constexpr std::string_view index_name = "text";
    static std::string of(const Joined& row) { return row.text; }
};

/// A third stratum: how many joined rows read like this one?
struct Chain {
    using Driver = Joined;
    using Reads = Tables<JoinedByText>;
    using Writes = Tables<Chained>;
    static void derive(const Driver& row, const Reader<Reads>& in, Desired<Writes>& out) {
        out.put(made<Chained>(row.key.text, std::to_string(in.bucket<JoinedByText>(row.text).size())));
    }
};

std::string kept_text(const Item& item) {
    return std::to_string(item.number);
}
bool waits(const Item& item, bool setting) {
    return item.number % 4 == 1 && !setting;
}

/// Waits, fails or throws, depending on the item and a setting.
struct Keep {
    using Driver = Item;
    using Reads = Tables<Setting>;
    using Writes = Tables<Kept>;
    static void derive(const Driver& item, const Reader<Reads>& in, Desired<Writes>& out) {
        out.put(made<Kept>(item.key.text, kept_text(item)));
        const bool setting = in.find<Setting>(Key<Setting>(item.group)) != nullptr;
        if (item.number % 16 == 7) out.fail(invalid("seven"));
        if (item.number % 16 == 9) throw std::runtime_error("nine");
        if (waits(item, setting)) return out.wait("no setting " + item.group);
        if (item.number % 16 == 4) out.warn(invalid("four"));
    }
};

struct Fight {
    using Driver = Item;
    using Reads = Tables<>;
    using Writes = Tables<Clash>;
    static void derive(const Driver& item, const Reader<Reads>&, Desired<Writes>& out) {
        out.put(made<Clash>("k" + std::to_string(item.number % 5), item.key.text));
        if (item.number % 2 == 0) out.put(made<Clash>("even", item.key.text));
    }
};

struct Share {
    using Driver = Item;
    using Reads = Tables<>;
    using Writes = Tables<Shared, Listed>;
    static void derive(const Driver& item, const Reader<Reads>&, Desired<Writes>& out) {
        const std::string group = std::to_string(item.number % 4);
        out.put(made<Shared>(group, "row " + group));
        out.put(made<Listed>(group, item.key.text));
    }
};

struct SeeList {
    using Driver = Shared;
    using Reads = Tables<Listed>;
    using Writes = Tables<ListSeen>;
    static void derive(const Driver& row, const Reader<Reads>& in, Desired<Writes>& out) {
        std::string text;
        for (const Listed& one : in.list<Listed>(Key<Listed>(row.key.text)))
            text += one.text + " ";
        out.put(made<ListSeen>(row.key.text, text));
    }
};

/// Feeds the extension point, when its module is there.
struct Extend {
    using Driver = Setting;
    using Reads = Tables<>;
    using Writes = Tables<Extra>;
    static void derive(const Driver& setting, const Reader<Reads>&, Desired<Writes>& out) {
        out.put(made<Extra>("e" + std::to_string(setting.number % 3), "extra"));
    }
};
struct SeeExtra {
    using Driver = Extra;
    using Reads = Tables<Count>;
    using Writes = Tables<ExtraSeen>;
    static void derive(const Driver& extra, const Reader<Reads>& in, Desired<Writes>& out) {
        out.put(made<ExtraSeen>(extra.key.text, in.find<Count>(Key<Count>("g1")) ? "1" : "0"));
    }
};

struct ScanAll {
    using Driver = Setting;
    using Reads = Tables<ExtraSeen, Count>;
    using Writes = Tables<Scanned>;
    static void derive(const Driver& setting, const Reader<Reads>& in, Desired<Writes>& out) {
        if (setting.number % 3 != 0) return;
        std::string text;
        for (const ExtraSeen& row : in.all<ExtraSeen>())
            text += row.key.text + row.text + " ";
        out.put(made<Scanned>(setting.key.text, text));
    }
};

struct Wake {
    using Driver = Item;
    using Reads = Tables<>;
    using Writes = Tables<Due>;
    static void derive(const Driver& item, const Reader<Reads>& in, Desired<Writes>& out) {
        out.put(made<Due>(item.key.text, in.passed(second(item.number)) ? "yes" : "no"));
    }
};

struct PropertyPods {
    using Target = tables::Pod;
    static constexpr std::string_view selection_name = "property-pods";
    static constexpr std::string_view member_table = "PropertyPodMember";
};
using Selector = SelectorOf<PropertyPods>;
using Member = MemberOf<PropertyPods>;

/// Every item selects, in its group as namespace or wherever its names say.
struct Select {
    using Driver = Item;
    using Reads = Tables<>;
    using Writes = Tables<Selector>;
    static void derive(const Driver& item, const Reader<Reads>&, Desired<Writes>& out) {
        Selector selector;
        if (item.number % 2 == 0) {
            selector.in_namespace = item.group;
        } else if (item.number % 3 == 0) {
            selector.namespaces = *LabelSelector::parse_text("x=" + std::to_string(item.number % 2));
        }
        if (item.number % 5 < 3) selector.targets = *LabelSelector::parse_text("x=" + std::to_string(item.number % 3));
        if (item.number % 5 == 3) selector.targets = *LabelSelector::parse_text("y");
        out.put(std::move(selector));
    }
};
struct UseSelection {
    using Driver = Selector;
    using Reads = Tables<MembersOf<PropertyPods>>;
    using Writes = Tables<SelectorUse>;
    static void derive(const Driver& selector, const Reader<Reads>& in, Desired<Writes>& out) {
        std::string text;
        for (const Member& member : in.bucket<MembersOf<PropertyPods>>(selector.key.text))
            text += member.target + " ";
        out.put(made<SelectorUse>(selector.key.text, text));
    }
};

ModuleSpec main_module() {
    ModuleSpec m;
    m.name = "main";
    m.rules = {rule_spec<CountGroup>("count", Role::node), rule_spec<JoinItem>("join", Role::node),
               rule_spec<Chain>("chain", Role::node),      rule_spec<Keep>("keep", Role::node),
               rule_spec<Fight>("fight", Role::node),      rule_spec<Share>("share", Role::node),
               rule_spec<SeeList>("see-list", Role::node), rule_spec<SeeExtra>("see-extra", Role::node),
               rule_spec<ScanAll>("scan-all", Role::node), rule_spec<Wake>("wake", Role::node),
               rule_spec<Select>("select", Role::node),    rule_spec<UseSelection>("use-selection", Role::node)};
    m.operators.push_back({"property-pods", Role::node, selection_spec<PropertyPods>()});
    m.extension_points.push_back(table_spec<Extra>());
    return m;
}

const std::vector<TableSpec> pure_tables = {
    table_spec<Count>(),    table_spec<Joined>(), table_spec<Chained>(),    table_spec<Shared>(),  table_spec<Listed>(),
    table_spec<ListSeen>(), table_spec<Extra>(),  table_spec<ExtraSeen>(),  table_spec<Scanned>(), table_spec<Due>(),
    table_spec<Selector>(), table_spec<Member>(), table_spec<SelectorUse>()};

/// One engine with all that it told.
struct Instance {
    Instance(const Clock& clock, unsigned threads) : engine(make_options(clock, threads)) {
        for (const TableSpec& spec :
             {table_spec<Item>(), table_spec<Setting>(), table_spec<tables::Pod>(), table_spec<tables::Namespace>()}) {
            EXPECT_TRUE(engine.add_input(spec));
        }
        std::vector<TableSpec> all = pure_tables;
        for (const TableSpec& spec : {table_spec<Kept>(), table_spec<Clash>(), table_spec<RuleStatus>()})
            all.push_back(spec);
        EXPECT_TRUE(engine.subscribe(std::move(all), recorder));
        ChangeSet complete;
        complete.complete<Item>();
        complete.complete<Setting>();
        complete.complete<tables::Pod>();
        complete.complete<tables::Namespace>();
        engine.post(std::move(complete));
    }
    static EngineOptions make_options(const Clock& clock, unsigned threads) {
        EngineOptions options;
        options.clock = &clock;
        options.threads = threads;
        options.parallel_from = 2;
        return options;
    }
    Engine engine;
    Recorder recorder;
};

class PropertyTest : public testing::TestWithParam<unsigned> {
  protected:
    int pick(int n) { return static_cast<int>(random_() % static_cast<unsigned>(n)); }

    template <class T>
    void put(ChangeSet& changes, std::map<std::string, T>& world, T row) {
        world.insert_or_assign(row.key.text, row);
        changes.put<T>(std::move(row));
    }
    template <class T>
    void erase(ChangeSet& changes, std::map<std::string, T>& world, const std::string& key) {
        world.erase(key);
        changes.erase<T>(Key<T>(key));
    }

    Item random_item() {
        Item made = item("i" + std::to_string(pick(25)), pick(40), "g" + std::to_string(pick(5)));
        for (int i = pick(3); i > 0; --i)
            made.names.push_back("g" + std::to_string(pick(7)));
        made.born = pick(3);
        return made;
    }
    Labels random_labels() {
        Labels labels;
        if (pick(3) > 0) labels.emplace_back("x", std::to_string(pick(3)));
        if (pick(3) == 0) labels.emplace_back("y", "1");
        return labels;
    }

    void edit(ChangeSet& changes) {
        switch (pick(14)) {
            case 0: return erase(changes, items, "i" + std::to_string(pick(25)));
            case 1: return erase(changes, settings, "g" + std::to_string(pick(7)));
            case 2:
            case 3: return put(changes, settings, Setting{Key<Setting>("g" + std::to_string(pick(7))), pick(12)});
            case 4: return erase(changes, pods, "g" + std::to_string(pick(5)) + "/p" + std::to_string(pick(4)));
            case 5:
            case 6: {
                tables::Pod pod;
                pod.ns = "g" + std::to_string(pick(5));
                pod.name = "p" + std::to_string(pick(4));
                pod.key = Key<tables::Pod>{pod.ns, pod.name};
                pod.labels = random_labels();
                return put(changes, pods, pod);
            }
            case 7: {
                tables::Namespace space;
                space.key = Key<tables::Namespace>("g" + std::to_string(pick(5)));
                if (pick(4) == 0) return erase(changes, spaces, space.key.text);
                space.labels = random_labels();
                return put(changes, spaces, space);
            }
            case 8:
                if (pick(10) == 0) {  // a full list, with half of it lost
                    std::erase_if(items, [&](const auto&) { return pick(2) == 0; });
                    std::vector<Item> all;
                    for (const auto& [key, one] : items)
                        all.push_back(one);
                    changes.replace_all<Item>(std::move(all));
                    return;
                }
                [[fallthrough]];
            default: return put(changes, items, random_item());
        }
    }

    ChangeSet whole_world() const {
        ChangeSet changes;
        for (const auto& [key, row] : items)
            changes.put<Item>(row);
        for (const auto& [key, row] : settings)
            changes.put<Setting>(row);
        for (const auto& [key, row] : pods)
            changes.put<tables::Pod>(row);
        for (const auto& [key, row] : spaces)
            changes.put<tables::Namespace>(row);
        return changes;
    }

    /// Waiting and failing keep; conflicts are decided by who came first.
    void advance_model() {
        std::erase_if(kept, [&](const auto& entry) { return !items.contains(entry.first); });
        for (const auto& [key, one] : items) {
            const std::int64_t n = one.number % 16;
            if (n == 7 || n == 9 || waits(one, settings.contains(one.group))) continue;
            kept[key] = kept_text(one);
        }
        std::map<std::string, std::set<std::pair<std::int64_t, std::string>>> wanted;
        for (const auto& [key, one] : items) {
            wanted["k" + std::to_string(one.number % 5)].emplace(one.born, key);
            if (one.number % 2 == 0) wanted["even"].emplace(one.born, key);
        }
        std::map<std::string, std::string> next;
        for (const auto& [key, who] : wanted) {
            const auto owner = owners.find(key);
            const bool stays = owner != owners.end() && std::any_of(who.begin(), who.end(), [&](const auto& one) {
                                   return one.second == owner->second;
                               });
            next[key] = stays ? owner->second : who.begin()->second;
        }
        owners = std::move(next);
    }

    template <class T>
    static std::map<std::string, std::string> texts(const Engine& engine) {
        std::map<std::string, std::string> all;
        for (const RowPtr& row : engine.rows(T::table_name))
            all.emplace(row.key(), row.as<T>().text);
        return all;
    }
    static std::vector<std::string> pure_rows(const Engine& engine) {
        std::vector<std::string> all;
        for (const TableSpec& spec : pure_tables) {
            for (const RowPtr& row : engine.rows(spec.name))
                all.push_back(std::string(spec.name) + row.json());
        }
        return all;
    }

    std::mt19937 random_{GetParam()};
    ManualClock clock;
    std::map<std::string, Item> items;
    std::map<std::string, Setting> settings;
    std::map<std::string, tables::Pod> pods;
    std::map<std::string, tables::Namespace> spaces;
    std::map<std::string, std::string> kept;    ///< Kept, by the model
    std::map<std::string, std::string> owners;  ///< Clash, by the model
};

constexpr int steps = test::Effort{.plain = 700, .under_asan = 200, .under_tsan = 150}.count();

TEST_P(PropertyTest, EqualsARecomputeWhateverTheThreads) {
    std::vector<std::unique_ptr<Instance>> engines;
    for (const unsigned threads : {1u, 2u, 8u}) {
        engines.push_back(std::make_unique<Instance>(clock, threads));
        ASSERT_TRUE(engines.back()->engine.add(main_module()));
    }
    bool extended = false;
    for (int step = 0; step < steps; ++step) {
        ChangeSet changes;
        for (int edits = pick(step % 10 == 0 ? 60 : 6); edits >= 0; --edits)
            edit(changes);
        if (pick(4) == 0) clock.advance(std::chrono::seconds(pick(3)));
        const bool toggle = pick(12) == 0;
        for (auto& one : engines) {
            one->engine.post(changes);
            if (toggle) {
                ASSERT_TRUE(extended ? one->engine.remove("ext") : one->engine.add(Bed::module_of<Extend>("ext")));
            }
            one->engine.tick();
            if (step % 50 == 0) one->engine.give_back_memory();
        }
        extended = extended != toggle;
        advance_model();
        for (auto& one : engines) {
            ASSERT_EQ(one->recorder.log, engines[0]->recorder.log) << "step " << step;
            for (const Difference& d : one->engine.verify()) {
                FAIL() << "step " << step << ": " << d.table << " " << d.key << " " << d.instance << " " << d.what
                       << " expected " << d.expected << " found " << d.found;
            }
        }
        for (auto& one : engines)
            one->recorder.log.clear();
        const Engine& engine = engines[0]->engine;
        ASSERT_EQ(texts<Kept>(engine), kept) << "step " << step;
        ASSERT_EQ(texts<Clash>(engine), owners) << "step " << step;
        Instance fresh(clock, 1);
        ASSERT_TRUE(fresh.engine.add(main_module()));
        if (extended) {
            ASSERT_TRUE(fresh.engine.add(Bed::module_of<Extend>("ext")));
        }
        fresh.engine.post(whole_world());
        fresh.engine.tick();
        ASSERT_EQ(pure_rows(engine), pure_rows(fresh.engine)) << "step " << step;
        // The echo of what is there runs nothing.
        if (step % 20 == 0) {
            engines[0]->engine.post(whole_world());
            ASSERT_EQ(engines[0]->engine.tick().runs, 0u) << "step " << step;
        }
    }
    // All goes when the input goes, and nothing is left in memory's books.
    for (auto& one : engines) {
        ChangeSet none;
        none.replace_all<Item>({});
        none.replace_all<Setting>({});
        none.replace_all<tables::Pod>({});
        none.replace_all<tables::Namespace>({});
        one->engine.post(std::move(none));
        one->engine.tick();
        for (const TableReport& table : one->engine.table_reports())
            EXPECT_EQ(table.rows, 0u) << table.name;
        for (const RuleReport& rule : one->engine.rule_reports())
            EXPECT_EQ(rule.instances, 0u) << rule.name;
        EXPECT_EQ(one->engine.next_deadline(), std::nullopt);
    }
}

INSTANTIATE_TEST_SUITE_P(Seeds, PropertyTest, testing::Values(1u, 2u, 3u, 4u, 5u));

}  // namespace
}  // namespace weft::engine
