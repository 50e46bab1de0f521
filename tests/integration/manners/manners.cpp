#include "world.hpp"

#include <algorithm>
#include <set>
#include <stdexcept>

namespace weft::testing {

World& Manners::world() {
    static const auto world = [] {
        auto made = World::make();
        if (!made) throw std::runtime_error(made.error().text());
        return *std::move(made);
    }();
    return *world;
}

void Manners::SetUp() {
    if (const auto why = ControlPlane::missing()) GTEST_SKIP() << *why;
    WEFT_ASSERT_OK(world().clean());
    begin_ = world().audit().end();
    began_ = true;
}

void Manners::TearDown() {
    if (!began_) return;
    cluster = {};
    node = {};
    const auto all = world().audit().since(begin_);
    WEFT_ASSERT_OK(all);
    const auto ours = asked();
    expect_nothing_forbidden(ours);
    expect_only_needed_reads(ours);
    expect_changes(*all);
}

std::vector<Audited> Manners::asked(std::uintmax_t place) {
    auto log = world().audit().since(place);
    EXPECT_TRUE(log.ok()) << log.error().text();
    if (!log) return {};
    std::erase_if(*log, [](const Audited& a) { return a.user != cluster_user && a.user != node_user; });
    return *std::move(log);
}

Result<void> Manners::restart_server(bool rolling) {
    const auto now = [] {
        const auto since = std::chrono::system_clock::now().time_since_epoch();
        return std::chrono::duration_cast<std::chrono::microseconds>(since).count();
    };
    const auto begin = now();
    auto done = rolling ? world().plane().roll() : world().plane().restart();
    server_starts_.emplace_back(begin, now());
    return done;
}

Result<void> Manners::wait_asked(const std::string& what, const std::function<bool(const Audited&)>& matches,
                                 std::uintmax_t place) {
    return wait_for(what, [&]() -> Result<void> {
        const auto log = asked(std::max(place, begin_));
        if (std::ranges::any_of(log, matches)) return {};
        return waiting(std::to_string(log.size()) + " requests, none such");
    });
}

Result<void> Manners::wait_one_watch_each(std::uintmax_t place, bool of_cluster) {
    using Watch = std::pair<std::string, std::string>;
    std::map<Watch, std::size_t> wanted{{{node_user, "nodes"}, 1}, {{node_user, "pods"}, 1}};
    if (of_cluster) wanted[{cluster_user, "nodes"}] = 1;
    return wait_for("one watch for each resource", [&]() -> Result<void> {
        std::map<Watch, std::set<std::string>> open;
        for (const auto& a : asked(place)) {
            if (a.verb != "watch") continue;
            auto& ids = open[{a.user, a.resource}];
            a.complete() ? void(ids.erase(a.id)) : void(ids.insert(a.id));
        }
        std::map<Watch, std::size_t> counts;
        std::string list;
        for (const auto& [watch, ids] : open) {
            counts[watch] = ids.size();
            list += " " + watch.first + " " + watch.second + ": " + std::to_string(ids.size());
        }
        return counts == wanted ? Result<void>() : Result<void>(waiting("open are" + list));
    });
}

void Manners::expect_nothing_forbidden(const std::vector<Audited>& log) {
    for (const auto& a : log) {
        const bool starting = std::ranges::any_of(server_starts_, [&](const auto& span) {
            return span.first <= a.received_us && a.received_us <= span.second;
        });
        if (starting) continue;
        EXPECT_NE(a.code, 403) << a.text() << ": weftctl rbac prints no rule for it";
    }
}

/// Of what the default network needs, and of pods only those of the own node.
void Manners::expect_only_needed_reads(const std::vector<Audited>& log) {
    for (const auto& a : log) {
        if (a.verb != "list" && a.verb != "watch") continue;
        if (a.resource == "nodes") continue;
        const bool own =
            a.user == node_user && a.resource == "pods" && query_value(a.uri, "fieldSelector") == "spec.nodeName%3Dn1";
        EXPECT_TRUE(own) << a.text() << ": no enabled plugin needs it";
    }
}

/// A write that changed nothing is answered with the version that the object had before. Every change has a version
/// of its own.
void Manners::expect_changes(const std::vector<Audited>& all) {
    std::set<std::string> versions;
    for (const auto& a : all) {
        if (!a.complete() || !a.write() || !a.ok() || a.version.empty()) continue;
        const bool change = versions.insert(a.version).second;
        if (a.user != cluster_user && a.user != node_user) continue;
        EXPECT_TRUE(change) << a.text() << ": it changed nothing";
    }
}

void Manners::start_both() {
    auto first = world().start("cluster");
    WEFT_ASSERT_OK(first);
    cluster = *std::move(first);
    auto second = world().start("node");
    WEFT_ASSERT_OK(second);
    node = *std::move(second);
    WEFT_ASSERT_OK(wait_listed(cluster));
    WEFT_ASSERT_OK(wait_listed(node));
}

Result<void> Manners::wait_listed(const Weftd& weftd) {
    return weftd.wait_status("all lists", [&](JsonView s) {
        const bool leads = weftd.role != "cluster" || s["leader"]["self"].boolean().value_or(false);
        return leads && s["awaiting"].size() == 0 && NodeBed::is_up(s, "kubernetes");
    });
}

Result<void> Manners::wait_written(const Weftd& weftd) {
    return weftd.wait_status("nothing left to write", [](JsonView s) {
        bool idle = false;
        s["appliers"].each([&](JsonView a) {
            if (a["name"].string_or("") == "kube") idle = a["behind"].unsigned_integer().value_or(1) == 0;
        });
        return idle && s["awaiting"].size() == 0;
    });
}

Result<void> Manners::wait_problem(const Weftd& weftd, const std::string& object, bool there) {
    return weftd.wait_status((there ? "a problem with " : "no problem with ") + object, [&](JsonView s) {
        bool found = false;
        s["problems"].each(
            [&](JsonView p) { found |= p["object"].string_or("") == object && p["state"].string_or("") != "waiting"; });
        return found == there;
    });
}

}  // namespace weft::testing
