// What `weftctl rbac` prints is what weft needs: no less, and no more.
#include "effort.hpp"
#include "faketime.hpp"
#include "services/rbac.hpp"
#include "world.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <set>

namespace weft::testing {
namespace {

constexpr auto* bad_subnets = R"({"metadata": {"annotations": {"k8s.ovn.org/node-subnets": "nonsense"}}})";
constexpr auto* no_subnets = R"({"metadata": {"annotations": {"k8s.ovn.org/node-subnets": null}}})";

/// Refuses weft's writes of these objects with 422, as any admission plugin may.
constexpr auto* refusal = R"yaml(
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: refusal}
spec:
  failurePolicy: Fail
  matchConstraints:
    resourceRules:
    - {apiGroups: [""], apiVersions: ["v1"], operations: [UPDATE], resources: [pods/status, nodes/status]}
  validations:
  - expression: "!(object.metadata.name in ['refused', 'n1']) || !request.userInfo.username.startsWith('system:serviceaccount:')"
  - expression: "object.metadata.name != 'probe'"
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: refusal}
spec: {policyName: refusal, validationActions: [Deny]}
)yaml";

#if defined(WEFT_UNDER_ASAN) || defined(WEFT_UNDER_TSAN)
constexpr bool can_set_clock = false;  // libfaketime and sanitizers both want to come first
#else
constexpr bool can_set_clock = true;
#endif

class Rights : public Manners {
  protected:
    void SetUp() override {
        Manners::SetUp();
        if (IsSkipped()) return;
        set_clock("+0");
    }
    std::filesystem::path clock() { return world().bed().dir() / "clock"; }
    void set_clock(const std::string& offset) {
        write_file(clock().string() + ".new", offset + "\n");
        std::filesystem::rename(clock().string() + ".new", clock());
    }
    void start(Weftd& weftd, const std::string& role) {
        Environment environment;
        if (can_set_clock) {
            environment = {{"LD_PRELOAD", faketime().string()},
                           {"FAKETIME_TIMESTAMP_FILE", clock().string()},
                           {"FAKETIME_NO_CACHE", "1"}};
        }
        auto started = world().start(role, environment);
        WEFT_ASSERT_OK(started);
        weftd = *std::move(started);
    }
    Result<void> wait_refused(bool refused) {
        return wait_for(refused ? "the policy" : "no policy", [&]() -> Result<void> {
            auto reply = api().send("PATCH", "/api/v1/nodes/probe/status?dryRun=All",
                                    R"({"metadata": {"annotations": {"probe": "x"}}})", "application/merge-patch+json");
            if (!reply) return reply.error();
            return (reply->status == 422) == refused ? Result<void>() : Result<void>(waiting(reply->body));
        });
    }
    /// Of this verb and resource by this user, and allowed.
    bool used(const std::vector<Audited>& log, const std::string& user, const services::Right& right,
              const std::string& verb) {
        return std::ranges::any_of(log, [&](const Audited& a) {
            return a.user == user && a.verb == verb && a.group == right.group && a.resource == right.resource &&
                   (right.ns.empty() || right.ns == a.ns) && a.code != 403;
        });
    }
};

TEST_F(Rights, NoneIsMissingAndNoneIsTooMuch) {
    // Refused writes are looked at: get.
    WEFT_ASSERT_OK(world().add_node("probe", 9));
    WEFT_ASSERT_OK(world().apply(refusal));
    WEFT_ASSERT_OK(wait_refused(true));
    WEFT_ASSERT_OK(world().add_node("n1", 2));
    WEFT_ASSERT_OK(world().add_node("n2", 3));
    start(cluster, "cluster");
    start(node, "node");
    for (const char* user : {cluster_user, node_user}) {
        WEFT_ASSERT_OK(wait_asked("look at n1 by " + std::string(user), [&](const Audited& a) {
            return a.user == user && a.verb == "get" && a.resource == "nodes" && a.name == "n1";
        }));
    }
    WEFT_ASSERT_OK(world().add_pod("other"));
    WEFT_ASSERT_OK(world().kubectl({"delete", "validatingadmissionpolicybinding", "refusal"}));
    WEFT_ASSERT_OK(wait_refused(false));
    WEFT_ASSERT_OK(world().wait_annotated("other"));
    WEFT_ASSERT_OK(world().apply(refusal));
    WEFT_ASSERT_OK(wait_refused(true));
    WEFT_ASSERT_OK(world().add_pod("refused"));
    WEFT_ASSERT_OK(wait_asked("look at the pod", [&](const Audited& a) {
        return a.user == node_user && a.verb == "get" && a.resource == "pods" && a.name == "refused";
    }));
    WEFT_ASSERT_OK(
        world().kubectl({"delete", "validatingadmissionpolicybinding,validatingadmissionpolicy", "refusal"}));

    // The same trouble twice is one Event, whose count is raised when five minutes are over.
    for (const auto* patch : {bad_subnets, no_subnets, bad_subnets}) {
        WEFT_ASSERT_OK(api().merge_patch("/api/v1/nodes/n2", patch));
        WEFT_ASSERT_OK(wait_problem(cluster, "Node n2", patch == bad_subnets));
        WEFT_ASSERT_OK(wait_problem(node, "Node n2", patch == bad_subnets));
    }
    for (const char* user : {cluster_user, node_user}) {
        WEFT_ASSERT_OK(wait_asked("an Event of " + std::string(user), [&](const Audited& a) {
            return a.user == user && a.verb == "create" && a.resource == "events" && a.ok();
        }));
    }
    if (can_set_clock) {
        set_clock("+6m");
        WEFT_ASSERT_OK(world().add_node("n3", 4));  // wakes them: they would look at the clock within half a minute
        for (const char* user : {cluster_user, node_user}) {
            WEFT_ASSERT_OK(wait_asked("a raised Event of " + std::string(user), [&](const Audited& a) {
                return a.user == user && a.verb == "patch" && a.resource == "events" && a.ok();
            }));
        }
    }

    const auto printed = world().bed().weftctl(cluster, {"-o", "json", "rbac"});
    WEFT_ASSERT_OK(printed);
    const auto document = JsonDocument::parse(printed->out);
    WEFT_ASSERT_OK(document);
    const auto rights = services::rights_from_json(document->root());
    WEFT_ASSERT_OK(rights);
    ASSERT_FALSE(rights->empty());
    const auto log = asked();
    for (const auto& right : *rights) {
        for (const auto& verb : right.verbs) {
            if (!can_set_clock && right.resource == "events" && verb == "patch") continue;
            for (const auto& [role, user] :
                 {std::pair(Role::cluster, cluster_user), std::pair(Role::node, node_user)}) {
                if (!runs_in(right.role, role)) continue;
                EXPECT_TRUE(used(log, user, right, verb))
                    << "nobody uses " << verb << " " << right.group << "/" << right.resource << " of " << user;
            }
        }
    }
}

/// weftctl prints rules of the enabled plugins, so each plugin has to be enabled in a test that asks for their use.
TEST(RightsOfPlugins, AreAskedForSomewhere) {
    const std::set<std::string> tested{"default-network",  // above
                                       "node-identity"};   // integration/identity
    for (const auto& file : std::filesystem::directory_iterator(std::getenv("WEFT_PLUGINS"))) {
        if (file.path().extension() != ".so") continue;
        EXPECT_TRUE(tested.contains(file.path().stem()))
            << "no test finds out whether the rules of " << file.path().stem()
            << " are used: enable it in one that does";
    }
}

}  // namespace
}  // namespace weft::testing
