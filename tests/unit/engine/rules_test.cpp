#include "kit.hpp"

/// What a rule reads, puts and says, and when it runs again.
namespace weft::engine {
namespace {

using namespace kit;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

struct Copy {
    using Driver = Item;
    using Reads = Tables<>;
    using Writes = Tables<Plain>;
    static void derive(const Driver& item, const Reader<Reads>&, Desired<Writes>& out) {
        if (item.number >= 0) out.put(Plain{Key<Plain>(item.key.text), std::to_string(item.number / 10)});
    }
};

TEST(Rule, PutsChangesAndWithdraws) {
    Bed bed;
    bed.rules<Copy>();
    Recorder recorder;
    ASSERT_TRUE(bed.engine.subscribe({table_spec<Plain>()}, recorder));
    bed.put(item("b", 10), item("a", 20));
    EXPECT_THAT(recorder.take(), ElementsAre("+a", "+b", "done"));
    bed.put(item("a", 35));
    EXPECT_THAT(recorder.take(), ElementsAre("*a"));
    EXPECT_EQ(bed.text<Plain>("a"), "3");
    bed.put(item("a", -1));  // not put again
    EXPECT_THAT(recorder.take(), ElementsAre("-a"));
    bed.erase<Item>("b");
    EXPECT_THAT(recorder.take(), ElementsAre("-b"));
    EXPECT_THAT(bed.keys<Plain>(), IsEmpty());
}

TEST(Rule, EqualOutputIsCutOff) {
    Bed bed;
    bed.rules<Copy>();
    Recorder recorder;
    ASSERT_TRUE(bed.engine.subscribe({table_spec<Plain>()}, recorder));
    bed.put(item("a", 10));
    recorder.take();
    const TickReport report = bed.put(item("a", 11));
    EXPECT_EQ(report.runs, 1u);
    EXPECT_EQ(report.cutoffs, 1u);
    EXPECT_THAT(recorder.take(), IsEmpty());
}

TEST(Rule, EqualInputRunsNothing) {
    Bed bed;
    bed.rules<Copy>();
    bed.put(item("a", 10), item("b", 20));
    const TickReport report = bed.put(item("a", 10), item("b", 20));
    EXPECT_EQ(report.input_changes, 0u);
    EXPECT_EQ(report.runs, 0u);
    EXPECT_EQ(report.changes, 0u);
}

/// Reads the rows that the item names, there or not.
struct Names {
    using Driver = Item;
    using Reads = Tables<Setting>;
    using Writes = Tables<Plain>;
    static void derive(const Driver& item, const Reader<Reads>& in, Desired<Writes>& out) {
        std::string text;
        for (const auto& name : item.names) {
            const auto* setting = in.find<Setting>(Key<Setting>(name));
            text += setting ? std::to_string(setting->number) : "?";
        }
        out.put(Plain{Key<Plain>(item.key.text), text});
    }
};

TEST(Rule, RunsAgainWhenWhatItReadAppearsChangesOrGoes) {
    Bed bed;
    bed.rules<Names>();
    bed.put(item("a", 0, "", {"x", "y", "x"}), item("b", 0, "", {"z"}), Setting{Key<Setting>("y"), 2});
    EXPECT_EQ(bed.text<Plain>("a"), "?2?");
    EXPECT_EQ(bed.put(Setting{Key<Setting>("x"), 1}).runs, 1u);
    EXPECT_EQ(bed.text<Plain>("a"), "121");
    EXPECT_EQ(bed.put(Setting{Key<Setting>("x"), 5}).runs, 1u);
    EXPECT_EQ(bed.text<Plain>("a"), "525");
    EXPECT_EQ(bed.put(Setting{Key<Setting>("unread"), 5}).runs, 0u);
    EXPECT_EQ(bed.erase<Setting>("y").runs, 1u);
    EXPECT_EQ(bed.text<Plain>("a"), "5?5");
    // What it no longer reads does not concern it.
    bed.put(item("a", 0, "", {"z"}));
    EXPECT_EQ(bed.put(Setting{Key<Setting>("x"), 6}).runs, 0u);
    EXPECT_EQ(bed.put(Setting{Key<Setting>("z"), 7}).runs, 2u);
}

/// Counts and names the items of a group.
struct GroupSize {
    using Driver = Setting;
    using Reads = Tables<ItemsOfGroup>;
    using Writes = Tables<Plain>;
    static void derive(const Driver& setting, const Reader<Reads>& in, Desired<Writes>& out) {
        std::string text;
        for (const Item& item : in.bucket<ItemsOfGroup>(setting.key.text))
            text += item.key.text;
        out.put(Plain{Key<Plain>(setting.key.text), text});
    }
};

TEST(Rule, ReadsBucketsInKeyOrderAndFollowsThem) {
    Bed bed;
    bed.rules<GroupSize>();
    bed.put(Setting{Key<Setting>("g1")}, Setting{Key<Setting>("g2")}, item("c", 0, "g1"), item("a", 0, "g1"),
            item("b", 0, "g1"), item("x", 0, ""));
    EXPECT_EQ(bed.text<Plain>("g1"), "abc");
    EXPECT_EQ(bed.text<Plain>("g2"), "");
    EXPECT_EQ(bed.put(item("b", 0, "g2")).runs, 2u);  // from one to the other
    EXPECT_EQ(bed.text<Plain>("g1"), "ac");
    EXPECT_EQ(bed.text<Plain>("g2"), "b");
    EXPECT_EQ(bed.put(item("a", 5, "g1")).runs, 1u);  // a member's content
    EXPECT_EQ(bed.put(item("x", 5, "")).runs, 0u);    // in no bucket
    EXPECT_EQ(bed.erase<Item>("b").runs, 1u);
    EXPECT_EQ(bed.text<Plain>("g2"), "");
}

TEST(Rule, BucketsMayBeLarge) {
    Bed bed(EngineOptions{.portion = 10'000});
    bed.rules<GroupSize>();
    ChangeSet changes;
    std::vector<std::string> keys;
    for (int i = 0; i < 1000; ++i) {
        keys.push_back("k" + std::to_string(i * 7919 % 1000) + ",");
        changes.put<Item>(item(keys.back(), i, "g"));
    }
    bed.engine.post(std::move(changes));
    bed.put(Setting{Key<Setting>("g")});
    std::sort(keys.begin(), keys.end());
    std::string all;
    for (const auto& key : keys)
        all += key;
    EXPECT_EQ(bed.text<Plain>("g"), all);
    for (int i = 0; i < 990; ++i)
        bed.engine.post([&] {
            ChangeSet c;
            c.erase<Item>(Key<Item>(keys[i]));
            return c;
        }());
    bed.engine.tick();
    all.clear();
    for (int i = 990; i < 1000; ++i)
        all += keys[i];
    EXPECT_EQ(bed.text<Plain>("g"), all);
}

struct Scan {
    using Driver = Setting;
    using Reads = Tables<Item>;
    using Writes = Tables<Plain>;
    static void derive(const Driver& setting, const Reader<Reads>& in, Desired<Writes>& out) {
        std::string text;
        for (const Item& item : in.all<Item>())
            text += item.key.text;
        out.put(Plain{Key<Plain>(setting.key.text), text});
    }
};

TEST(Rule, ScansFollowTheWholeTableAndAreCounted) {
    Bed bed;
    bed.rules<Scan>();
    bed.put(Setting{Key<Setting>("s")}, item("b"), item("a"));
    EXPECT_EQ(bed.text<Plain>("s"), "ab");
    bed.put(item("0"));
    EXPECT_EQ(bed.text<Plain>("s"), "0ab");
    bed.erase<Item>("a");
    EXPECT_EQ(bed.text<Plain>("s"), "0b");
    EXPECT_EQ(bed.report("m1").scans, 3u);
}

/// Number -1 waits, -2 fails, -3 throws, -4 throws something odd, -5 warns, -6 fails for a while; always after a put.
struct Moody {
    using Driver = Item;
    using Reads = Tables<Setting>;
    using Writes = Tables<Plain>;
    static void derive(const Driver& item, const Reader<Reads>& in, Desired<Writes>& out) {
        out.put(Plain{Key<Plain>(item.key.text), std::to_string(item.number)});
        if (item.number == -1 && !in.find<Setting>(Key<Setting>("go"))) return out.wait("no setting");
        if (item.number == -2) return out.fail(invalid("bad number", "choose another"));
        if (item.number == -3) throw std::runtime_error("oh");
        if (item.number == -4) throw 5;
        if (item.number == -5) out.warn(invalid("odd number"));
        if (item.number == -6) return out.fail(again("busy"));
    }
};

TEST(Rule, WaitingAndFailingKeepTheLastGoodRows) {
    Bed bed;
    bed.rules<Moody>();
    bed.put(item("a", 1));
    bed.put(item("a", -1));
    EXPECT_EQ(bed.text<Plain>("a"), "1");
    EXPECT_EQ(bed.status("m1/rule/a"), "waiting: no setting");
    bed.put(item("a", -2));
    EXPECT_EQ(bed.text<Plain>("a"), "1");
    EXPECT_EQ(bed.status("m1/rule/a"), "failed: bad number");
    bed.put(item("a", -3));
    EXPECT_EQ(bed.text<Plain>("a"), "1");
    EXPECT_EQ(bed.status("m1/rule/a"), "failed: the rule threw: oh");
    bed.put(item("a", -4));
    EXPECT_THAT(bed.status("m1/rule/a"), HasSubstr("no std::exception"));
    bed.put(item("a", 2));
    EXPECT_EQ(bed.text<Plain>("a"), "2");
    EXPECT_EQ(bed.status("m1/rule/a"), "-");
    // The first run waits: nothing to keep.
    bed.put(item("b", -1));
    EXPECT_EQ(bed.text<Plain>("b"), "-");
    // What the waiting run read wakes it.
    bed.put(Setting{Key<Setting>("go")});
    EXPECT_EQ(bed.text<Plain>("b"), "-1");
    EXPECT_EQ(bed.status("m1/rule/b"), "-");
    // A waiting instance whose driver goes takes its old rows along.
    bed.put(item("a", -2));
    bed.erase<Item>("a");
    EXPECT_EQ(bed.text<Plain>("a"), "-");
    EXPECT_EQ(bed.status("m1/rule/a"), "-");
}

TEST(Rule, WarningsHold) {
    Bed bed;
    bed.rules<Moody>();
    bed.put(item("a", -5));
    EXPECT_EQ(bed.text<Plain>("a"), "-5");
    EXPECT_EQ(bed.status("m1/rule/a"), "warning: odd number");
    bed.put(item("a", 1));
    EXPECT_EQ(bed.status("m1/rule/a"), "-");
}

/// Finds items by their group; number -1 throws, -2 throws something odd.
struct TouchyGroup {
    using Table = Item;
    static constexpr std::string_view index_name = "touchy";
    static std::string of(const Item& item) {
        if (item.number == -1) throw std::runtime_error("oh");
        if (item.number == -2) throw 5;
        return item.group;
    }
};

struct NamesOfGroup {
    using Driver = Setting;
    using Reads = Tables<TouchyGroup>;
    using Writes = Tables<Plain>;
    static void derive(const Driver& group, const Reader<Reads>& in, Desired<Writes>& out) {
        std::string names;
        for (const Item& item : in.bucket<TouchyGroup>(group.key.text))
            names += item.key.text;
        out.put(Plain{Key<Plain>(group.key.text), names});
    }
};

TEST(Rule, AnIndexThatThrowsLeavesThatRowOut) {
    Bed bed;
    bed.put(item("a", 1, "g"), item("b", -1, "g"), Setting{Key<Setting>("g")});  // there before the index is
    bed.rules<NamesOfGroup>();
    bed.put(item("c", 1, "g"));
    EXPECT_EQ(bed.text<Plain>("g"), "ac");
    const std::string status = "m1/index touchy of Item/";
    EXPECT_THAT(bed.status(status + "b"), HasSubstr("failed: the index's function threw"));
    EXPECT_THAT(bed.status(status + "b"), HasSubstr("oh"));
    EXPECT_EQ(bed.engine.find<RuleStatus>(Key<RuleStatus>(status + "b"))->on.uid, "uid-b");
    bed.put(item("a", -2, "g"), item("b", 1, "g"));
    EXPECT_EQ(bed.text<Plain>("g"), "bc");
    EXPECT_EQ(bed.status(status + "b"), "-");
    EXPECT_THAT(bed.status(status + "a"), HasSubstr("no std::exception"));
    bed.erase<Item>("a");
    EXPECT_EQ(bed.status(status + "a"), "-");
    bed.put(item("c", -1, "g"));
    EXPECT_THAT(bed.status(status + "c"), HasSubstr("oh"));
    ASSERT_TRUE(bed.engine.change({}, {"m1"}));
    bed.put();
    EXPECT_EQ(bed.status(status + "c"), "-") << "nobody reads it any more";
}

/// Puts what the names say: "key=text"; "=" puts a row without a key.
struct PutNames {
    using Driver = Item;
    using Reads = Tables<>;
    using Writes = Tables<Plain, Next>;
    static void derive(const Driver& item, const Reader<Reads>&, Desired<Writes>& out) {
        for (const auto& name : item.names) {
            const auto eq = name.find('=');
            out.put(Plain{Key<Plain>(name.substr(0, eq)), name.substr(eq + 1)});
            out.put(Next{Key<Next>(name.substr(0, eq)), "next"});
        }
    }
};

TEST(Rule, RowsMayComeInAnyOrderAndNumber) {
    Bed bed;
    bed.rules<PutNames>();
    Recorder recorder;
    ASSERT_TRUE(bed.engine.subscribe({table_spec<Plain>()}, recorder));
    bed.put(item("i", 0, "", {"a=1", "b=1", "c=1", "d=1"}));
    recorder.take();
    EXPECT_EQ(bed.put(item("i", 0, "", {"d=1", "c=1", "b=1", "a=1"})).cutoffs, 1u);
    EXPECT_THAT(recorder.take(), IsEmpty());
    bed.put(item("i", 0, "", {"d=2", "e=1", "a=1"}));
    EXPECT_THAT(recorder.take(), ElementsAre("-b", "-c", "*d", "+e"));
    EXPECT_THAT(bed.faults(), IsEmpty());
    bed.put(item("i", 0, "", {"0=1", "a=1", "d=2"}));
    EXPECT_THAT(recorder.take(), ElementsAre("+0", "-e"));
    bed.put(item("i"));
    EXPECT_THAT(recorder.take(), ElementsAre("-0", "-a", "-d"));
}

TEST(Rule, EqualPutsOfARunAreOneUnequalOnesAFault) {
    Bed bed;
    bed.rules<PutNames>();
    bed.put(item("i", 0, "", {"a=1", "b=1", "a=1"}));
    EXPECT_THAT(bed.keys<Plain>(), ElementsAre("a", "b"));
    bed.put(item("i", 0, "", {"a=2", "b=1", "a=1"}));
    EXPECT_EQ(bed.text<Plain>("a"), "1");
    EXPECT_THAT(bed.status("m1/rule/i"), HasSubstr("two different rows into Plain under the key \"a\""));
    // The same with many rows.
    std::vector<std::string> names;
    for (int i = 0; i < 100; ++i)
        names.push_back("k" + std::to_string(i) + "=1");
    names.push_back("k50=1");
    names.push_back("k50=1");
    bed.put(item("i", 0, "", names));
    EXPECT_EQ(bed.status("m1/rule/i"), "-");
    EXPECT_EQ(bed.keys<Plain>().size(), 100u);
    names.push_back("k70=2");
    bed.put(item("i", 0, "", names));
    EXPECT_THAT(bed.status("m1/rule/i"), HasSubstr("k70"));
    EXPECT_EQ(bed.text<Plain>("k70"), "1");
}

TEST(Rule, ARowWithoutAKeyIsAFault) {
    Bed bed;
    bed.rules<PutNames>();
    bed.put(item("i", 0, "", {"=1"}));
    EXPECT_THAT(bed.status("m1/rule/i"), HasSubstr("without a key"));
    EXPECT_THAT(bed.keys<Plain>(), IsEmpty());
}

/// Item -> Plain -> Next: the second rule is driven by what the first makes.
struct Second {
    using Driver = Plain;
    using Reads = Tables<Setting>;
    using Writes = Tables<Next>;
    static void derive(const Driver& plain, const Reader<Reads>& in, Desired<Writes>& out) {
        const auto* setting = in.find<Setting>(Key<Setting>("s"));
        out.put(Next{Key<Next>(plain.key.text), plain.text + "/" + (setting ? std::to_string(setting->number) : "?")});
    }
};

TEST(Rule, ChainsRunInOneTickEachInstanceOnce) {
    Bed bed;
    bed.rules<Second, Copy>();
    Recorder recorder;
    ASSERT_TRUE(bed.engine.subscribe({table_spec<Next>()}, recorder));
    bed.put(item("a", 10), Setting{Key<Setting>("s"), 1});
    EXPECT_EQ(bed.text<Next>("a"), "1/1");
    // Both the driver and the setting change: still one run.
    EXPECT_EQ(bed.put(item("a", 20), Setting{Key<Setting>("s"), 2}).runs, 2u);
    EXPECT_EQ(bed.text<Next>("a"), "2/2");
    EXPECT_EQ(recorder.calls, 2);
    // The first is cut off: the second does not run.
    EXPECT_EQ(bed.put(item("a", 21)).runs, 1u);
    bed.erase<Item>("a");
    EXPECT_THAT(bed.keys<Next>(), IsEmpty());
}

TEST(Rule, ADriverThatGoesAndComesWithinATickIsOneChange) {
    Bed bed;
    bed.rules<Copy>();
    Recorder recorder;
    ASSERT_TRUE(bed.engine.subscribe({table_spec<Plain>()}, recorder));
    bed.put(item("a", 10));
    recorder.take();
    ChangeSet gone;
    gone.erase<Item>(Key<Item>("a"));
    bed.engine.post(std::move(gone));
    bed.put(item("a", 20));
    EXPECT_THAT(recorder.take(), ElementsAre("*a"));
}

}  // namespace
}  // namespace weft::engine
