#include "insight/calls.hpp"
#include "insight/explain.hpp"
#include "insight/find_rows.hpp"
#include "insight/plan.hpp"
#include "services/admin_client.hpp"
#include "unit/engine/kit.hpp"

#include <atomic>
#include <condition_variable>
#include <deque>
#include <filesystem>
#include <mutex>
#include <thread>

#include <stdlib.h>

namespace weft::insight {
namespace {

using namespace engine::kit;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

/// A name that the plan looks at: an annotation's table, with a row of the tests.
struct NoteTag {
    static constexpr std::string_view name = "Annotation";
    static constexpr Merge merge = Merge::exclusive;
};
using Note = Made<NoteTag>;

/// One note for an item with a setting; waits without.
struct NoteOfItem {
    using Driver = Item;
    using Reads = Tables<Setting>;
    using Writes = Tables<Note, Plain>;
    static void derive(const Driver& item, const Reader<Reads>& in, Desired<Writes>& out) {
        const auto* setting = in.find<Setting>(Key<Setting>(item.group));
        if (!setting) return out.wait("no setting " + item.group);
        if (item.number < 0) return out.fail(invalid("negative"));
        out.put(Plain{Key<Plain>(item.key.text), ""});
        out.put(Note{Key<Note>("ns_" + item.key.text), std::to_string(item.number + setting->number)});
    }
};

engine::ModuleSpec notes() {
    return Bed::module_of<NoteOfItem>("notes", "note");
}

struct Insight : ::testing::Test {
    Insight() {
        EXPECT_TRUE(bed.engine.add(notes()));
        bed.put(item("a/x", 1, "g"), item("a/y", 2, "nowhere"), item("10.0.0.3", 3, "g"),
                Setting{Key<Setting>("g"), 10});
    }
    JsonDocument explain(std::string_view asked) {
        const auto found = find_rows(bed.engine, around, asked);
        auto document = JsonDocument::parse(explain_json(bed.engine, around, WallTime(std::chrono::hours(24)), asked,
                                                         found.rows, found.missing, found.near));
        EXPECT_TRUE(document);
        return *std::move(document);
    }
    static std::vector<std::string> names(const JsonView& list) {
        std::vector<std::string> out;
        list.each([&](JsonView row) {
            out.push_back(std::string(row["role"].string_or("")) + " " + std::string(row["table"].string_or("")) + " " +
                          std::string(row["key"].string_or("")));
        });
        return out;
    }

    Bed bed;
    Surroundings around;
};

TEST_F(Insight, RowsAreFoundByTableAndKey) {
    EXPECT_THAT(find_rows(bed.engine, around, "item/a/x").rows, ElementsAre(RowName{"Item", "a/x"}));
    EXPECT_THAT(find_rows(bed.engine, around, "a/x").rows,
                UnorderedElementsAre(RowName{"Item", "a/x"}, RowName{"Plain", "a/x"}));
    const auto missing = find_rows(bed.engine, around, "Item/a/z");
    EXPECT_THAT(missing.rows, IsEmpty());
    EXPECT_THAT(missing.missing, ElementsAre(RowName{"Item", "a/z"}));
    EXPECT_THAT(missing.near, ElementsAre("Item/a/x", "Item/a/y"));
    EXPECT_THAT(find_rows(bed.engine, around, "Item/x").near, testing::Contains("Item/a/x"));
    EXPECT_THAT(find_rows(bed.engine, around, "what/is/this").missing, IsEmpty());
    EXPECT_TRUE(find_rows(bed.engine, around, "10.0.0.3").is_address);
    EXPECT_TRUE(find_rows(bed.engine, around, "0a:58:0a:80:00:03").is_address);
    around.row_with_uuid = [](std::string_view) { return RowName{"Plain", "a/x"}; };
    EXPECT_THAT(find_rows(bed.engine, around, "NB/X/f81d4fae-7dec-11d0-a765-00a0c91e6bf6").rows,
                ElementsAre(RowName{"Plain", "a/x"}));
}

TEST_F(Insight, AnAddressIsAWord) {
    bed.put(item("one", 0, "at 10.0.0.3/24"), item("two", 0, "10.0.0.31"), item("three", 0, "110.0.0.3"),
            item("four", 0, "fd00::10.0.0.3"));
    EXPECT_THAT(
        rows_with_address(snapshot(bed.engine), "10.0.0.3"),
        testing::AllOf(testing::Contains(RowName{"Item", "10.0.0.3"}), testing::Contains(RowName{"Item", "one"}),
                       testing::Not(testing::Contains(RowName{"Item", "two"})),
                       testing::Not(testing::Contains(RowName{"Item", "three"})),
                       testing::Not(testing::Contains(RowName{"Item", "four"}))));
}

TEST_F(Insight, ExplainGoesBothWays) {
    const auto note = explain("Annotation/ns_a/x");
    EXPECT_THAT(names(note.root()["rows"]), ElementsAre("asked Annotation ns_a/x", "from Item a/x", "from Setting g"));
    const auto fact = explain("Item/a/x");
    EXPECT_THAT(names(fact.root()["rows"]), ElementsAre("asked Item a/x", "to Plain a/x", "to Annotation ns_a/x"));
    around.far_side = [](const RowName& row) -> std::optional<FarSide> {
        if (row.table != "Annotation") return std::nullopt;
        return FarSide{"kube", false, "the server is away"};
    };
    EXPECT_THAT(explain("Annotation/ns_a/x").root().dump(),
                HasSubstr(R"("farSide":{"applier":"kube","applied":false,"trouble":"the server is away"})"));
}

TEST_F(Insight, WhatIsNotThereHasAReason) {
    around.idle_plugins = [] {
        return std::vector<IdlePlugin>{{"off", "disabled", "not enabled", {{"r", "Item", {"Annotation"}}}},
                                       {"other", "disabled", "not enabled", {{"r", "Foo", {"Bar"}}}}};
    };
    const auto answer = explain("Annotation/ns_a/y");
    const auto missing = answer.root()["missing"];
    ASSERT_EQ(missing.size(), 1u);
    missing.each([](JsonView row) {
        EXPECT_THAT(row["writers"].dump(), HasSubstr(R"("plugin":"notes","rule":"note")"));
        EXPECT_EQ(row["allTroubles"].unsigned_integer(), 1u);
        EXPECT_THAT(row["troubles"].dump(), HasSubstr("no setting nowhere"));
        EXPECT_THAT(row["troubles"].dump(), HasSubstr("\"related\":true"));
    });
    EXPECT_THAT(answer.root()["idle"].dump(), HasSubstr("\"off\""));
    EXPECT_THAT(answer.root()["idle"].dump(), testing::Not(HasSubstr("\"other\"")));
    // Facts that rules wait for have readers.
    const auto setting = explain("Setting/nowhere");
    EXPECT_THAT(setting.root()["missing"].dump(), HasSubstr("\"readers\":1"));
}

PlanInput plan_of(const engine::Engine& engine) {
    PlanInput plan;
    plan.modules.push_back(notes());
    plan.inputs = engine.inputs();
    plan.facts = input_rows(engine);
    plan.now = desired_rows(engine);
    return plan;
}

TEST_F(Insight, APlanComparesWithoutTouching) {
    const auto same = plan_json(plan_of(bed.engine));
    ASSERT_TRUE(same) << same.error().text();
    EXPECT_THAT(*same, testing::Not(HasSubstr("\"change\"")));
    EXPECT_THAT(*same, HasSubstr("\"troubles\":[]"));

    auto plan = plan_of(bed.engine);
    plan.facts["Item"].insert_or_assign("a/x", RowPtr::make(item("a/x", 5, "g")));
    plan.facts["Item"].erase("10.0.0.3");
    plan.facts["Item"].insert_or_assign("new", RowPtr::make(item("new", 7, "g")));
    plan.facts["Item"].insert_or_assign("bad", RowPtr::make(item("bad", -7, "g")));
    const auto changed = plan_json(std::move(plan));
    ASSERT_TRUE(changed) << changed.error().text();
    for (
        const char* part :
        {R"("key":"ns_a/x","change":"change","before":{"key":"ns_a/x","text":"11"},"after":{"key":"ns_a/x","text":"15"})",
         R"("key":"ns_10.0.0.3","change":"remove")", R"("key":"ns_new","change":"add","before":null)",
         R"("plugin":"notes","rule":"note","object":"Item g/new")", R"("all":3)", R"("what":"negative")"}) {
        EXPECT_THAT(*changed, HasSubstr(part));
    }
    EXPECT_THAT(*changed, testing::Not(HasSubstr("no setting nowhere"))) << "as it is already";
    EXPECT_EQ(bed.engine.size("Item"), 3u);

    auto without = plan_of(bed.engine);
    without.modules.clear();
    const auto gone = plan_json(std::move(without));
    ASSERT_TRUE(gone) << gone.error().text();
    EXPECT_THAT(*gone, HasSubstr(R"("key":"ns_a/x","change":"remove")"));
    auto impossible = plan_of(bed.engine);
    impossible.inputs.clear();
    EXPECT_FALSE(plan_json(std::move(impossible)));
}

TEST(Sides, AreKnownByTable) {
    EXPECT_EQ(side_of("NB/ACL"), "OVN northbound");
    EXPECT_EQ(side_of("NbMember"), "OVN northbound");
    EXPECT_EQ(side_of("OVS/Interface"), "Open vSwitch");
    EXPECT_EQ(side_of("Annotation"), "Kubernetes");
    EXPECT_EQ(side_of("AnnotationOfMine"), "");
    EXPECT_EQ(side_of("NodeSubnet"), "");
    EXPECT_EQ(side_of("replica/NB/ACL"), "");
}

/// The engine thread of a weftd, small: runs what is posted.
class Poster {
  public:
    void post(std::function<void()> task) {
        const std::scoped_lock lock(mutex_);
        tasks_.push_back(std::move(task));
        changed_.notify_one();
    }
    void run_until(const std::function<bool()>& done) {
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
        while (!done()) {
            std::unique_lock lock(mutex_);
            ASSERT_TRUE(changed_.wait_until(lock, deadline, [&] { return !tasks_.empty() || done(); }));
            if (tasks_.empty()) continue;
            auto task = std::move(tasks_.front());
            tasks_.pop_front();
            lock.unlock();
            task();
        }
    }

  private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<std::function<void()>> tasks_;
};

TEST_F(Insight, CallsAnswerOverTheSocket) {
    std::string dir = (std::filesystem::temp_directory_path() / "weft-insight-XXXXXX").string();
    ASSERT_NE(::mkdtemp(dir.data()), nullptr);
    Poster poster;
    const auto post = [&](std::function<void()> task) { poster.post(std::move(task)); };
    Calls calls(bed.engine, post, Clock::system(), around);
    services::AdminServer server({.socket = dir + "/s"}, post);
    calls.add_to(server);
    ASSERT_TRUE(server.start());
    const auto call = [&](std::string_view name, std::string_view args) {
        std::string text;
        std::atomic<bool> done = false;
        std::thread asker([&] {
            const auto answer = services::admin_call(dir + "/s", name, args);
            text = answer ? answer->root()["result"].dump() : "error: " + answer.error().text();
            done = true;
            poster.post([] {});
        });
        poster.run_until([&] { return done.load(); });
        asker.join();
        return text;
    };
    EXPECT_THAT(call("verify", "{}"), HasSubstr(R"({"differences":[],"all":0,"instances":3,)"));
    EXPECT_THAT(call("graph", "{}"), HasSubstr(R"("rule":"note","operator":false,"stratum":0,"driver":"Item")"));
    EXPECT_THAT(call("top", "{}"), HasSubstr(R"("causes":[{"what":"new Item","runs":3}])"));
    EXPECT_THAT(call("explain", R"({"what":"Item/a/x"})"), HasSubstr(R"("asked":"Item/a/x")"));
    EXPECT_THAT(call("explain", R"({"what":"10.0.0.3"})"), HasSubstr(R"("key":"10.0.0.3","role":"asked")"));
    EXPECT_THAT(call("explain", "{}"), HasSubstr("error: "));
    EXPECT_THAT(call("rows", R"({"table":"Nothing"})"), HasSubstr("error: there is no table"));
    const auto page = call("rows", R"({"table":"Item","limit":2})");
    EXPECT_THAT(page, HasSubstr(R"("all":3)"));
    EXPECT_THAT(page, HasSubstr(R"("next":"a/x")"));
    const auto rest = call("rows", R"({"table":"Item","limit":2,"after":"a/x"})");
    EXPECT_THAT(rest, HasSubstr(R"("key":"a/y")"));
    EXPECT_THAT(rest, HasSubstr(R"("next":"")"));
    server.stop();
    std::filesystem::remove_all(dir);
}

}  // namespace
}  // namespace weft::insight
