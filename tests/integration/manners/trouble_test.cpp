// An API server that has no time, goes away, or has forgotten where we were.
#include "idler.hpp"
#include "world.hpp"

#include <algorithm>

namespace weft::testing {
namespace {

/// A priority level of weft's accounts (and of one more) without a seat. Whoever is alone in it is served all the same;
/// everybody else is told 429 and "Retry-After: 1".
std::string overload() {
    std::string subjects;
    for (const std::string name : {"ovnkube-cluster-manager", "ovnkube-node", "default"}) {
        subjects += (subjects.empty() ? "" : ", ") +
                    ("{kind: ServiceAccount, serviceAccount: {namespace: ovn-kubernetes, name: " + name + "}}");
    }
    return R"yaml(
apiVersion: flowcontrol.apiserver.k8s.io/v1
kind: PriorityLevelConfiguration
metadata: {name: overload}
spec:
  type: Limited
  limited: {nominalConcurrencyShares: 0, lendablePercent: 0, borrowingLimitPercent: 0, limitResponse: {type: Reject}}
---
apiVersion: flowcontrol.apiserver.k8s.io/v1
kind: FlowSchema
metadata: {name: overload}
spec:
  priorityLevelConfiguration: {name: overload}
  matchingPrecedence: 2
  rules:
  - subjects: [)yaml" +
           subjects +
           R"yaml(]
    resourceRules: [{apiGroups: ["*"], resources: ["*"], verbs: ["*"], namespaces: ["*"], clusterScope: true}]
)yaml";
}

/// As the server keeps it.
ControlPlane::Stored stored_pod(const std::string& name, const std::string& uid) {
    return {"/registry/pods/default/" + name,
            R"({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": ")" + name +
                R"(", "namespace": "default", "uid": ")" + uid +
                R"(", "creationTimestamp": "2026-01-01T00:00:00Z"}, "spec": {"nodeName": "n1", )"
                R"("containers": [{"name": "c", "image": "i"}]}, "status": {"phase": "Pending"}})"};
}

class Trouble : public Manners {
  protected:
    void SetUp() override {
        Manners::SetUp();
        if (IsSkipped()) return;
        WEFT_ASSERT_OK(world().add_node("n1", 2));
        start_both();
        WEFT_ASSERT_OK(world().add_pod("a"));
        WEFT_ASSERT_OK(world().wait_annotated("a"));
        WEFT_ASSERT_OK(world().wait_ports({"a"}));
    }
    ApiEndpoint as(const std::string& account) {
        auto endpoint = world().plane().endpoint();
        const auto token = world().new_token(account);
        EXPECT_TRUE(token.ok());
        endpoint.token = token ? *token : "";
        return endpoint;
    }
    static bool is_refused(const ApiEndpoint& endpoint) {
        const auto reply = KubeClient(endpoint).send("GET", "/api/v1/nodes/n1");
        return reply.ok() && reply->status == 429;
    }
    /// From now on weft's users are told 429, until the idlers and the level are gone.
    void overload_server() {
        auto account =
            api().create("/api/v1/namespaces/ovn-kubernetes/serviceaccounts", R"({"metadata": {"name": "default"}})");
        WEFT_ASSERT_OK(account);
        WEFT_ASSERT_OK(world().apply(overload()));
        const auto idle = as("default");
        const auto user = as("ovnkube-node");
        ASSERT_TRUE(wait_until([&] {
            // Before the level counts, and when another is being served, this does not take the seat.
            auto idler =
                Idler::start(world().bed().network(), idle, "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews");
            if (!idler) return false;
            idlers_.push_back(*std::move(idler));
            for (int i = 0; i < 5; ++i) {
                if (!is_refused(user)) return false;
            }
            return true;
        }));
    }
    void relieve_server() {
        idlers_.clear();
        WEFT_ASSERT_OK(world().kubectl({"delete", "flowschema,prioritylevelconfiguration", "overload"}));
        WEFT_ASSERT_OK(world().kubectl({"delete", "--namespace=ovn-kubernetes", "serviceaccount", "default"}));
    }

  private:
    std::vector<Idler> idlers_;
};

TEST_F(Trouble, RetryAfterIsHonoured) {
    overload_server();
    const auto place = world().audit().end();
    WEFT_ASSERT_OK(world().add_pod("b"));
    WEFT_ASSERT_OK(world().add_pod("c"));
    // The watches go on: its rows are there though nothing can be written.
    WEFT_ASSERT_OK(world().wait_ports({"a", "b", "c"}));
    WEFT_ASSERT_OK(node.wait_status("the trouble", [](JsonView s) {
        bool told = false;
        s["appliers"].each([&](JsonView a) {
            told |= a["name"].string_or("") == "kube" && a["detail"].string_or("").find("429") != std::string::npos;
        });
        return told;
    }));
    // One that starts meanwhile asks for its lists no faster.
    WEFT_ASSERT_OK(node.process.restart());
    const auto refused = [&](const std::string& user, const std::string& verb, const std::string& resource) {
        return [=](const Audited& a) {
            return a.user == user && a.verb == verb && a.resource == resource && a.code == 429;
        };
    };
    WEFT_ASSERT_OK(wait_asked("a refused list", refused(node_user, "list", "pods"), place));
    // One that was refused before now begins again with reading the Lease.
    const auto renewal = [](const Audited& a) {
        return a.user == cluster_user && a.resource == "leases" && a.code == 429;
    };
    WEFT_ASSERT_OK(wait_asked("a refused renewal", renewal, place));
    WEFT_ASSERT_OK(wait_for("lists that were refused twice", [&]() -> Result<void> {
        const auto log = asked(place);
        const auto count = std::ranges::count_if(log, refused(node_user, "list", "nodes"));
        return count >= 2 ? Result<void>() : Result<void>(waiting(std::to_string(count)));
    }));
    relieve_server();
    for (const std::string pod : {"b", "c"})
        WEFT_ASSERT_OK(world().wait_annotated(pod));

    // When a request had come, the next of its like may come a second later and not before: nothing here can be late.
    std::map<std::string, std::int64_t> not_before;
    std::size_t checked = 0;
    for (const auto& a : asked(place)) {
        if (!a.complete()) continue;
        // The Lease is written after it was read, and all of it is one thing that is tried again.
        const std::string like = a.user + " " + (a.resource == "leases" ? "lease" : a.verb + a.resource + a.name);
        if (const auto at = not_before.find(like); at != not_before.end()) {
            EXPECT_GE(a.received_us, at->second) << a.text();
            ++checked;
            not_before.erase(at);
        }
        if (a.code == 429) not_before[like] = a.received_us + 1'000'000;
    }
    EXPECT_GE(checked, 3U);
}

TEST_F(Trouble, TheApiServerIsKilledAndComesBack) {
    const auto place = world().audit().end();
    WEFT_ASSERT_OK(restart_server());
    WEFT_ASSERT_OK(world().add_pod("b"));
    WEFT_ASSERT_OK(world().remove_pod("a"));
    WEFT_ASSERT_OK(world().wait_annotated("b"));
    WEFT_ASSERT_OK(world().wait_ports({"b"}));
    WEFT_ASSERT_OK(world().add_node("n2", 3));
    WEFT_ASSERT_OK(wait_asked(
        "role cluster's write", [](const Audited& a) { return a.write() && a.name == "n2" && a.ok(); }, place));
    WEFT_ASSERT_OK(wait_listed(node));
    WEFT_ASSERT_OK(wait_one_watch_each(place));
}

/// One server gives way to another, and again, while pods come. A new server remembers no change from before its time,
/// so that each may cost one list of what has not changed for long.
TEST_F(Trouble, ARollingRestartOfApiServersLosesNothing) {
    constexpr int rolls = 2;
    const auto place = world().audit().end();
    std::vector<std::string> pods{"a"};
    for (int n = 0; n < rolls; ++n) {
        const auto pod = "rolled" + std::to_string(n);
        WEFT_ASSERT_OK(restart_server(true));
        WEFT_ASSERT_OK(world().add_pod(pod));
        pods.push_back(pod);
        WEFT_ASSERT_OK(world().wait_annotated(pod));
        WEFT_ASSERT_OK(world().wait_ports(pods));
    }
    WEFT_ASSERT_OK(wait_one_watch_each(place));
    std::map<std::string, int> lists;
    for (const auto& a : asked(place)) {
        if (a.verb != "list" || !a.ok()) continue;
        EXPECT_LE(++lists[a.user + " " + a.resource], rolls) << a.text();
    }
}

TEST_F(Trouble, HistoryIsForgottenUnderAWatcherThatStoodStill) {
    WEFT_ASSERT_OK(world().add_pod("b"));
    WEFT_ASSERT_OK(world().wait_ports({"a", "b"}));
    node.process.pause();
    // Past the server, or the events would wait for it in its socket's buffer.
    world().plane().api_server().kill();
    WEFT_ASSERT_OK(world().plane().remove_stored("/registry/pods/default/"));
    const std::string uid = "00000000-0000-4000-8000-000000000001";
    WEFT_ASSERT_OK(world().plane().store({stored_pod("b", uid)}));  // another one of that name
    WEFT_ASSERT_OK(world().plane().store({stored_pod("c", "00000000-0000-4000-8000-000000000002")}));
    WEFT_ASSERT_OK(world().plane().compact());
    WEFT_ASSERT_OK(restart_server());
    const auto place = world().audit().end();
    WEFT_ASSERT_OK(world().add_pod("d"));
    node.process.resume();
    for (const std::string pod : {"b", "c", "d"})
        WEFT_ASSERT_OK(world().wait_annotated(pod));
    WEFT_ASSERT_OK(world().wait_ports({"b", "c", "d"}));
    WEFT_ASSERT_OK(wait_asked(
        "a new list", [](const Audited& a) { return a.user == node_user && a.verb == "list" && a.resource == "pods"; },
        place));
    const auto of_b = run_ok({"ovn-nbctl", "--db=unix:" + (world().bed().dir() / "ovnnb_db.sock").string(), "get",
                              "Logical_Switch_Port", "default_b", "options:iface-id-ver"});
    WEFT_ASSERT_OK(of_b);
    EXPECT_EQ(*of_b, "\"" + uid + "\"\n") << "the port is the old pod's";
}

}  // namespace
}  // namespace weft::testing
