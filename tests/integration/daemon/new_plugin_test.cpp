// A plugin whose file comes while weftd runs, and that asks for annotations that no row has kept so far.
#include "bed.hpp"

namespace weft::testing {
namespace {

using ::testing::HasSubstr;

std::string node_with_motto(const std::string& text) {
    return "{apiVersion: v1, kind: Node, metadata: {name: n1, annotations: {motto.example.org/text: " + text + "}}}";
}

class NewPlugin : public ::testing::Test {
  protected:
    void SetUp() override {
        auto made = Bed::make();
        WEFT_ASSERT_OK(made);
        bed = *std::move(made);
        folder = bed->dir() / "plugins";
        std::filesystem::create_directories(folder);
        options.config = "[weft]\nplugin-dir = " + folder.string() + "\n";
        add("default-network", program_path("WEFT_PLUGINS"));  // which has nodes watched, without their mottos
        auto started = bed->start(options);
        WEFT_ASSERT_OK(started);
        weftd = *std::move(started);
        WEFT_ASSERT_OK(bed->api().apply_yaml(node_with_motto("steadily")));
        WEFT_ASSERT_OK(weftd.wait_ready());
    }
    void add(const std::string& plugin, const std::filesystem::path& from) const {
        std::filesystem::copy_file(from / (plugin + ".so"), folder / (plugin + ".so"));
    }
    Output ctl(std::vector<std::string> arguments) {
        auto output = bed->weftctl(weftd, std::move(arguments));
        return output ? *output : Output{-1, "", output.error().text()};
    }
    bool told(const std::string& text) {
        return bed->api().wait_for("node", "", "n1", [&](JsonView node) {
            return node["metadata"]["annotations"]["k8s.ovn.org/motto"].string_or("") == text;
        });
    }
    /// The rule complains of a node whose motto it does not see.
    bool complained() const { return weftd.log().find("has no motto") != std::string::npos; }

    std::unique_ptr<Bed> bed;
    std::filesystem::path folder;
    WeftdOptions options;
    Weftd weftd;
};

TEST_F(NewPlugin, SeesItsAnnotationsFromItsFirstRun) {
    add("motto", program_path("NEW_PLUGINS"));
    const auto planned = ctl({"plan", "--enable", "motto"});
    EXPECT_THAT(planned.out, HasSubstr("does not keep annotations under motto.example.org/ yet")) << planned.err;
    const auto enabled = ctl({"plugins", "enable", "motto"});
    ASSERT_EQ(enabled.status, 0) << enabled.err;
    EXPECT_TRUE(told("steadily"));
    WEFT_ASSERT_OK(bed->api().apply_yaml(node_with_motto("evenly")));
    EXPECT_TRUE(told("evenly"));
    EXPECT_FALSE(complained()) << weftd.log();
    EXPECT_EQ(ctl({"verify"}).status, 0);

    // A plan reads manifests as the watch does.
    const auto manifest = bed->dir() / "manifest.yaml";
    write_file(manifest, node_with_motto("warily"));
    const auto plan = ctl({"plan", "--apply", manifest.string()});
    EXPECT_THAT(plan.out, HasSubstr("warily")) << plan.err;
}

TEST_F(NewPlugin, IsNotEnabledWithoutThem) {
    add("motto", program_path("NEW_PLUGINS"));
    bed->api().inject({.kind = Fault::Kind::stall, .method = "GET", .path = "/api/v1/nodes"});
    const auto refused = ctl({"plugins", "enable", "motto"});
    EXPECT_EQ(refused.status, 1) << refused.out;
    EXPECT_THAT(refused.err, HasSubstr("has not listed its objects anew within 10 s"));
    bed->api().heal_all();
    const auto enabled = ctl({"plugins", "enable", "motto"});
    EXPECT_EQ(enabled.status, 0) << enabled.err;
    EXPECT_TRUE(told("steadily"));
    EXPECT_FALSE(complained()) << weftd.log();
}

}  // namespace
}  // namespace weft::testing
