// Pods that come and go, and pods with wishes or mistakes.
#include "fixture.hpp"

namespace weft::testing {
namespace {

class Pods : public ::testing::Test {
  protected:
    static void SetUpTestSuite() {
        auto started = WeftCluster::start({.nodes = {"n1"}});
        ASSERT_TRUE(started.ok()) << started.error().text();
        weft = started->release();
    }
    static void TearDownTestSuite() {
        delete weft;
        weft = nullptr;
    }
    void SetUp() override { ASSERT_NE(weft, nullptr); }

    static Result<void> remove(const std::string& name) {
        if (auto removed = weft->cluster().api().remove("/api/v1/namespaces/web/pods/" + name); !removed) {
            return removed.error();
        }
        return weft->cluster().wait_pod_gone("web", name);
    }
    /// Waits until an Event on the pod says `text`.
    static Result<void> wait_event(const std::string& pod, const std::string& text) {
        return wait_for("an Event on " + pod + " that says " + text, [&]() -> Result<void> {
            auto events = weft->cluster().api().get("/api/v1/namespaces/web/events");
            if (!events) return events.error();
            bool found = false;
            std::string all;
            events->root()["items"].each([&](JsonView event) {
                const std::string message(event["message"].string_or(""));
                all += message + "\n";
                found |=
                    event["involvedObject"]["name"].string_or("") == pod && message.find(text) != std::string::npos;
            });
            return found ? Result<void>() : Result<void>(waiting("the Events are:\n" + all));
        });
    }

    static WeftCluster* weft;
};

WeftCluster* Pods::weft = nullptr;

TEST_F(Pods, ComeBackUnderTheSameNameAtOnce) {
    WEFT_ASSERT_OK(weft->pod("web", "again", "n1"));
    const auto first = weft->find("n1", "Logical_Switch_Port", "options", "name=web_again");
    WEFT_ASSERT_OK(first);
    WEFT_ASSERT_OK(remove("again"));
    const auto second = weft->pod("web", "again", "n1");
    WEFT_ASSERT_OK(second);
    const auto other = weft->pod("web", "other", "n1");
    WEFT_ASSERT_OK(other);
    expect_reach(*other, *second);
    const auto now = weft->find("n1", "Logical_Switch_Port", "options", "name=web_again");
    WEFT_ASSERT_OK(now);
    EXPECT_NE(*now, *first) << "iface-id-ver must be the new pod's";
    WEFT_ASSERT_OK(remove("again"));
    WEFT_ASSERT_OK(wait_for("the port to be gone", [&]() -> Result<void> {
        const auto found = weft->find("n1", "Logical_Switch_Port", "name", "name=web_again");
        if (!found) return found.error();
        return found->empty() ? Result<void>() : Result<void>(waiting("it is still there"));
    }));
}

TEST_F(Pods, GetTheMacTheyAskFor) {
    const auto pod = weft->pod(
        "web", "mac", "n1", R"("v1.multus-cni.io/default-network": '[{"name":"default","mac":"02:00:00:00:00:77"}]')");
    WEFT_ASSERT_OK(pod);
    const auto addresses = weft->find("n1", "Logical_Switch_Port", "addresses", "name=web_mac");
    WEFT_ASSERT_OK(addresses);
    EXPECT_TRUE(addresses->starts_with("02:00:00:00:00:77 ")) << *addresses;
    const auto other = weft->pod("web", "mac-peer", "n1");
    WEFT_ASSERT_OK(other);
    expect_reach(*other, *pod);
}

TEST_F(Pods, WithMistakesGetAnEventAndHoldUpNobody) {
    const std::string bad =
        "{apiVersion: v1, kind: Pod, metadata: {name: bad, namespace: web, annotations: "
        "{k8s.ovn.org/pod-networks: 'no JSON'}}, spec: {nodeName: n1, containers: [{name: c, image: i}]}}";
    WEFT_ASSERT_OK(weft->pod("web", "before", "n1"));
    WEFT_ASSERT_OK(weft->cluster().apply_text(bad));
    WEFT_ASSERT_OK(wait_event("bad", "k8s.ovn.org/pod-networks"));
    WEFT_ASSERT_OK(weft->pod("web", "after", "n1"));
}

TEST_F(Pods, ThatAreCompletedGiveTheirAddressBack) {
    const auto pod = weft->pod("web", "done", "n1");
    WEFT_ASSERT_OK(pod);
    WEFT_ASSERT_OK(weft->cluster().api().send("PATCH", "/api/v1/namespaces/web/pods/done/status",
                                              R"({"status":{"phase":"Succeeded"}})", "application/merge-patch+json"));
    WEFT_ASSERT_OK(wait_for("the port to be gone", [&]() -> Result<void> {
        const auto found = weft->find("n1", "Logical_Switch_Port", "name", "name=web_done");
        if (!found) return found.error();
        return found->empty() ? Result<void>() : Result<void>(waiting("it is still there"));
    }));
}

}  // namespace
}  // namespace weft::testing
