// Many pods, of which few are ours.
#include "world.hpp"

#include <cstdlib>

namespace weft::testing {
namespace {

/// In its full length 60,000; WEFT_MANY_PODS says how many.
std::size_t many_pods() {
    const char* given = std::getenv("WEFT_MANY_PODS");
    return given ? std::stoul(given) : 5000;
}

constexpr std::size_t host_pods = 1100;  // of n1, on its own network: they need neither a port nor an address
constexpr std::size_t page = 500;

/// As the server keeps it.
ControlPlane::Stored stored_pod(std::size_t number) {
    const auto name = "many-" + std::to_string(number);
    const bool ours = number < host_pods;
    char uid[40];
    std::snprintf(uid, sizeof(uid), "00000000-0000-4000-8000-%012zu", number);
    return {"/registry/pods/default/" + name,
            R"({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": ")" + name +
                R"(", "namespace": "default", "uid": ")" + uid +
                R"(", "creationTimestamp": "2026-01-01T00:00:00Z"}, "spec": {"nodeName": ")" +
                (ours ? "n1" : "other-" + std::to_string(number % 100)) + R"(", "hostNetwork": )" +
                (ours ? "true" : "false") +
                R"(, "containers": [{"name": "c", "image": "i"}]}, "status": {"phase": "Running"}})"};
}

class Many : public Manners {
  protected:
    void TearDown() override {
        if (!IsSkipped()) WEFT_EXPECT_OK(world().plane().remove_stored("/registry/pods/default/many-"));
        Manners::TearDown();
    }
};

TEST_F(Many, RoleNodeListsItsOwnPodsInPages) {
    WEFT_ASSERT_OK(world().add_node("n1", 2));
    std::vector<ControlPlane::Stored> pods;
    for (std::size_t i = 0; i < many_pods(); ++i)
        pods.push_back(stored_pod(i));
    ASSERT_GT(pods.size(), host_pods);
    WEFT_ASSERT_OK(world().plane().store(pods));
    for (const std::string pod : {"a", "b"})
        WEFT_ASSERT_OK(world().add_pod(pod));
    start_both();
    for (const std::string pod : {"a", "b"})
        WEFT_ASSERT_OK(world().wait_annotated(pod));
    WEFT_ASSERT_OK(world().wait_ports({"a", "b"}));
    WEFT_ASSERT_OK(node.wait_status(
        "just its own pods", [](JsonView s) { return s["counts"]["pods"].unsigned_integer() == host_pods + 2; }));

    std::vector<Audited> pages;
    for (const auto& a : asked()) {
        if (a.complete() && a.verb == "list" && a.resource == "pods") pages.push_back(a);
    }
    std::string all;
    for (const auto& a : pages)
        all += a.text() + "\n";
    std::erase_if(pages, [](const Audited& a) { return a.code != 200; });  // a server with so many may ask for patience
    EXPECT_EQ(pages.size(), (host_pods + 2 + page - 1) / page) << all;
    for (std::size_t i = 0; i < pages.size(); ++i) {
        EXPECT_EQ(query_value(pages[i].uri, "limit"), std::to_string(page)) << pages[i].text();
        EXPECT_EQ(query_value(pages[i].uri, "continue").empty(), i == 0) << pages[i].text();
    }
}

}  // namespace
}  // namespace weft::testing
