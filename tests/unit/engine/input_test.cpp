#include "kit.hpp"

#include <atomic>
#include <set>
#include <thread>

/// How input arrives, when rules begin, who is told and when.
namespace weft::engine {
namespace {

using namespace kit;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

struct Copy {
    using Driver = Item;
    using Reads = Tables<Setting>;
    using Writes = Tables<Plain>;
    static void derive(const Driver& item, const Reader<Reads>& in, Desired<Writes>& out) {
        const bool set = in.find<Setting>(Key<Setting>("s")) != nullptr;
        out.put(Plain{Key<Plain>(item.key.text), std::to_string(item.number) + (set ? "s" : "")});
    }
};

TEST(Input, NewestWinsPerKeyAndNothingIsLost) {
    Bed bed;
    bed.rules<Copy>();
    bed.put();
    for (int i = 0; i < 100; ++i) {
        ChangeSet changes;
        changes.put<Item>(item("a", i));
        changes.put<Item>(item("k" + std::to_string(i), i));
        if (i == 50) changes.erase<Item>(Key<Item>("k49"));
        if (i == 51) changes.erase<Item>(Key<Item>("a"));
        bed.engine.post(std::move(changes));
    }
    const TickReport report = bed.engine.tick();
    EXPECT_EQ(report.input_changes, 100u);
    EXPECT_EQ(bed.text<Plain>("a"), "99");
    EXPECT_EQ(bed.keys<Plain>().size(), 100u);
    EXPECT_EQ(bed.text<Plain>("k49"), "-");
    EXPECT_EQ(bed.text<Plain>("k50"), "50");
}

TEST(Input, AFloodComesInPortionsAndWhatWasPostedTogetherStaysSo) {
    int woken = 0;
    EngineOptions options;
    options.portion = 10;
    options.woken = [&] { ++woken; };
    Bed bed(std::move(options));
    bed.rules<Copy>();
    bed.put();
    const auto post = [&](int from, int to, int number) {
        ChangeSet changes;
        for (int i = from; i < to; ++i)
            changes.put<Item>(item("k" + std::to_string(i), number));
        bed.engine.post(std::move(changes));
    };
    post(0, 6, 1);
    post(6, 40, 1);  // the first portion was not full yet, and this is not cut
    post(0, 3, 2);   // newer news of known keys, in the next one
    post(100, 101, 2);
    woken = 0;
    EXPECT_EQ(bed.engine.tick().input_changes, 40u);
    EXPECT_EQ(bed.text<Plain>("k0"), "1");
    EXPECT_EQ(woken, 1);  // there is more
    EXPECT_TRUE(bed.engine.wait(bed.clock.now()));
    EXPECT_EQ(bed.engine.tick().input_changes, 4u);
    EXPECT_EQ(bed.text<Plain>("k0"), "2");
    EXPECT_EQ(bed.text<Plain>("k3"), "1");
    EXPECT_EQ(bed.keys<Plain>().size(), 41u);
    EXPECT_EQ(woken, 1);
    EXPECT_FALSE(bed.engine.wait(bed.clock.now()));
}

TEST(Input, AFullListErasesWhatIsNotInIt) {
    Bed bed;
    bed.rules<Copy>();
    bed.put(item("a", 1), item("b", 2), item("c", 3));
    Recorder recorder;
    ASSERT_TRUE(bed.engine.subscribe({table_spec<Item>()}, recorder));
    bed.engine.tick();
    recorder.take();
    ChangeSet list;
    list.put<Item>(item("before", 1));  // the list comes after it
    list.replace_all<Item>({item("b", 2), item("c", 4), item("d", 5)});
    list.put<Item>(item("e", 6));
    bed.engine.post(std::move(list));
    ChangeSet after;
    after.erase<Item>(Key<Item>("d"));
    bed.engine.post(std::move(after));
    const TickReport report = bed.engine.tick();
    EXPECT_THAT(recorder.take(), ElementsAre("-a", "*c", "+e"));
    EXPECT_EQ(report.runs, 2u);
    ChangeSet empty;
    empty.replace_all<Item>({});
    bed.engine.post(std::move(empty));
    bed.engine.tick();
    EXPECT_THAT(recorder.take(), ElementsAre("-b", "-c", "-e"));
    EXPECT_THAT(bed.keys<Plain>(), IsEmpty());
}

TEST(Input, RulesWaitUntilEveryInputIsComplete) {
    Bed bed;
    bed.rules<Copy>();
    Recorder recorder, inputs;
    ASSERT_TRUE(bed.engine.subscribe({table_spec<Plain>()}, recorder));
    ASSERT_TRUE(bed.engine.subscribe({table_spec<Item>()}, inputs));
    ChangeSet items;
    items.put<Item>(item("a", 1));
    items.complete<Item>();
    bed.engine.post(std::move(items));
    TickReport report = bed.engine.tick();
    EXPECT_EQ(report.runs, 0u);
    EXPECT_THAT(report.awaiting, ElementsAre("Setting"));
    EXPECT_THAT(recorder.take(), IsEmpty());
    EXPECT_THAT(inputs.take(), ElementsAre("+a"));
    EXPECT_FALSE(bed.engine.ready("Plain"));
    ChangeSet settings;
    settings.put<Setting>(Setting{Key<Setting>("s")});
    bed.engine.post(std::move(settings));
    EXPECT_EQ(bed.engine.tick().runs, 0u);
    ChangeSet complete;
    complete.complete<Setting>();
    bed.engine.post(std::move(complete));
    report = bed.engine.tick();
    EXPECT_EQ(report.runs, 1u);
    EXPECT_THAT(report.awaiting, IsEmpty());
    EXPECT_THAT(recorder.take(), ElementsAre("+a", "done"));
    EXPECT_EQ(bed.text<Plain>("a"), "1s");
    EXPECT_THAT(inputs.take(), ElementsAre("done"));
    bed.put(item("b"));
    EXPECT_EQ(recorder.rounds, 1);
}

TEST(Input, AnInputThatNobodyReadsHoldsUpNobody) {
    Bed bed;
    ASSERT_TRUE(bed.engine.add_input(table_spec<Next>()));
    bed.rules<Copy>();
    EXPECT_THAT(bed.put(item("a")).awaiting, IsEmpty());
    EXPECT_THAT(bed.keys<Plain>(), ElementsAre("a"));
}

struct Wrong {
    static constexpr std::string_view table_name = "Item";
    Key<Wrong> key;
    static constexpr auto fields() { return std::tuple{field("key", &Wrong::key)}; }
};

TEST(Input, AnInputKeepsItsType) {
    Bed bed;
    EXPECT_FALSE(bed.engine.add_input(table_spec<Wrong>()));
    ChangeSet changes;
    changes.put("Item", RowPtr::make(Setting{Key<Setting>("x")}));
    bed.engine.post(std::move(changes));
    EXPECT_THROW(bed.engine.tick(), std::logic_error);
}

TEST(Subscriber, ALaterOneIsToldWhatIsThere) {
    Bed bed;
    bed.rules<Copy>();
    bed.put(item("b"), item("a"));
    Recorder recorder;
    ASSERT_TRUE(bed.engine.subscribe({table_spec<Plain>(), table_spec<Item>()}, recorder));
    bed.put(item("c"));
    EXPECT_THAT(recorder.keys, ElementsAre("+a", "+b", "+c", "+a", "+b", "+c", "done"));
    EXPECT_EQ(recorder.calls, 1);
    EXPECT_THAT(recorder.log.front(), HasSubstr("+0:"));
    EXPECT_THAT(recorder.log.back(), HasSubstr("+1:"));
    bed.engine.unsubscribe(recorder);
    bed.put(item("d"));
    EXPECT_EQ(recorder.calls, 1);
}

TEST(Subscriber, IsToldOnlyOfNetChanges) {
    Bed bed;
    bed.rules<Copy>();
    Recorder recorder;
    ASSERT_TRUE(bed.engine.subscribe({table_spec<Plain>()}, recorder));
    bed.put(item("a", 1));
    EXPECT_EQ(recorder.calls, 1);
    bed.put(item("a", 1));
    EXPECT_EQ(recorder.calls, 1);
    EXPECT_EQ(recorder.ticks, 2);
}

/// Posts from inside a callback: it is the next tick's input.
class Echo final : public Subscriber {
  public:
    explicit Echo(Engine& engine) : engine_(engine) {}
    void changed(std::span<const Change> changes) override {
        ChangeSet echo;
        for (const Change& change : changes)
            echo.put<Setting>(Setting{Key<Setting>(change.key())});
        engine_.post(std::move(echo));
    }

  private:
    Engine& engine_;
};

TEST(Subscriber, MayPost) {
    Bed bed;
    bed.rules<Copy>();
    Echo echo(bed.engine);
    ASSERT_TRUE(bed.engine.subscribe({table_spec<Plain>()}, echo));
    bed.put(item("s", 1));
    EXPECT_EQ(bed.text<Plain>("s"), "1");
    EXPECT_TRUE(bed.engine.wait(bed.clock.now()));
    EXPECT_EQ(bed.engine.tick().runs, 1u);
    EXPECT_EQ(bed.text<Plain>("s"), "1s");
    bed.engine.tick();  // the echo of the changed row is an equal row
    EXPECT_EQ(bed.engine.tick().runs, 0u);
}

TEST(Waiting, ReturnsForInputWorkAndWakingOnly) {
    int woken = 0;
    EngineOptions options;
    options.woken = [&] { ++woken; };
    Bed bed(std::move(options));
    bed.rules<Copy>();
    bed.put();
    EXPECT_FALSE(bed.engine.wait(bed.clock.now()));
    woken = 0;
    bed.engine.post({});
    EXPECT_FALSE(bed.engine.wait(bed.clock.now()));
    EXPECT_EQ(woken, 0);
    ChangeSet one;
    one.put<Item>(item("a"));
    bed.engine.post(std::move(one));
    EXPECT_EQ(woken, 1);
    bed.engine.wake();
    EXPECT_EQ(woken, 1);  // it is awake already
    EXPECT_TRUE(bed.engine.wait(bed.clock.now()));
    bed.engine.tick();
    EXPECT_FALSE(bed.engine.wait(bed.clock.now()));
    std::vector<std::string> seen;
    bed.engine.later([&](Engine& engine) { seen = engine.modules(); });
    EXPECT_TRUE(bed.engine.wait(bed.clock.now()));
    bed.engine.tick();
    EXPECT_THAT(seen, ElementsAre("m1"));
}

TEST(Threads, ManyMayPostWhileTheEngineRuns) {
    EngineOptions options;
    options.threads = 2;
    options.parallel_from = 2;
    Engine engine(std::move(options));
    ASSERT_TRUE(engine.add_input(table_spec<Item>()));
    ASSERT_TRUE(engine.add_input(table_spec<Setting>()));
    ASSERT_TRUE(engine.add(Bed::module_of<Copy>("m")));
    std::jthread runner([&](std::stop_token stop) { engine.run(stop); });
    std::vector<std::jthread> posters;
    for (int t = 0; t < 4; ++t) {
        posters.emplace_back([&engine, t] {
            for (int i = 0; i < 500; ++i) {
                ChangeSet changes;
                changes.put<Item>(item("k" + std::to_string(t) + "/" + std::to_string(i % 100), i));
                if (i == 0) {
                    changes.complete<Item>();
                    changes.complete<Setting>();
                }
                engine.post(std::move(changes));
            }
        });
    }
    posters.clear();
    std::atomic<bool> asked{false};
    std::size_t rows = 0;
    engine.later([&](Engine& e) {
        // All was posted before: the next tick has it, so look after that one.
        e.later([&](Engine& after) {
            rows = after.size("Plain");
            asked = true;
            asked.notify_one();
        });
    });
    asked.wait(false);
    runner.request_stop();
    runner.join();
    EXPECT_EQ(rows, 400u);
    EXPECT_THAT(engine.verify(), IsEmpty());
    for (int t = 0; t < 4; ++t) {
        EXPECT_EQ(engine.find<Plain>(Key<Plain>("k" + std::to_string(t) + "/99"))->text, "499");
    }
}

}  // namespace
}  // namespace weft::engine
