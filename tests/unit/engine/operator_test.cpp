#include "kit.hpp"

#include <condition_variable>
#include <mutex>

/// Operators in the graph, with and without history, and adapters beside it.
namespace weft::engine {
namespace {

using namespace kit;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

struct Request {
    static constexpr std::string_view table_name = "Request";
    Key<Request> key;
    static constexpr auto fields() { return std::tuple{field("key", &Request::key)}; }
};
struct Lease {
    static constexpr std::string_view table_name = "Lease";
    Key<Lease> key;
    std::int64_t number = 0;
    static constexpr auto fields() { return std::tuple{field("key", &Lease::key), field("number", &Lease::number)}; }
};

/// Gives each request a number; what was given stays.
class Numbers final : public Operator {
  public:
    void run(std::span<const Change> changes, OperatorOut& out) override {
        for (const Change& change : changes) {
            calls.push_back(std::string(change.key()));
            if (!change.after) {
                out.erase(0, change.key());
            } else {
                out.put(0, RowPtr::make(Lease{Key<Lease>(change.key()), ++last_}));
            }
        }
    }
    bool keeps_history() const override { return true; }
    static inline std::vector<std::string> calls;  ///< of all, for the test

  private:
    std::int64_t last_ = 0;
};

struct Ask {
    using Driver = Item;
    using Reads = Tables<>;
    using Writes = Tables<Request>;
    static void derive(const Driver& item, const Reader<Reads>&, Desired<Writes>& out) {
        if (item.number == 0) out.put(Request{Key<Request>(item.key.text)});
    }
};
struct Use {
    using Driver = Item;
    using Reads = Tables<Lease>;
    using Writes = Tables<Plain>;
    static void derive(const Driver& item, const Reader<Reads>& in, Desired<Writes>& out) {
        const auto* lease = in.find<Lease>(Key<Lease>(item.key.text));
        if (!lease) return out.wait("no number");
        out.put(Plain{Key<Plain>(item.key.text), std::to_string(lease->number)});
    }
};

ModuleSpec allocator() {
    ModuleSpec module;
    module.name = "allocator";
    module.operators.push_back({"numbers", Role::node, {{table_spec<Request>()}, {table_spec<Lease>()}, [] {
                                                            return std::make_unique<Numbers>();
                                                        }}});
    return module;
}

TEST(OperatorNode, RequestLeaseAndItsUseAreOneTick) {
    Bed bed;
    ASSERT_TRUE(bed.engine.add(allocator()) ? false : true);  // nobody asks yet
    std::vector<ModuleSpec> modules;
    modules.push_back(allocator());
    modules.push_back(Bed::module_of<Ask>("ask"));
    modules.push_back(Bed::module_of<Use>("use"));
    const auto added = bed.engine.change(std::move(modules), {});
    ASSERT_TRUE(added) << added.error().text();
    Numbers::calls.clear();
    const TickReport report = bed.put(item("b"), item("a"), item("c", 1));
    EXPECT_EQ(report.runs, 3u + 1u + 3u);
    EXPECT_THAT(Numbers::calls, ElementsAre("a", "b"));
    EXPECT_EQ(bed.text<Plain>("a"), "1");
    EXPECT_EQ(bed.text<Plain>("b"), "2");
    EXPECT_EQ(bed.status("use/rule/c"), "waiting: no number");
    bed.put(item("c"));
    EXPECT_EQ(bed.text<Plain>("c"), "3");
    bed.erase<Item>("b");
    EXPECT_THAT(Numbers::calls, ElementsAre("a", "b", "c", "b"));
    EXPECT_EQ(bed.engine.size("Lease"), 2u);
    // Removed with all that it made; back again it starts from what is asked.
    ASSERT_TRUE(bed.engine.change({}, {"allocator", "use"}));
    bed.engine.tick();
    EXPECT_EQ(bed.engine.size("Lease"), 0u);
    modules.clear();
    modules.push_back(allocator());
    modules.push_back(Bed::module_of<Use>("use"));
    ASSERT_TRUE(bed.engine.change(std::move(modules), {}));
    bed.engine.tick();
    EXPECT_EQ(bed.text<Plain>("c"), "2");
}

TEST(OperatorNode, ARuleThatAsksAndUsesIsACycle) {
    struct Both {
        using Driver = Item;
        using Reads = Tables<Lease>;
        using Writes = Tables<Request>;
        static void derive(const Driver&, const Reader<Reads>&, Desired<Writes>&) {}
    };
    Bed bed;
    std::vector<ModuleSpec> modules;
    modules.push_back(allocator());
    modules.push_back(Bed::module_of<Both>("both"));
    const auto added = bed.engine.change(std::move(modules), {});
    ASSERT_FALSE(added);
    EXPECT_THAT(added.error().text(), HasSubstr("Lease -> (both/rule) -> Request -> (allocator/numbers) -> Lease"));
}

TEST(OperatorNode, IsTheOnlyWriterOfItsTables) {
    struct Forge {
        using Driver = Item;
        using Reads = Tables<>;
        using Writes = Tables<Lease, Request>;
        static void derive(const Driver&, const Reader<Reads>&, Desired<Writes>&) {}
    };
    Bed bed;
    std::vector<ModuleSpec> modules;
    modules.push_back(allocator());
    modules.push_back(Bed::module_of<Forge>("forge"));
    const auto added = bed.engine.change(std::move(modules), {});
    ASSERT_FALSE(added);
    EXPECT_THAT(added.error().text(), HasSubstr("only writer"));
}

TEST(OperatorNode, OneThatCannotBeMadeChangesNothing) {
    Bed bed;
    std::vector<ModuleSpec> modules;
    modules.push_back(allocator());
    modules.push_back(Bed::module_of<Ask>("ask"));
    ASSERT_TRUE(bed.engine.change(std::move(modules), {}));
    bed.put(item("a"));
    ModuleSpec broken = allocator();
    broken.operators[0].spec.make = []() -> std::unique_ptr<Operator> { throw std::runtime_error("no memory"); };
    modules.clear();
    modules.push_back(std::move(broken));
    const auto changed = bed.engine.change(std::move(modules), {"allocator"});
    ASSERT_FALSE(changed);
    EXPECT_THAT(changed.error().text(), HasSubstr("allocator/numbers could not be made: no memory"));
    EXPECT_THAT(bed.engine.modules(), ElementsAre("allocator", "ask"));
    bed.put(item("b"));
    EXPECT_EQ(bed.engine.size("Lease"), 2u);
}

/// Copies numbers of items, but not -1, at which it throws; forgets to erase -2.
class Faulty final : public Operator {
  public:
    void run(std::span<const Change> changes, OperatorOut& out) override {
        for (const Change& change : changes) {
            if (!change.after) {
                if (change.before.as<Item>().number != -2) out.erase(0, change.key());
            } else if (change.after.as<Item>().number == -1) {
                throw std::runtime_error("minus one");
            } else {
                out.put(0, RowPtr::make(Lease{Key<Lease>(change.key()), change.after.as<Item>().number}));
            }
        }
    }
};

TEST(OperatorNode, ThrowingIsAStatusAndVerifyFindsWhatItForgot) {
    Engine engine({});
    ASSERT_TRUE(engine.add_input(table_spec<Item>()));
    ModuleSpec module;
    module.name = "m";
    module.operators.push_back({"faulty", Role::node, {{table_spec<Item>()}, {table_spec<Lease>()}, [] {
                                                           return std::make_unique<Faulty>();
                                                       }}});
    ASSERT_TRUE(engine.add(std::move(module)));
    ChangeSet changes;
    changes.put<Item>(item("a", 1));
    changes.put<Item>(item("b", -2));
    changes.complete<Item>();
    engine.post(std::move(changes));
    engine.tick();
    EXPECT_EQ(engine.size("Lease"), 2u);
    EXPECT_THAT(engine.verify(), IsEmpty());
    ChangeSet more;
    more.erase<Item>(Key<Item>("b"));
    engine.post(std::move(more));
    engine.tick();
    const auto differences = engine.verify();
    ASSERT_EQ(differences.size(), 1u);
    EXPECT_EQ(differences[0].table, "Lease");
    EXPECT_EQ(differences[0].key, "b");
    ChangeSet bad;
    bad.put<Item>(item("c", -1));
    engine.post(std::move(bad));
    engine.tick();
    const auto status = engine.find<RuleStatus>(Key<RuleStatus>("m/faulty/"));
    ASSERT_TRUE(status);
    EXPECT_THAT(status->what, HasSubstr("minus one"));
    ASSERT_TRUE(engine.remove("m"));
    engine.tick();
    EXPECT_EQ(engine.size("Lease"), 0u);
    EXPECT_EQ(engine.size(RuleStatus::table_name), 0u);
}

struct Answer {
    static constexpr std::string_view table_name = "Answer";
    Key<Answer> key;
    std::string text;
    static constexpr auto fields() { return std::tuple{field("key", &Answer::key), field("text", &Answer::text)}; }
};

/// Answers each request; tells the test what it was told.
class Resolver final : public Adapter {
  public:
    using Requests = Request;
    using Answers = Answer;

    void changed(std::span<const Change> requests, Inbox& answers) override {
        std::unique_lock lock(mutex);
        std::string call;
        for (const Change& change : requests) {
            call += (change.after ? "+" : "-") + std::string(change.key());
            if (change.after) {
                answers.put(RowPtr::make(Answer{Key<Answer>(change.key()), "answer"}));
            } else {
                answers.erase(change.key());
            }
        }
        calls.push_back(call);
        answers.complete();
        told.notify_all();
        told.wait(lock, [] { return !held; });
    }
    void stop() noexcept override {
        const std::lock_guard lock(mutex);
        calls.emplace_back("stop");
    }

    static inline std::mutex mutex;
    static inline std::condition_variable told;
    static inline std::vector<std::string> calls;
    static inline bool held = false;
};

struct UseAnswer {
    using Driver = Item;
    using Reads = Tables<Answer>;
    using Writes = Tables<Plain>;
    static void derive(const Driver& item, const Reader<Reads>& in, Desired<Writes>& out) {
        const auto* answer = in.find<Answer>(Key<Answer>(item.key.text));
        out.put(Plain{Key<Plain>(item.key.text), answer ? answer->text : "none"});
    }
};

class AdapterTest : public testing::Test {
  protected:
    void SetUp() override {
        Resolver::calls.clear();
        Resolver::held = false;
        ModuleSpec module = Bed::module_of<Ask>("m", "ask");
        module.rules.push_back(rule_spec<UseAnswer>("use", Role::node));
        module.adapters.push_back({"resolver", Role::node, adapter_spec<Resolver>()});
        const auto added = bed.engine.add(std::move(module));
        ASSERT_TRUE(added) << added.error().text();
    }
    /// Ticks as input arrives until the row reads so.
    void tick_until(const std::string& key, const std::string& text) {
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
        while (bed.text<Plain>(key) != text && std::chrono::steady_clock::now() < deadline) {
            if (bed.engine.wait(bed.clock.now() + std::chrono::milliseconds(50))) bed.engine.tick();
        }
        EXPECT_EQ(bed.text<Plain>(key), text);
    }
    /// What the adapter was called with, once there are so many calls: an answer may be seen before its call is noted.
    static std::vector<std::string> calls(std::size_t number) {
        std::unique_lock lock(Resolver::mutex);
        Resolver::told.wait_for(lock, std::chrono::seconds(20), [&] { return Resolver::calls.size() >= number; });
        return Resolver::calls;
    }
    Bed bed;
};

TEST_F(AdapterTest, IsToldOfRequestsAndItsAnswersAreInput) {
    // Rules that need its answers begin when it says that it has told all it knew; those that ask begin at once.
    const TickReport first = bed.put(item("a"), item("b", 1));
    EXPECT_EQ(first.runs, 2u);
    EXPECT_THAT(first.awaiting, ElementsAre("Answer"));
    tick_until("a", "answer");
    EXPECT_EQ(bed.text<Plain>("b"), "none");
    bed.put(item("b"), item("a", 1));
    tick_until("b", "answer");
    tick_until("a", "none");
    EXPECT_THAT(calls(2), ElementsAre("+a", "-a+b"));
}

TEST_F(AdapterTest, IsCalledOnceWithoutRequests) {
    bed.put(item("a", 1));
    tick_until("a", "none");
    EXPECT_THAT(calls(1), ElementsAre(""));
}

TEST_F(AdapterTest, RequestsCoalesceWhileItIsBusy) {
    {
        const std::lock_guard lock(Resolver::mutex);
        Resolver::held = true;
    }
    bed.put(item("a"));
    calls(1);
    bed.put(item("b"), item("c"));
    bed.put(item("b", 1), item("d"));
    bed.put(item("c", 1));
    bed.put(item("c"));
    {
        const std::lock_guard lock(Resolver::mutex);
        Resolver::held = false;
        Resolver::told.notify_all();
    }
    tick_until("d", "answer");
    EXPECT_THAT(calls(2), ElementsAre("+a", "+c+d"));
}

TEST_F(AdapterTest, StopsWithItsModuleAndItsAnswersGo) {
    bed.put(item("a"));
    tick_until("a", "answer");
    ASSERT_TRUE(bed.engine.remove("m"));
    EXPECT_THAT(calls(2), ElementsAre("+a", "stop"));
    bed.engine.tick();
    EXPECT_EQ(bed.engine.size("Answer"), 0u);
    EXPECT_EQ(bed.engine.size("Plain"), 0u);
}

TEST_F(AdapterTest, StopsWithTheEngine) {
    bed.put(item("a"));
    tick_until("a", "answer");
    bed.engine.stop();
    EXPECT_EQ(calls(2).back(), "stop");
    bed.put(item("b"));  // the rest goes on
    EXPECT_EQ(bed.text<Plain>("b"), "none");
    ASSERT_TRUE(bed.engine.remove("m"));
}

}  // namespace
}  // namespace weft::engine
