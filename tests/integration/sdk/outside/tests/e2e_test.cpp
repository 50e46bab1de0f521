#include <weft/testing/testbed/plugin_cluster.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include <gtest/gtest.h>
#include <unistd.h>

namespace {

using namespace weft::testing;  // NOLINT

constexpr const char* groups = "/apis/pod-groups.example.org/v1/namespaces/web/podgroups/";

std::string group(const std::string& spec) {
    return "{apiVersion: pod-groups.example.org/v1, kind: PodGroup, metadata: {name: g, namespace: web}, spec: {" +
           spec + "}}";
}

void write(const std::filesystem::path& path, const std::string& text) {
    std::ofstream(path) << text;
}

TEST(PodGroups, UseAllThatAPluginHas) {
    if (const auto why = PluginCluster::why_not(); !why.empty()) GTEST_SKIP() << why;
    const char* quiet = std::getenv("QUIET_PLUGIN_FILE");
    ASSERT_NE(quiet, nullptr);
    const std::filesystem::path names =
        std::filesystem::temp_directory_path() / ("names-" + std::to_string(::getpid()));
    write(names, "192.0.2.7 db\n");
    auto started = PluginCluster::start({.nodes = {"n1"},
                                         .plugins = "default-network,pod-groups-quiet",
                                         .extra_config = "[plugin.pod-groups]\nnames-file = " + names.string() + "\n",
                                         .more_plugins = {quiet}});
    WEFT_ASSERT_OK(started);
    auto& weft = **started;
    WEFT_ASSERT_OK(weft.pod("web", "a"));
    WEFT_ASSERT_OK(weft.pod("web", "b"));

    // CRD, own tables, selection, contribution, adapter.
    WEFT_ASSERT_OK(weft.cluster().apply_text(group("podSelector: {}, peer: db")));
    WEFT_ASSERT_OK(weft.wait_rows("n1", "Port_Group", "external_ids:peer=192.0.2.7", "name", "pg_web_g"));
    const auto members = [&](const std::string& count) {
        return wait_for(count + " members", [&]() -> weft::Result<void> {
            auto found =
                weft.cluster().node("n1").ovn->nbctl({"--bare", "--columns=ports", "list", "Port_Group", "pg_web_g"});
            if (!found) return found.error();
            std::istringstream words(*found);
            const auto number = std::distance(std::istream_iterator<std::string>(words), {});
            return std::to_string(number) == count ? weft::Result<void>() : weft::Result<void>(weft::waiting(*found));
        });
    };
    WEFT_ASSERT_OK(members("2"));
    // Status and metrics.
    WEFT_ASSERT_OK(weft.wait_object(std::string(groups) + "g", R"("status":{"nodes":{"n1":{"pods":2}}})"));
    const auto metrics = weft.metrics("n1");
    WEFT_ASSERT_OK(metrics);
    EXPECT_NE(metrics->find(R"(pod_groups_pods{namespace="web",group="g"} 2)"), std::string::npos) << *metrics;

    // The other plugin's word, by the extension point and an annotation under a prefix of its own.
    WEFT_ASSERT_OK(weft.cluster().api().merge_patch(
        "/api/v1/namespaces/web/pods/b", R"({"metadata":{"annotations":{"pod-groups.example.org/quiet":"yes"}}})"));
    WEFT_ASSERT_OK(members("1"));

    // A reload: another file, in which the name is missing. The object is told by an Event and its group stays.
    const auto other = names.string() + "-other";
    write(other, "192.0.2.8 web\n");
    WEFT_ASSERT_OK(weft.reconfigure("n1", "names-file = " + names.string(), "names-file = " + other));
    WEFT_ASSERT_OK(weft.wait_event("web", "PodGroup", "g", "\"db\" is not in " + other));
    WEFT_ASSERT_OK(members("1"));

    // A selector that can't be read: an Event with the field.
    WEFT_ASSERT_OK(weft.cluster().apply_text(group("podSelector: {matchExpressions: [{key: a, operator: Likes}]}")));
    WEFT_ASSERT_OK(weft.wait_event("web", "PodGroup", "g", "spec.podSelector"));

    // The object goes, and with it all that was made of it.
    WEFT_ASSERT_OK(weft.cluster().api().remove(std::string(groups) + "g"));
    WEFT_ASSERT_OK(weft.wait_rows("n1", "Port_Group", "name=pg_web_g", "name", ""));
    WEFT_EXPECT_OK(weft.rights_suffice());
    std::filesystem::remove(names);
    std::filesystem::remove(other);
}

}  // namespace
