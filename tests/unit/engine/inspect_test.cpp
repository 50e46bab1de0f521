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

/// With an index and a table of its own.
struct Count {
    using Driver = Item;
    using Reads = Tables<ItemsOfGroup>;
    using Writes = Tables<Next>;
    static void derive(const Driver& item, const Reader<Reads>& in, Desired<Writes>& out) {
        out.put(Next{Key<Next>(item.key.text), std::to_string(in.bucket<ItemsOfGroup>(item.group).size())});
    }
};

ModuleSpec counting(const std::string& name) {
    return Bed::module_of<Count>(name, "count");
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

TEST(Explain, TellsWhatFollowsWhoReadsAndSinceWhen) {
    Bed bed;
    ASSERT_TRUE(bed.engine.add(watch()));
    bed.put(item("a", 0, "g"), item("loser", 0, "g"));
    bed.clock.advance(std::chrono::seconds(5));
    bed.put(item("b", 0, "h"));
    bed.clock.advance(std::chrono::seconds(2));
    const auto seconds = [](std::optional<Duration> ago) {
        return ago ? std::chrono::duration_cast<std::chrono::seconds>(*ago).count() : -1;
    };
    const Explanation fact = bed.engine.explain("Item", "a");
    EXPECT_EQ(seconds(fact.changed), 7);
    EXPECT_EQ(fact.object.kind + " " + fact.object.name, "Item a");
    ASSERT_EQ(fact.drives.size(), 1u);
    EXPECT_EQ(fact.drives[0].module + "/" + fact.drives[0].rule, "m/watch");
    ASSERT_EQ(fact.drives[0].outputs.size(), 1u);
    EXPECT_EQ(fact.drives[0].outputs[0].table + " " + fact.drives[0].outputs[0].key, "Plain a");
    EXPECT_TRUE(fact.drives[0].outputs[0].seen);
    EXPECT_FALSE(bed.engine.explain("Item", "loser").drives.at(0).outputs.at(0).seen);
    EXPECT_EQ(seconds(bed.engine.explain("Plain", "b").changed), 2);
    // Runs again, puts the same: it is as it was.
    bed.put(item("c", 0, "x"));
    EXPECT_EQ(seconds(bed.engine.explain("Plain", "b").changed), 2);
    EXPECT_EQ(seconds(bed.engine.explain("Plain", "b").owners.at(0).reads.at(1).changed), -1) << "a bucket has no time";
    // A row that is not there, but read about.
    const Explanation absent = bed.engine.explain("Setting", "shared");
    EXPECT_TRUE(absent.known && absent.input && absent.complete);
    EXPECT_EQ(absent.all_readers, 4u);
    EXPECT_EQ(absent.readers.at(0).module + "/" + absent.readers.at(0).rule, "m/watch");
    bed.put(Setting{Key<Setting>("shared"), 1});
    bed.clock.advance(std::chrono::seconds(1));
    const auto reads = bed.engine.explain("Plain", "a").owners.at(0).reads;
    EXPECT_TRUE(reads.at(0).present);
    EXPECT_EQ(seconds(reads.at(0).changed), 1);
    EXPECT_EQ(reads.at(1).rows, 2u);
    bed.erase<Setting>("shared");
    bed.clock.advance(std::chrono::seconds(3));
    EXPECT_EQ(seconds(bed.engine.explain("Setting", "shared").changed), 3) << "gone since";
    EXPECT_FALSE(bed.engine.explain("Nothing", "a").known);
    EXPECT_THAT(bed.engine.tables_with("a"), testing::UnorderedElementsAre("Item", "Plain"));
}

TEST(Links, TellHowTablesHangTogether) {
    Bed bed;
    ASSERT_TRUE(bed.engine.add(watch()));
    const auto links = bed.engine.rule_links();
    ASSERT_EQ(links.size(), 1u);
    EXPECT_EQ(links[0].module + "/" + links[0].name + " for " + links[0].driver, "m/watch for Item");
    ASSERT_EQ(links[0].reads.size(), 3u);
    EXPECT_EQ(links[0].reads[1].table + " by " + links[0].reads[1].index, "Item by group");
    EXPECT_THAT(links[0].writes, ElementsAre("Plain"));
    std::vector<std::string> inputs;
    for (const TableSpec& spec : bed.engine.inputs())
        inputs.emplace_back(spec.name);
    EXPECT_THAT(inputs, testing::UnorderedElementsAre("Item", "Setting"));
}

TEST(Measures, CountCausesAndKeepTheSlowest) {
    Bed bed;
    ASSERT_TRUE(bed.engine.add(watch()));
    bed.put(item("a", 0, "g"), item("b", 0, "g"));
    bed.put(Setting{Key<Setting>("shared"), 1});
    bed.put(item("a", 1, "g"));
    const RuleReport report = bed.report("m");
    std::map<std::string, std::uint64_t> causes;
    for (const auto& cause : report.causes)
        causes[cause.what] = cause.runs;
    EXPECT_EQ(causes["new Item"], 2u);
    EXPECT_EQ(causes["Setting"], 2u);
    EXPECT_EQ(causes["Item"] + causes["Item (index)"], 2u);
    std::uint64_t timed = 0;
    for (const auto count : report.times.counts())
        timed += count;
    EXPECT_EQ(timed, report.runs);
    EXPECT_GE(RunTimes::percentile(report.times.counts(), 1.0), report.slowest);
    EXPECT_THAT(report.slow.size(), testing::AllOf(testing::Ge(1u), testing::Le(3u)));
    EXPECT_EQ(bed.engine.tick_timing().busy, 3u);
    // They are forgotten: after a minute nothing of before counts.
    bed.clock.advance(std::chrono::seconds(40));
    bed.put(item("a", 2, "g"));
    EXPECT_GE(bed.report("m").slow.size(), 1u);
    bed.clock.advance(std::chrono::seconds(100));
    bed.engine.tick();
    EXPECT_TRUE(bed.report("m").slow.empty());
}

TEST(Measures, StepsOfRunTimesHoldWhatTheySay) {
    for (const std::int64_t ns : {0, 63, 64, 65, 79, 80, 100, 1000, 4095, 4096, 123456789}) {
        const auto step = RunTimes::step_of(Duration(ns));
        EXPECT_GT(RunTimes::longest(step).count(), ns);
        if (ns >= 64) {
            EXPECT_LE(static_cast<double>(RunTimes::longest(step).count()), 1.26 * static_cast<double>(ns));
        }
    }
    EXPECT_EQ(RunTimes::step_of(std::chrono::hours(1)), RunTimes::steps - 1);
    RunTimes times;
    EXPECT_EQ(RunTimes::percentile(times.counts(), 0.99), Duration::zero());
    for (int i = 0; i < 99; ++i)
        times.add(Duration(1000));
    times.add(Duration(1'000'000));
    EXPECT_LT(RunTimes::percentile(times.counts(), 0.99), Duration(1300));
    EXPECT_GT(RunTimes::percentile(times.counts(), 1.0), Duration(1'000'000));
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

TEST(Verify, GoesOnInSlicesWhileTheEngineWorks) {
    Bed bed;
    ASSERT_TRUE(bed.engine.add(Bed::module_of<Impure>("m")));
    ASSERT_TRUE(bed.engine.add(counting("w")));
    for (int i = 0; i < 500; ++i)
        bed.put(item("i" + std::to_string(i), 0, "g" + std::to_string(i % 7)));
    Impure::mood = "other text";
    const auto verification = bed.engine.start_verify();
    int slices = 1;
    std::size_t found = 0;
    for (int i = 0; verification->step(Duration::zero()); ++i, ++slices) {
        // Rows come, change and go, and so does a whole plugin.
        bed.put(item("i" + std::to_string(i % 400), i, "h"));
        bed.erase<Item>("i" + std::to_string(499 - i % 300));
        if (i == 10) {
            ASSERT_TRUE(bed.engine.remove("w"));
        }
        found += verification->take_found().size();
    }
    for (const auto& job : verification->take_jobs())
        EXPECT_TRUE(job().empty());
    found += verification->take_found().size();
    EXPECT_GT(slices, 10);
    EXPECT_GT(found, 0u) << "rows made in the other mood";
    EXPECT_LE(found, 500u);
    Impure::mood = "good";
    // What ran in the other mood meanwhile runs anew.
    ASSERT_TRUE(bed.engine.remove("m"));
    bed.engine.tick();
    ASSERT_TRUE(bed.engine.add(Bed::module_of<Impure>("m")));
    bed.engine.tick();
    const auto again = bed.engine.start_verify();
    while (again->step(std::chrono::milliseconds(1))) {
    }
    EXPECT_TRUE(again->take_found().empty());
    EXPECT_GT(again->instances(), 0u);
    EXPECT_GT(again->rows(), 0u);
}

TEST(Verify, ASliceBetweenAChangeOfTheGraphAndItsTickWaits) {
    Bed bed;
    ASSERT_TRUE(bed.engine.add(watch()));
    bed.put(item("a", 0, "g"));
    const auto verification = bed.engine.start_verify();
    ASSERT_TRUE(bed.engine.remove("m"));
    EXPECT_TRUE(verification->step(std::chrono::seconds(1)));
    EXPECT_EQ(verification->rows(), 0u);
    bed.engine.tick();
    EXPECT_FALSE(verification->step(std::chrono::seconds(1)));
    EXPECT_TRUE(verification->take_found().empty());
}

}  // namespace
}  // namespace weft::engine
