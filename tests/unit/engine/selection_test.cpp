#include "engine/engine.hpp"

#include <weft/engine/operator.hpp>
#include <weft/tables/kube.hpp>

#include <algorithm>
#include <random>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

/// The selection operator: whom it selects, held against an oracle, and how few it looks at.
namespace weft::engine {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

struct TestPods {
    using Target = tables::Pod;
    static constexpr std::string_view selection_name = "test-pods";
    static constexpr std::string_view member_table = "TestPodMember";
};
using Selector = SelectorOf<TestPods>;
using Member = MemberOf<TestPods>;

struct Want {
    static constexpr std::string_view table_name = "Want";
    Key<Want> key;
    std::string ns;
    std::string namespaces;
    std::string targets;
    static constexpr auto fields() {
        return std::tuple{field("key", &Want::key), field("ns", &Want::ns), field("namespaces", &Want::namespaces),
                          field("targets", &Want::targets)};
    }
};

struct SelectorOfWant {
    using Driver = Want;
    using Reads = Tables<>;
    using Writes = Tables<Selector>;
    static void derive(const Driver& want, const Reader<Reads>&, Desired<Writes>& out) {
        auto targets = LabelSelector::parse_text(want.targets);
        if (!targets) return out.fail(std::move(targets).error());
        out.put(Selector{.in_namespace = want.ns,
                         .namespaces = *LabelSelector::parse_text(want.namespaces),
                         .targets = *std::move(targets)});
    }
};

/// The members of each want, through the index.
struct Selected {
    static constexpr std::string_view table_name = "Selected";
    Key<Selected> key;
    std::vector<std::string> pods;
    static constexpr auto fields() { return std::tuple{field("key", &Selected::key), field("pods", &Selected::pods)}; }
};
struct SelectedOfSelector {
    using Driver = Selector;
    using Reads = Tables<MembersOf<TestPods>>;
    using Writes = Tables<Selected>;
    static void derive(const Driver& selector, const Reader<Reads>& in, Desired<Writes>& out) {
        Selected selected{Key<Selected>(selector.key.text), {}};
        for (const Member& member : in.bucket<MembersOf<TestPods>>(selector.key.text))
            selected.pods.push_back(member.target);
        out.put(std::move(selected));
    }
};

tables::Pod pod(const std::string& ns, const std::string& name, Labels labels) {
    tables::Pod made;
    made.key = Key<tables::Pod>{ns, name};
    made.ns = ns;
    made.name = name;
    std::sort(labels.begin(), labels.end());
    made.labels = std::move(labels);
    return made;
}

tables::Namespace space(const std::string& name, Labels labels = {}) {
    tables::Namespace made;
    made.key = Key<tables::Namespace>(name);
    std::sort(labels.begin(), labels.end());
    made.labels = std::move(labels);
    return made;
}

Want want(const std::string& key, const std::string& ns, const std::string& namespaces, const std::string& targets) {
    return {Key<Want>(key), ns, namespaces, targets};
}

class SelectionTest : public testing::Test {
  protected:
    void SetUp() override {
        ASSERT_TRUE(engine.add_input(table_spec<Want>()));
        ASSERT_TRUE(engine.add_input(table_spec<tables::Pod>()));
        ASSERT_TRUE(engine.add_input(table_spec<tables::Namespace>()));
        ModuleSpec module;
        module.name = "m";
        module.rules.push_back(rule_spec<SelectorOfWant>("selector", Role::node));
        module.rules.push_back(rule_spec<SelectedOfSelector>("selected", Role::node));
        module.operators.push_back({"test-pods", Role::node, selection_spec<TestPods>()});
        const auto added = engine.add(std::move(module));
        ASSERT_TRUE(added) << added.error().text();
        ChangeSet complete;
        complete.complete<Want>();
        complete.complete<tables::Pod>();
        complete.complete<tables::Namespace>();
        engine.post(std::move(complete));
        engine.tick();
    }
    void TearDown() override { EXPECT_THAT(engine.verify(), IsEmpty()); }

    template <class... T>
    TickReport put(T... rows) {
        ChangeSet changes;
        (changes.put<T>(std::move(rows)), ...);
        engine.post(std::move(changes));
        return engine.tick();
    }
    template <class T>
    TickReport erase(const std::string& key) {
        ChangeSet changes;
        changes.erase<T>(Key<T>(key));
        engine.post(std::move(changes));
        return engine.tick();
    }
    std::vector<std::string> pods_of(const std::string& selector) const {
        const auto row = engine.find<Selected>(Key<Selected>(selector));
        return !row ? std::vector<std::string>{"no selector"} : row->pods;
    }
    std::uint64_t evaluations() const {
        for (const RuleReport& report : engine.rule_reports()) {
            if (report.is_operator) return report.evaluations;
        }
        return 0;
    }

    Engine engine{EngineOptions{}};
};

TEST_F(SelectionTest, SelectsInANamespaceAndFollowsPodsAndSelectors) {
    put(want("w", "web", "", "app=x"), pod("web", "p1", {{"app", "x"}}), pod("web", "p2", {{"app", "y"}}),
        pod("db", "p3", {{"app", "x"}}));
    EXPECT_THAT(pods_of("web|app=x"), ElementsAre("web/p1"));
    put(pod("web", "p2", {{"app", "x"}}));
    EXPECT_THAT(pods_of("web|app=x"), ElementsAre("web/p1", "web/p2"));
    put(pod("web", "p1", {}));
    EXPECT_THAT(pods_of("web|app=x"), ElementsAre("web/p2"));
    erase<tables::Pod>("web/p2");
    EXPECT_THAT(pods_of("web|app=x"), IsEmpty());
    put(want("w", "db", "", ""));
    EXPECT_THAT(pods_of("db|"), ElementsAre("db/p3"));
    EXPECT_THAT(pods_of("web|app=x"), ElementsAre("no selector"));
    erase<Want>("w");
    EXPECT_EQ(engine.size("TestPodMember"), 0u);
}

TEST_F(SelectionTest, SelectsByNamespaceLabelsAndFollowsNamespaces) {
    put(want("w", "", "team=a", "app=x"), want("all", "", "", "app=x"), pod("n1", "p", {{"app", "x"}}),
        pod("n2", "p", {{"app", "x"}}), pod("ghost", "p", {{"app", "x"}}), space("n1", {{"team", "a"}}), space("n2"));
    EXPECT_THAT(pods_of("{team=a}|app=x"), ElementsAre("n1/p"));
    EXPECT_THAT(pods_of("{}|app=x"), ElementsAre("n1/p", "n2/p"));  // a namespace that is not there has no labels
    put(space("n2", {{"team", "a"}}));
    EXPECT_THAT(pods_of("{team=a}|app=x"), ElementsAre("n1/p", "n2/p"));
    put(space("n1", {{"team", "b"}}));
    EXPECT_THAT(pods_of("{team=a}|app=x"), ElementsAre("n2/p"));
    erase<tables::Namespace>("n2");
    EXPECT_THAT(pods_of("{team=a}|app=x"), IsEmpty());
    EXPECT_THAT(pods_of("{}|app=x"), ElementsAre("n1/p"));
    put(space("ghost", {{"team", "a"}}));
    EXPECT_THAT(pods_of("{team=a}|app=x"), ElementsAre("ghost/p"));
}

TEST_F(SelectionTest, EqualSelectorsAreOne) {
    put(want("w1", "web", "", "a=1,b=2"), want("w2", "web", "", "b in (2),a=1"),
        pod("web", "p", {{"a", "1"}, {"b", "2"}}));
    EXPECT_EQ(engine.size("test-pods"), 1u);
    EXPECT_EQ(engine.size("TestPodMember"), 1u);
    erase<Want>("w1");
    EXPECT_EQ(engine.size("TestPodMember"), 1u);
    erase<Want>("w2");
    EXPECT_EQ(engine.size("TestPodMember"), 0u);
}

TEST_F(SelectionTest, AnEventLooksOnlyAtWhatCanMatch) {
    ChangeSet changes;
    for (int i = 0; i < 300; ++i) {
        const std::string n = std::to_string(i);
        changes.put<Want>(want("by-app" + n, "web", "", "app=a" + n));
        changes.put<Want>(want("common" + n, "web", "", "env=prod,user=u" + n));  // one requirement is shared by all
        changes.put<Want>(want("other-ns" + n, "db" + n, "", ""));
        changes.put<Want>(want("team" + n, "", "team=t" + n, "app=a1"));
    }
    changes.put<Want>(want("rest", "web", "", "!absent"));
    changes.put<tables::Namespace>(space("web", {{"team", "t5"}}));
    engine.post(std::move(changes));
    engine.tick();
    std::uint64_t before = evaluations();
    put(pod("web", "p", {{"app", "a1"}, {"env", "prod"}, {"user", "u2"}}));
    // by-app1, common2, rest, and of the groups only the one of team=t5; the first of the `common` selectors was
    // indexed by env, before it was known to be common.
    EXPECT_LE(evaluations() - before, 5u);
    EXPECT_EQ(engine.size("TestPodMember"), 4u);
    before = evaluations();
    auto same = pod("web", "p", {{"app", "a1"}, {"env", "prod"}, {"user", "u2"}});
    same.ready = true;
    put(same);
    EXPECT_EQ(evaluations(), before) << "nothing that a selector can see has changed";
    before = evaluations();
    put(space("new", {{"team", "t9"}, {"x", "y"}}));
    EXPECT_EQ(evaluations() - before, 1u);
}

TEST_F(SelectionTest, ANewSelectorLooksOnlyAtPodsThatCanMatch) {
    ChangeSet changes;
    for (int i = 0; i < 300; ++i) {
        const std::string n = std::to_string(i);
        changes.put<tables::Pod>(pod("web", "p" + n, {{"app", "a" + std::to_string(i % 100)}, {"env", "prod"}}));
        changes.put<tables::Namespace>(space("n" + n, {{"team", "t" + n}}));
    }
    engine.post(std::move(changes));
    engine.tick();
    std::uint64_t before = evaluations();
    put(want("w", "web", "", "app in (a1,a2)"));
    EXPECT_EQ(evaluations() - before, 6u);
    before = evaluations();
    put(want("v", "", "team in (t1,t2)", ""));
    EXPECT_EQ(evaluations() - before, 2u);
}

TEST_F(SelectionTest, EqualsTheOracleThroughRandomEdits) {
    std::mt19937 random(20);
    const auto pick = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
    const auto some_labels = [&] {
        Labels labels;
        for (const char* name : {"a", "b", "c"}) {
            if (pick(3) > 0) labels.emplace_back(name, std::to_string(pick(3)));
        }
        return labels;
    };
    const auto some_selector = [&] {
        static const std::vector<std::string> parts = {
            "a=0", "a=1", "a in (0,2)", "b=1", "b!=1", "b notin (0,1)", "c", "!c", "a", "c=2", "b in (0,1,2)"};
        std::string text;
        for (int i = pick(4); i > 0; --i)
            text += (text.empty() ? "" : ",") + parts[static_cast<std::size_t>(pick(static_cast<int>(parts.size())))];
        return text;
    };
    std::map<std::string, tables::Pod> pods;
    std::map<std::string, tables::Namespace> spaces;
    std::map<std::string, Want> wants;
    for (int step = 0; step < 1500; ++step) {
        ChangeSet changes;
        for (int edits = 1 + pick(4); edits > 0; --edits) {
            const std::string ns = "n" + std::to_string(pick(4));
            const int what = pick(9);
            if (what < 4) {
                auto made = pod(ns, "p" + std::to_string(pick(8)), some_labels());
                made.ready = pick(2) == 0;
                if (pick(4) == 0) {
                    pods.erase(made.key.text);
                    changes.erase<tables::Pod>(made.key);
                } else {
                    pods.insert_or_assign(made.key.text, made);
                    changes.put<tables::Pod>(made);
                }
            } else if (what < 6) {
                if (pick(3) == 0) {
                    spaces.erase(ns);
                    changes.erase<tables::Namespace>(Key<tables::Namespace>(ns));
                } else {
                    spaces.insert_or_assign(ns, space(ns, some_labels()));
                    changes.put<tables::Namespace>(spaces.at(ns));
                }
            } else {
                const std::string key = "w" + std::to_string(pick(10));
                if (pick(4) == 0) {
                    wants.erase(key);
                    changes.erase<Want>(Key<Want>(key));
                } else {
                    wants.insert_or_assign(key, want(key, pick(2) ? ns : "", some_selector(), some_selector()));
                    changes.put<Want>(wants.at(key));
                }
            }
        }
        engine.post(std::move(changes));
        engine.tick();
        std::set<std::string> expected, found;
        for (const auto& [key, w] : wants) {
            Selector selector{.in_namespace = w.ns,
                              .namespaces = *LabelSelector::parse_text(w.namespaces),
                              .targets = *LabelSelector::parse_text(w.targets)};
            selector.settle_key();
            for (const auto& [name, p] : pods) {
                const auto in = spaces.find(p.ns);
                const bool here =
                    w.ns.empty() ? in != spaces.end() && matches(selector.namespaces, in->second.labels) : w.ns == p.ns;
                if (here && matches(selector.targets, p.labels)) expected.insert(selector.key.text + "#" + name);
            }
        }
        for (const RowPtr& row : engine.rows("TestPodMember"))
            found.emplace(row.key());
        ASSERT_EQ(found, expected) << "step " << step;
        if (step % 50 == 0) {
            ASSERT_THAT(engine.verify(), IsEmpty());
        }
    }
}

}  // namespace
}  // namespace weft::engine
