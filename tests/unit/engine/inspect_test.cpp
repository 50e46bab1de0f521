#include "kit.hpp"

/// Looking inside: counters, sizes, DOT, explain, and whether verify() would see a fault.
namespace weft::engine {
namespace {

using namespace kit;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

struct Watch {
    using Driver = Item;
    using Reads = Tables<Setting, ItemsOfGroup, Next>;
    using Writes = Tables<Plain>;
    static void derive(const Driver& item, const Reader<Reads>& in, Desired<Writes>& out) {
        const auto* setting = in.find<Setting>(Key<Setting>("shared"));
        const auto size = in.bucket<ItemsOfGroup>(item.group).size();
        const auto next = in.all<Next>().size();
        if (setting && setting->number < 0) return out.fail(invalid("negative"));
        out.put(Plain{Key<Plain>(item.key.text == "loser" ? "a" : item.key.text),
                      std::to_string(size + next) + (setting ? "s" : "")});
    }
};

ModuleSpec watch() {
    ModuleSpec module = Bed::module_of<Watch>("m", "watch");
    module.extension_points.push_back(table_spec<Next>());
    return module;
}

TEST(Counters, TellRunsCutoffsFanOutAndCauses) {
    Bed bed;
    ASSERT_TRUE(bed.engine.add(watch()));
    bed.put(item("a", 0, "g"), item("b", 0, "g"), item("c", 0, "h"));
    bed.put(Setting{Key<Setting>("shared"), 1});
    bed.put(Setting{Key<Setting>("shared"), 2});
    bed.put(item("d", 0, "h"));
    const RuleReport report = bed.report("m");
    EXPECT_EQ(report.name, "watch");
    EXPECT_TRUE(report.ready);
    EXPECT_EQ(report.instances, 4u);
    EXPECT_EQ(report.runs, 3u + 3u + 3u + 2u);
    EXPECT_EQ(report.cutoffs, 3u);
    EXPECT_EQ(report.scans, report.runs);
    EXPECT_EQ(report.widest, 3u);
    EXPECT_EQ(report.widest_cause, "Setting shared");
    EXPECT_THAT(report.slowest_key, testing::AnyOf("a", "b", "c", "d"));
    EXPECT_THAT(report.slowest_cause, testing::AnyOf("first run", "Setting shared", "Item by group h"));
    EXPECT_GT(report.total, Duration::zero());
    EXPECT_GE(report.total, report.slowest);
    bed.put(Setting{Key<Setting>("shared"), -1});
    EXPECT_EQ(bed.report("m").failures, 4u);
}

TEST(Counters, TablesTellTheirSizes) {
    Bed bed;
    ASSERT_TRUE(bed.engine.add(watch()));
    bed.put(item("a"), item("loser"), item("b"));
    for (const TableReport& table : bed.engine.table_reports()) {
        if (table.name == "Item") {
            EXPECT_TRUE(table.input && table.complete && table.ready);
            EXPECT_EQ(table.rows, 3u);
            EXPECT_THAT(table.readers, ElementsAre("m/watch"));
        } else if (table.name == "Plain") {
            EXPECT_FALSE(table.input);
            EXPECT_EQ(table.rows, 2u);
            EXPECT_EQ(table.conflicts, 1u);
            EXPECT_THAT(table.writers, ElementsAre("m/watch"));
        }
    }
}

TEST(Explain, TellsOwnersAndWhatTheyRead) {
    Bed bed;
    ASSERT_TRUE(bed.engine.add(watch()));
    bed.put(item("a", 0, "g"), item("loser", 0, "g"));
    const Explanation why = bed.engine.explain("Plain", "a");
    EXPECT_TRUE(why.present);
    EXPECT_FALSE(why.input);
    ASSERT_EQ(why.owners.size(), 2u);
    EXPECT_TRUE(why.owners[0].owns);
    EXPECT_EQ(why.owners[0].module + "/" + why.owners[0].rule + "/" + why.owners[0].driver, "m/watch/a");
    EXPECT_EQ(why.owners[0].driver_table, "Item");
    EXPECT_EQ(why.owners[0].state, "");
    ASSERT_EQ(why.owners[0].reads.size(), 3u);
    EXPECT_EQ(why.owners[0].reads[0].table, "Setting");
    EXPECT_EQ(why.owners[0].reads[0].key, "shared");
    EXPECT_FALSE(why.owners[0].reads[0].present);
    EXPECT_EQ(why.owners[0].reads[1].kind, ReadReport::Kind::bucket);
    EXPECT_EQ(why.owners[0].reads[1].index, "group");
    EXPECT_EQ(why.owners[0].reads[1].key, "g");
    EXPECT_TRUE(why.owners[0].reads[1].present);
    EXPECT_EQ(why.owners[0].reads[2].kind, ReadReport::Kind::scan);
    EXPECT_EQ(why.owners[0].reads[2].table, "Next");
    EXPECT_FALSE(why.owners[1].owns);
    EXPECT_EQ(why.owners[1].state, "conflict");
    EXPECT_THAT(why.owners[1].what, HasSubstr("belongs to m/watch/a"));
    EXPECT_TRUE(bed.engine.explain("Item", "a").input);
    EXPECT_FALSE(bed.engine.explain("Plain", "nothing").present);
    EXPECT_FALSE(bed.engine.explain("Nothing", "a").present);
    // A cell that is only read about is not there.
    EXPECT_FALSE(bed.engine.explain("Setting", "shared").present);
}

TEST(Dot, DrawsTablesAndRules) {
    Bed bed;
    ASSERT_TRUE(bed.engine.add(watch()));
    bed.put(item("a"));
    const std::string dot = bed.engine.dot();
    EXPECT_THAT(dot, HasSubstr("digraph weft {"));
    EXPECT_THAT(dot, HasSubstr(R"("t:Item" -> "r:m/watch" [penwidth=2];)"));
    EXPECT_THAT(dot, HasSubstr(R"("t:Item" -> "r:m/watch" [label="by group"];)"));
    EXPECT_THAT(dot, HasSubstr(R"("r:m/watch" -> "t:Plain";)"));
    EXPECT_THAT(dot, HasSubstr("label=\"Item (1)\""));
}

/// Depends on what it did not read: what verify() is there to find.
struct Impure {
    using Driver = Item;
    using Reads = Tables<Setting>;
    using Writes = Tables<Plain>;
    static inline std::string mood = "good";
    static void derive(const Driver& item, const Reader<Reads>& in, Desired<Writes>& out) {
        if (mood == "waits") return out.wait("mood");
        if (mood == "reads more") in.find<Setting>(Key<Setting>("more"));
        out.put(Plain{Key<Plain>(item.key.text + (mood == "other key" ? "2" : "")), mood == "other text" ? "2" : "1"});
    }
};

TEST(Verify, FindsAnImpureRule) {
    Engine engine({});
    ASSERT_TRUE(engine.add_input(table_spec<Item>()));
    ASSERT_TRUE(engine.add_input(table_spec<Setting>()));
    ASSERT_TRUE(engine.add(Bed::module_of<Impure>("m")));
    ChangeSet changes;
    changes.put<Item>(item("a"));
    changes.complete<Item>();
    changes.complete<Setting>();
    engine.post(std::move(changes));
    engine.tick();
    EXPECT_THAT(engine.verify(), IsEmpty());
    Impure::mood = "other text";
    auto found = engine.verify();
    ASSERT_EQ(found.size(), 1u);
    EXPECT_EQ(found[0].table + " " + found[0].key + " " + found[0].instance, "Plain a m/rule/a");
    EXPECT_THAT(found[0].expected, HasSubstr("\"2\""));
    EXPECT_THAT(found[0].found, HasSubstr("\"1\""));
    Impure::mood = "other key";
    EXPECT_EQ(engine.verify().size(), 2u);  // one too few, one too many
    Impure::mood = "waits";
    EXPECT_EQ(engine.verify().size(), 1u);
    Impure::mood = "reads more";
    EXPECT_EQ(engine.verify().size(), 1u);
    Impure::mood = "good";
    EXPECT_THAT(engine.verify(), IsEmpty());
}

}  // namespace
}  // namespace weft::engine
