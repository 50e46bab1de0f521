// Kubernetes' own tests (e2e.test), against weft: two nodes with real kubelets. network.txt and node.txt say which.
#include "e2e_program.hpp"
#include "specs.hpp"
#include "tools_image.hpp"

#include <weft/testing/testbed/assert.hpp>
#include <weft/testing/testbed/cluster.hpp>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <iostream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weft::testing {

/// What a spec is called in gtest's output.
void PrintTo(const Spec& spec, std::ostream* out) {
    *out << spec.text;
}

namespace {

constexpr std::size_t side_by_side = 6;
constexpr std::size_t side_by_side_of_all = 10;

bool all_specs() {
    return std::getenv("WEFT_ALL_SPECS") != nullptr;
}

std::vector<Spec> listed(const char* file) {
    auto specs = read_specs(std::filesystem::path(WEFT_SOURCE_DIR "/tests/e2e/conformance") / file);
    if (!specs) throw std::runtime_error(specs.error().text());
    return *std::move(specs);
}

std::vector<Spec> listed() {
    auto specs = listed("network.txt");
    std::ranges::copy(listed("node.txt"), std::back_inserter(specs));
    return specs;
}

std::vector<Spec> running() {
    auto specs = listed();
    std::erase_if(specs, [](const Spec& spec) { return !spec.runs(all_specs()); });
    return specs;
}

std::optional<std::string> why_skipped() {
    if (auto why = ControlPlane::missing({.controllers = true, .scheduler = true})) return why;
    if (auto why = Kubelet::missing()) return why;
    const auto program = std::filesystem::path(std::getenv("WEFT_KUBERNETES")) / "e2e.test";
    if (std::filesystem::exists(program)) return std::nullopt;
    const auto why = "there is no " + program.string() + " (tests/kubernetes/build e2e.test)";
    if (std::getenv("WEFT_NEED_KUBERNETES") != nullptr) throw std::runtime_error(why);
    return why;
}

E2eProgram program() {
    return E2eProgram(std::filesystem::path(std::getenv("WEFT_KUBERNETES")) / "e2e.test");
}

/// The images that the specs want: one with agnhost as what it runs, one with a shell's tools; the names are
/// e2e.test's.
Result<std::vector<ImageSpec>> images() {
    const auto names = program().images();
    if (!names) return names.error();
    std::vector<std::string> agnhosts, tools;
    for (const auto& name : *names) {
        const auto is = [&](std::string_view what) { return name.find("/" + std::string(what) + ":") != name.npos; };
        if (is("agnhost") || is("pause")) agnhosts.push_back(name);
        if (is("busybox") || is("glibc-dns-testing")) tools.push_back(name);
    }
    const auto agnhost = std::filesystem::path(std::getenv("WEFT_KUBERNETES")) / "agnhost";
    auto with_agnhost = tools_image(agnhost, agnhosts);
    if (!with_agnhost) return with_agnhost.error();
    auto with_tools = *with_agnhost;
    with_agnhost->entrypoint = {"/agnhost"};
    with_agnhost->command = {"pause"};
    with_tools.names = tools;
    with_tools.command = {"/bin/sh"};
    return std::vector{*std::move(with_agnhost), std::move(with_tools)};
}

/// All specs run when the first of them is asked for; each test tells of one.
class Conformance : public ::testing::TestWithParam<Spec> {
  protected:
    static void SetUpTestSuite() {
        if (why_skipped()) return;
        auto made = Testbed::create();
        ASSERT_TRUE(made.ok()) << made.error().text();
        auto wanted = images();
        ASSERT_TRUE(wanted.ok()) << wanted.error().text();
        auto cluster = Cluster::start(**made, {.kubelets = true, .images = *std::move(wanted)});
        ASSERT_TRUE(cluster.ok()) << cluster.error().text();
        for (const auto& node : (*cluster)->node_names())
            WEFT_ASSERT_OK((*cluster)->wait_node_ready(node));
        std::vector<std::string> texts;
        for (const auto& spec : running())
            texts.push_back(spec.text);
        auto ended = program().run(**cluster, texts, all_specs() ? side_by_side_of_all : side_by_side);
        ASSERT_TRUE(ended.ok()) << ended.error().text();
        outcomes = *std::move(ended);
        keep_logs_of_failures((*made)->dir());
    }
    void SetUp() override {
        if (const auto why = why_skipped()) GTEST_SKIP() << *why;
    }

    static void keep_logs_of_failures(const std::filesystem::path& dir) {
        const bool good = std::ranges::all_of(outcomes, [](const auto& one) { return one.second.state == "passed"; });
        const char* folder = std::getenv("WEFT_KEEP_LOGS");
        if (good || folder == nullptr) return;
        std::error_code ignored;
        std::filesystem::copy(dir / "log", folder, std::filesystem::copy_options::recursive, ignored);
    }

    static std::map<std::string, SpecOutcome> outcomes;
};

std::map<std::string, SpecOutcome> Conformance::outcomes;

TEST_P(Conformance, Passes) {
    const auto outcome = outcomes.find(GetParam().text);
    ASSERT_NE(outcome, outcomes.end()) << "the cluster or e2e.test did not start";
    std::printf("             %5.1f s  %s\n", outcome->second.seconds, GetParam().text.c_str());
    EXPECT_EQ(outcome->second.state, "passed") << outcome->second.message;
}

/// "network_pods_should_function...": what ctest and --gtest_filter can name.
std::string test_name(const ::testing::TestParamInfo<Spec>& info) {
    std::string name;
    for (const char c : info.param.text) {
        if (std::isalnum(static_cast<unsigned char>(c)) != 0) {
            name += c;
        } else if (!name.empty() && name.back() != '_') {
            name += '_';
        }
    }
    return name + "_" + std::to_string(info.index);
}

INSTANTIATE_TEST_SUITE_P(Specs, Conformance, ::testing::ValuesIn(running()), test_name);

/// Nothing is left out without a word, and nothing is listed that there is no more.
TEST(SpecLists, NameEachConformanceSpecOfTheNetwork) {
    if (const auto why = why_skipped()) GTEST_SKIP() << *why;
    const auto known = program().specs();
    ASSERT_TRUE(known.ok()) << known.error().text();
    std::set<std::string> named;
    for (const auto& spec : listed()) {
        EXPECT_TRUE(known->contains(spec.text)) << "e2e.test has no such spec: " << spec.text;
        EXPECT_TRUE(named.insert(spec.text).second) << "listed twice: " << spec.text;
    }
    for (const auto& text : *known) {
        const bool conformance = text.starts_with("[sig-network]") && text.find("[Conformance]") != text.npos;
        EXPECT_TRUE(!conformance || named.contains(text)) << "network.txt does not say what becomes of: " << text;
    }
}

}  // namespace
}  // namespace weft::testing
