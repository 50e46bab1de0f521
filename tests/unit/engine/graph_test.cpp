#include "kit.hpp"

/// Which graphs are right, what is said of wrong ones, and modules that come and go.
namespace weft::engine {
namespace {

using namespace kit;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

template <class From, class To>
struct Pass {
    using Driver = From;
    using Reads = Tables<>;
    using Writes = Tables<To>;
    static void derive(const Driver& from, const Reader<Reads>&, Desired<Writes>& out) {
        To to;
        to.key = Key<To>(from.key.text);
        out.put(std::move(to));
    }
};

template <class From, class Read, class To>
struct Join {
    using Driver = From;
    using Reads = Tables<Read>;
    using Writes = Tables<To>;
    static void derive(const Driver& from, const Reader<Reads>& in, Desired<Writes>& out) {
        To to;
        to.key = Key<To>(from.key.text);
        to.text = in.template find<Read>(Key<Read>(from.key.text)) ? "there" : "absent";
        out.put(std::move(to));
    }
};

std::string fault_of(const Result<void>& result) {
    return result ? "no error" : result.error().text();
}

TEST(Graph, ACycleIsToldWithItsTablesInOrder) {
    Bed bed;
    ModuleSpec module = Bed::module_of<Join<Item, Next, Plain>>("m", "one");
    module.rules.push_back(rule_spec<Pass<Plain, Union>>("two", Role::node));
    module.rules.push_back(rule_spec<Pass<Union, Next>>("three", Role::node));
    EXPECT_THAT(fault_of(bed.engine.add(std::move(module))),
                HasSubstr("Next -> (m/one) -> Plain -> (m/two) -> Union -> (m/three) -> Next"));
    EXPECT_THAT(bed.engine.modules(), IsEmpty());
}

TEST(Graph, ARuleThatReadsWhatItWritesIsACycle) {
    Bed bed;
    EXPECT_THAT(fault_of(bed.engine.add(Bed::module_of<Join<Item, Plain, Plain>>("m"))),
                HasSubstr("Plain -> (m/rule) -> Plain"));
}

TEST(Graph, CyclesOfRulesThatDoNotRunDoNotMatter) {
    Bed bed;
    EXPECT_TRUE(bed.engine.add(Bed::module_of<Join<Item, Plain, Plain>>("m", "rule", Role::cluster)));
}

TEST(Graph, ATableThatNobodyFillsIsNamedWithItsReader) {
    Bed bed;
    const std::string fault = fault_of(bed.engine.add(Bed::module_of<Pass<Next, Plain>>("m")));
    EXPECT_THAT(fault, HasSubstr("\"Next\""));
    EXPECT_THAT(fault, HasSubstr("m/rule"));
    // An extension point may have no producers.
    ModuleSpec module = Bed::module_of<Pass<Next, Plain>>("m");
    module.extension_points.push_back(table_spec<Next>());
    EXPECT_TRUE(bed.engine.add(std::move(module)));
    bed.put(item("a"));
    EXPECT_THAT(bed.keys<Plain>(), IsEmpty());
}

TEST(Graph, ATableWrittenInTheOtherRoleIsEmpty) {
    Bed bed;
    ModuleSpec module = Bed::module_of<Pass<Next, Plain>>("m");
    module.rules.push_back(rule_spec<Pass<Item, Next>>("elsewhere", Role::cluster));
    ASSERT_TRUE(bed.engine.add(std::move(module)));
    bed.put(item("a"));
    EXPECT_THAT(bed.keys<Next>(), IsEmpty());
    EXPECT_TRUE(bed.engine.ready("Plain"));
    EXPECT_EQ(bed.engine.rule_reports().size(), 1u);
}

struct OtherPlain {
    static constexpr std::string_view table_name = "Plain";
    Key<OtherPlain> key;
    int number = 0;
    static constexpr auto fields() {
        return std::tuple{field("key", &OtherPlain::key), field("number", &OtherPlain::number)};
    }
};
struct PutsOtherPlain {
    using Driver = Item;
    using Reads = Tables<>;
    using Writes = Tables<OtherPlain>;
    static void derive(const Driver& item, const Reader<Reads>&, Desired<Writes>& out) {
        out.put(OtherPlain{Key<OtherPlain>(item.key.text)});
    }
};

TEST(Graph, TwoTypesUnderOneNameAreToldWithBothUsers) {
    Bed bed;
    ASSERT_TRUE(bed.engine.add(Bed::module_of<Pass<Item, Plain>>("old")));
    const std::string fault = fault_of(bed.engine.add(Bed::module_of<PutsOtherPlain>("new")));
    EXPECT_THAT(fault, HasSubstr("\"Plain\""));
    EXPECT_THAT(fault, HasSubstr("old/rule"));
    EXPECT_THAT(fault, HasSubstr("new/rule"));
    // Once the old one is gone with its rows, the name is free.
    bed.put(item("a"));
    ASSERT_TRUE(bed.engine.remove("old"));
    EXPECT_THAT(fault_of(bed.engine.add(Bed::module_of<PutsOtherPlain>("new"))), HasSubstr("older type"));
    bed.engine.tick();
    ASSERT_TRUE(bed.engine.add(Bed::module_of<PutsOtherPlain>("new")));
    bed.engine.tick();
    EXPECT_EQ(bed.engine.size("Plain"), 1u);
}

TEST(Graph, NamesAreUsedOnce) {
    Bed bed;
    ModuleSpec twice = Bed::module_of<Pass<Item, Plain>>("m");
    twice.rules.push_back(rule_spec<Pass<Item, Next>>("rule", Role::node));
    EXPECT_THAT(fault_of(bed.engine.add(std::move(twice))), HasSubstr("called \"rule\""));
    ASSERT_TRUE(bed.engine.add(Bed::module_of<Pass<Item, Plain>>("m")));
    EXPECT_THAT(fault_of(bed.engine.add(Bed::module_of<Pass<Item, Next>>("m"))), HasSubstr("two modules"));
    EXPECT_THAT(fault_of(bed.engine.remove("unknown")), HasSubstr("unknown"));
}

TEST(Graph, AllThatIsWrongIsTold) {
    Bed bed;
    ModuleSpec module = Bed::module_of<Pass<Union, Plain>>("m");
    module.rules.push_back(rule_spec<Join<Item, Next, Next>>("loop", Role::node));
    module.rules.push_back(rule_spec<Pass<Plain, Item>>("to-input", Role::node));
    const std::string fault = fault_of(bed.engine.add(std::move(module)));
    EXPECT_THAT(fault, HasSubstr("\"Union\""));
    EXPECT_THAT(fault, HasSubstr("circle"));
    EXPECT_THAT(fault, HasSubstr("\"Item\" is an input"));
}

struct PutsStatus {
    using Driver = Item;
    using Reads = Tables<>;
    using Writes = Tables<RuleStatus>;
    static void derive(const Driver&, const Reader<Reads>&, Desired<Writes>&) {}
};

TEST(Graph, TheStatusTableIsTheEngines) {
    Bed bed;
    EXPECT_THAT(fault_of(bed.engine.add(Bed::module_of<PutsStatus>("m"))), HasSubstr("RuleStatus"));
    EXPECT_THAT(fault_of(bed.engine.add(Bed::module_of<Pass<RuleStatus, Plain>>("m"))), HasSubstr("RuleStatus"));
}

TEST(Modules, AWrongChangeChangesNothing) {
    Bed bed;
    ASSERT_TRUE(bed.engine.add(Bed::module_of<Pass<Item, Plain>>("a")));
    ASSERT_TRUE(bed.engine.add(Bed::module_of<Pass<Plain, Next>>("b")));
    bed.put(item("x"));
    EXPECT_FALSE(bed.engine.remove("a"));  // b reads what it makes
    std::vector<ModuleSpec> add;
    add.push_back(Bed::module_of<Pass<Union, Ordered>>("c"));
    EXPECT_FALSE(bed.engine.change(std::move(add), {"b"}));
    EXPECT_THAT(bed.engine.modules(), ElementsAre("a", "b"));
    EXPECT_EQ(bed.put(item("y")).runs, 2u);
    EXPECT_THAT(bed.keys<Next>(), ElementsAre("x", "y"));
}

TEST(Modules, RemovingOneTakesItsRowsAndNothingElse) {
    Bed bed;
    Recorder recorder;
    ASSERT_TRUE(bed.engine.subscribe({table_spec<Union>(), table_spec<Plain>(), table_spec<RuleStatus>()}, recorder));
    ASSERT_TRUE(bed.engine.add(Bed::module_of<Pass<Item, Plain>>("a")));
    ASSERT_TRUE(bed.engine.add(Bed::module_of<Pass<Item, Union>>("b")));
    ASSERT_TRUE(bed.engine.add(Bed::module_of<Pass<Plain, Union>>("c")));
    ASSERT_TRUE(bed.engine.add(Bed::module_of<Pass<Item, Plain>>("d")));  // loses everything to a
    bed.put(item("x"), item("y"));
    EXPECT_EQ(bed.engine.size(RuleStatus::table_name), 2u);
    recorder.take();
    ASSERT_TRUE(bed.engine.remove("b"));
    TickReport report = bed.engine.tick();
    EXPECT_EQ(report.runs, 0u);
    EXPECT_THAT(recorder.take(), IsEmpty());  // c puts the same rows
    ASSERT_TRUE(bed.engine.remove("a"));
    bed.engine.tick();
    EXPECT_THAT(recorder.take(), ElementsAre("-d/rule/x", "-d/rule/y"));  // d puts the same rows
    ASSERT_TRUE(bed.engine.change({}, {"c", "d"}));
    bed.engine.tick();
    EXPECT_THAT(recorder.take(), ElementsAre("-x", "-y", "-x", "-y"));
}

TEST(Modules, ANewOneRunsOnWhatIsThere) {
    Bed bed;
    ASSERT_TRUE(bed.engine.add(Bed::module_of<Pass<Item, Plain>>("a")));
    bed.put(item("x"), item("y"));
    ASSERT_TRUE(bed.engine.add(Bed::module_of<Join<Plain, Plain, Next>>("b")));
    EXPECT_EQ(bed.engine.tick().runs, 2u);
    EXPECT_EQ(bed.text<Next>("x"), "there");
    EXPECT_EQ(bed.erase<Item>("y").withdrawn, 2u);
    EXPECT_THAT(bed.keys<Next>(), ElementsAre("x"));
}

TEST(Modules, ReplacingOneByTheSameIsNoChange) {
    Bed bed;
    Recorder recorder;
    ASSERT_TRUE(bed.engine.subscribe({table_spec<Plain>(), table_spec<Next>()}, recorder));
    ASSERT_TRUE(bed.engine.add(Bed::module_of<Pass<Item, Plain>>("a")));
    ASSERT_TRUE(bed.engine.add(Bed::module_of<Pass<Plain, Next>>("b")));
    bed.put(item("x"), item("y"));
    recorder.take();
    std::vector<ModuleSpec> again;
    again.push_back(Bed::module_of<Pass<Item, Plain>>("a"));
    ASSERT_TRUE(bed.engine.change(std::move(again), {"a"}));
    EXPECT_EQ(bed.engine.tick().runs, 2u);
    EXPECT_THAT(recorder.take(), IsEmpty());
}

TEST(Modules, BringTheirInputsAndTakeThemAlong) {
    Bed bed;
    ModuleSpec module = Bed::module_of<Pass<Next, Plain>>("m");
    module.inputs.push_back(table_spec<Next>());
    ASSERT_TRUE(bed.engine.add(std::move(module)));
    bed.put(item("a"));
    EXPECT_THAT(bed.engine.awaiting(), ElementsAre("Next"));
    ChangeSet changes;
    changes.put<Next>(Next{Key<Next>("n"), ""});
    changes.complete<Next>();
    bed.engine.post(std::move(changes));
    bed.engine.tick();
    EXPECT_THAT(bed.keys<Plain>(), ElementsAre("n"));
    ASSERT_TRUE(bed.engine.remove("m"));
    bed.engine.tick();
    EXPECT_THAT(bed.keys<Plain>(), IsEmpty());
    EXPECT_THAT(bed.keys<Next>(), IsEmpty());
    // What still arrives for it is nobody's.
    ChangeSet late;
    late.put<Next>(Next{Key<Next>("late"), ""});
    bed.engine.post(std::move(late));
    bed.engine.tick();
    EXPECT_THAT(bed.keys<Next>(), IsEmpty());
}

TEST(Modules, ALaterOneWithAnIncompleteInputHoldsUpOnlyItsReaders) {
    Bed bed;
    Recorder plain, next;
    ASSERT_TRUE(bed.engine.subscribe({table_spec<Plain>()}, plain));
    ASSERT_TRUE(bed.engine.subscribe({table_spec<Next>()}, next));
    ASSERT_TRUE(bed.engine.add(Bed::module_of<Pass<Item, Plain>>("a")));
    bed.put(item("x"));
    EXPECT_THAT(plain.take(), ElementsAre("+x", "done"));
    EXPECT_THAT(next.take(), ElementsAre("done"));
    ModuleSpec module = Bed::module_of<Join<Item, Union, Next>>("b");
    module.inputs.push_back(table_spec<Union>());
    ASSERT_TRUE(bed.engine.add(std::move(module)));
    EXPECT_THAT(bed.engine.tick().awaiting, ElementsAre("Union"));
    bed.put(item("y"));
    EXPECT_THAT(plain.take(), ElementsAre("+y"));
    EXPECT_THAT(next.take(), IsEmpty());
    EXPECT_FALSE(bed.engine.ready("Next"));
    ChangeSet changes;
    changes.complete<Union>();
    bed.engine.post(std::move(changes));
    bed.engine.tick();
    EXPECT_THAT(next.take(), ElementsAre("+x", "+y", "done"));
    EXPECT_TRUE(bed.engine.ready("Next"));
}

TEST(Modules, ComeAndGoManyTimes) {
    Bed bed;
    ASSERT_TRUE(bed.engine.add(Bed::module_of<Pass<Item, Plain>>("base")));
    bed.put(item("x"), item("y"));
    for (int i = 0; i < 20; ++i) {
        ASSERT_TRUE(bed.engine.add(Bed::module_of<Join<Plain, Plain, Next>>("b" + std::to_string(i))));
        ASSERT_TRUE(bed.engine.add(Bed::module_of<Pass<Next, Union>>("c")));
        bed.engine.tick();
        EXPECT_THAT(bed.keys<Union>(), ElementsAre("x", "y"));
        ASSERT_TRUE(bed.engine.change({}, {"c", "b" + std::to_string(i)}));
        if (i % 2 == 0) bed.engine.tick();
        EXPECT_THAT(bed.engine.modules(), ElementsAre("base"));
    }
    bed.engine.tick();
    EXPECT_THAT(bed.keys<Union>(), IsEmpty());
}

}  // namespace
}  // namespace weft::engine
