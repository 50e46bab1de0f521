#include "kit.hpp"

/// Several instances that put one key: who is seen, who takes over, who is told.
namespace weft::engine {
namespace {

using namespace kit;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// Puts "key=text" for each name into all three tables.
template <class Target, int Number>
struct Puts {
    using Driver = Item;
    using Reads = Tables<>;
    using Writes = Tables<Target>;
    static void derive(const Driver& item, const Reader<Reads>&, Desired<Writes>& out) {
        for (const auto& name : item.names) {
            const auto eq = name.find('=');
            out.put(Target{Key<Target>(name.substr(0, eq)), name.substr(eq + 1)});
        }
    }
};

TEST(Exclusive, AtFirstTheOldestThenTheSmallestKeyWins) {
    Bed bed;
    bed.rules<Puts<Plain, 1>>();
    bed.put(item("c", 0, "", {"x=c", "y=c"}, 5), item("b", 0, "", {"x=b", "y=b"}, 3), item("a", 0, "", {"x=a"}, 4),
            item("d", 0, "", {"y=d"}, 3));
    EXPECT_EQ(bed.text<Plain>("x"), "b");
    EXPECT_EQ(bed.text<Plain>("y"), "b");
    EXPECT_EQ(bed.status("m1/rule/b"), "-");
    EXPECT_EQ(bed.status("m1/rule/a"), "conflict: Plain \"x\" belongs to m1/rule/b");
    EXPECT_THAT(bed.status("m1/rule/c"), HasSubstr("and 1 more"));
    EXPECT_THAT(bed.faults(), IsEmpty());
}

TEST(Exclusive, TheIncumbentKeepsAndTheNextTakesOver) {
    Bed bed;
    bed.rules<Puts<Plain, 1>>();
    Recorder recorder;
    ASSERT_TRUE(bed.engine.subscribe({table_spec<Plain>()}, recorder));
    bed.put(item("m", 0, "", {"x=m"}, 10));
    bed.put(item("a", 0, "", {"x=a"}, 2), item("b", 0, "", {"x=b"}, 1));
    EXPECT_EQ(bed.text<Plain>("x"), "m");
    EXPECT_THAT(bed.status("m1/rule/a"), HasSubstr("belongs to m1/rule/m"));
    recorder.take();
    // The incumbent may change its row.
    bed.put(item("m", 0, "", {"x=m2"}, 10));
    EXPECT_EQ(bed.text<Plain>("x"), "m2");
    EXPECT_THAT(recorder.take(), ElementsAre("*x"));
    bed.put(item("m", 0, "", {}, 10));
    EXPECT_EQ(bed.text<Plain>("x"), "b");
    EXPECT_EQ(bed.status("m1/rule/b"), "-");
    EXPECT_THAT(bed.status("m1/rule/a"), HasSubstr("belongs to m1/rule/b"));
    EXPECT_THAT(recorder.take(), ElementsAre("*x"));  // never gone in between
    // A loser may change what it would put.
    bed.put(item("a", 0, "", {"x=a2"}, 2));
    EXPECT_THAT(recorder.take(), IsEmpty());
    bed.erase<Item>("b");
    EXPECT_EQ(bed.text<Plain>("x"), "a2");
    bed.erase<Item>("a");
    EXPECT_EQ(bed.text<Plain>("x"), "-");
    EXPECT_EQ(bed.engine.size(RuleStatus::table_name), 0u);
}

TEST(Exclusive, AKeyFreedInATickGoesToTheSmallestOfAllWhoPutItByItsEnd) {
    Bed bed;
    bed.rules<Puts<Plain, 1>>();
    bed.put(item("m", 0, "", {"x=m"}, 1));
    bed.put(item("q", 0, "", {"x=q"}, 5));
    // "z" runs after "m" has withdrawn and "q" has taken over.
    bed.put(item("m", 0, "", {}, 1), item("z", 0, "", {"x=z"}, 2));
    EXPECT_EQ(bed.text<Plain>("x"), "z");
    EXPECT_THAT(bed.status("m1/rule/q"), HasSubstr("belongs to m1/rule/z"));
}

struct Early {
    using Driver = Item;
    using Reads = Tables<>;
    using Writes = Tables<Plain, Next>;
    static void derive(const Driver& item, const Reader<Reads>&, Desired<Writes>& out) {
        out.put(Next{Key<Next>(item.key.text), "next"});
        out.put(Plain{Key<Plain>("x"), "early " + item.key.text});
    }
};
struct Late {
    using Driver = Next;
    using Reads = Tables<>;
    using Writes = Tables<Plain>;
    static void derive(const Driver&, const Reader<Reads>&, Desired<Writes>& out) {
        out.put(Plain{Key<Plain>("x"), "late"});
    }
};

TEST(Exclusive, StrataDoNotDecideWhoWins) {
    Bed bed;
    bed.rules<Early, Late>();
    // The Next row has precedence 0, its Item 1: the later rule is the smaller.
    bed.put(item("i", 0, "", {}, 1));
    EXPECT_EQ(bed.text<Plain>("x"), "late");
    EXPECT_THAT(bed.status("m1/rule/i"), HasSubstr("belongs to m2/rule/i"));
}

TEST(Exclusive, SameDriverIsDecidedByTheRulesName) {
    Bed bed;
    bed.rules<Puts<Plain, 1>, Puts<Plain, 2>>();
    bed.put(item("i", 0, "", {"x=1"}));
    EXPECT_EQ(bed.status("m1/rule/i"), "-");
    EXPECT_THAT(bed.status("m2/rule/i"), HasSubstr("belongs to m1/rule/i"));  // though equal
}

TEST(SetUnion, EqualRowsAreOneUntilTheLastOwnerGoes) {
    Bed bed;
    bed.rules<Puts<Union, 1>, Puts<Union, 2>>();
    Recorder recorder;
    ASSERT_TRUE(bed.engine.subscribe({table_spec<Union>()}, recorder));
    bed.put(item("a", 0, "", {"x=1"}), item("b", 0, "", {"x=1"}));
    EXPECT_THAT(recorder.take(), ElementsAre("+x", "done"));
    EXPECT_EQ(bed.engine.size(RuleStatus::table_name), 0u);
    EXPECT_EQ(bed.engine.explain("Union", "x").owners.size(), 4u);
    bed.erase<Item>("a");
    bed.put(item("c", 0, "", {"x=1"}));
    bed.erase<Item>("b");
    EXPECT_THAT(recorder.take(), IsEmpty());
    bed.erase<Item>("c");
    EXPECT_THAT(recorder.take(), ElementsAre("-x"));
}

TEST(SetUnion, UnequalRowsAreAConflictAndSharersInherit) {
    Bed bed;
    bed.rules<Puts<Union, 1>>();
    bed.put(item("a", 0, "", {"x=1"}, 5), item("b", 0, "", {"x=2"}, 6), item("c", 0, "", {"x=1"}, 7));
    EXPECT_EQ(bed.text<Union>("x"), "1");
    EXPECT_THAT(bed.status("m1/rule/b"), HasSubstr("conflict"));
    EXPECT_EQ(bed.status("m1/rule/c"), "-");
    // The owner goes: the row stays with who shares it, though b is older.
    bed.erase<Item>("a");
    EXPECT_EQ(bed.text<Union>("x"), "1");
    EXPECT_THAT(bed.status("m1/rule/b"), HasSubstr("belongs to m1/rule/c"));
    // The last sharer changes its mind to b's: now both share.
    bed.put(item("c", 0, "", {"x=2"}, 7));
    EXPECT_EQ(bed.text<Union>("x"), "2");
    EXPECT_EQ(bed.engine.size(RuleStatus::table_name), 0u);
    // One of two sharers changes: it loses, the row stays.
    bed.put(item("c", 0, "", {"x=3"}, 7));
    EXPECT_EQ(bed.text<Union>("x"), "2");
    EXPECT_THAT(bed.status("m1/rule/c"), HasSubstr("belongs to m1/rule/b"));
    // A loser that comes round shares.
    bed.put(item("c", 0, "", {"x=2"}, 7));
    EXPECT_EQ(bed.engine.size(RuleStatus::table_name), 0u);
    EXPECT_THAT(bed.faults(), IsEmpty());
    // The owner, sharing, changes: it loses.
    bed.put(item("b", 0, "", {"x=9"}, 6));
    EXPECT_EQ(bed.text<Union>("x"), "2");
    EXPECT_THAT(bed.status("m1/rule/b"), HasSubstr("belongs to m1/rule/c"));
}

TEST(SetUnion, AtFirstTheSmallestOfAllDecidesWhichRowIsSeen) {
    Bed bed;
    bed.rules<Puts<Union, 1>>();
    // By key order a, b, c: b shares with a and is older than c, so c must not win over both.
    bed.put(item("a", 0, "", {"x=1"}, 5), item("b", 0, "", {"x=1"}, 3), item("c", 0, "", {"x=2"}, 4),
            item("p", 0, "", {"y=1"}, 5), item("q", 0, "", {"y=2"}, 4), item("r", 0, "", {"y=1"}, 3));
    EXPECT_EQ(bed.text<Union>("x"), "1");
    EXPECT_EQ(bed.text<Union>("y"), "1");
    EXPECT_EQ(bed.status("m1/rule/a"), "-");
    EXPECT_THAT(bed.status("m1/rule/c"), HasSubstr("conflict"));
    EXPECT_EQ(bed.status("m1/rule/p"), "-");
    EXPECT_THAT(bed.status("m1/rule/q"), HasSubstr("conflict"));
}

TEST(SetUnion, ManyOwnersComeAndGo) {
    Bed bed(EngineOptions{.portion = 10'000});
    bed.rules<Puts<Union, 1>>();
    ChangeSet changes;
    for (int i = 0; i < 3000; ++i)
        changes.put<Item>(item("i" + std::to_string(i), 0, "", {"x=1", "y=" + std::to_string(i % 2)}));
    bed.engine.post(std::move(changes));
    bed.put();
    EXPECT_EQ(bed.text<Union>("y"), "0");
    EXPECT_EQ(bed.engine.size(RuleStatus::table_name), 1500u);
    EXPECT_THAT(bed.faults(), IsEmpty());
    ChangeSet fewer;
    for (int i = 0; i < 3000; i += 2)
        fewer.erase<Item>(Key<Item>("i" + std::to_string(i)));
    bed.engine.post(std::move(fewer));
    bed.engine.tick();
    EXPECT_EQ(bed.text<Union>("y"), "1");
    EXPECT_EQ(bed.engine.size(RuleStatus::table_name), 0u);
    EXPECT_EQ(bed.engine.table_reports()[0].conflicts, 0u);
}

struct ListOf {
    using Driver = Setting;
    using Reads = Tables<Ordered>;
    using Writes = Tables<Plain>;
    static void derive(const Driver& setting, const Reader<Reads>& in, Desired<Writes>& out) {
        std::string text;
        for (const Ordered& row : in.list<Ordered>(Key<Ordered>(setting.key.text)))
            text += row.text;
        const auto* first = in.find<Ordered>(Key<Ordered>(setting.key.text));
        out.put(Plain{Key<Plain>(setting.key.text), text + (first ? " first " + first->text : "")});
    }
};

TEST(OrderedMerge, AllAreSeenByOwner) {
    Bed bed;
    bed.rules<Puts<Ordered, 1>, ListOf>();
    Recorder recorder;
    ASSERT_TRUE(bed.engine.subscribe({table_spec<Ordered>()}, recorder));
    bed.put(Setting{Key<Setting>("x")}, item("c", 0, "", {"x=c"}, 1), item("b", 0, "", {"x=b"}, 2),
            item("a", 0, "", {"x=a"}, 2));
    EXPECT_EQ(bed.text<Plain>("x"), "cab first c");
    EXPECT_EQ(bed.engine.size(RuleStatus::table_name), 0u);
    recorder.take();
    // Any change in the list is told, though its first row stays.
    bed.put(item("b", 0, "", {"x=B"}, 2));
    EXPECT_EQ(bed.text<Plain>("x"), "caB first c");
    EXPECT_THAT(recorder.take(), ElementsAre("*x"));
    bed.put(item("0", 0, "", {"x=0"}, 0));
    EXPECT_EQ(bed.text<Plain>("x"), "0caB first 0");
    bed.erase<Item>("c");
    EXPECT_EQ(bed.text<Plain>("x"), "0aB first 0");
    bed.erase<Item>("0");
    EXPECT_EQ(bed.text<Plain>("x"), "aB first a");
    std::string listed;
    for (const RowPtr& row : bed.engine.list("Ordered", "x"))
        listed += row.as<Ordered>().text;
    EXPECT_EQ(listed, "aB");
    // Another precedence is another place, though the row is the same.
    recorder.take();
    bed.put(item("a", 0, "", {"x=a"}, 3));
    EXPECT_EQ(bed.text<Plain>("x"), "Ba first B");
    EXPECT_THAT(recorder.take(), ElementsAre("*x"));
    bed.erase<Item>("a");
    recorder.take();
    bed.erase<Item>("b");
    EXPECT_THAT(recorder.take(), ElementsAre("-x"));
    EXPECT_EQ(bed.text<Plain>("x"), "");
}

}  // namespace
}  // namespace weft::engine
