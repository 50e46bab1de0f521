#include "cni/server/conf_file.hpp"

#include "cni/json.hpp"
#include "cni/spec.hpp"

#include <filesystem>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

namespace weft::cni {
namespace {

class ConfFileTest : public ::testing::Test {
  protected:
    void SetUp() override {
        root_ = ::testing::TempDir() + "weft-conf-" + std::to_string(::getpid());
        std::filesystem::create_directory(root_);
    }
    void TearDown() override { std::filesystem::remove_all(root_); }
    std::string content(const std::string& path) const {
        std::ifstream file(path);
        std::stringstream text;
        text << file.rdbuf();
        return text.str();
    }
    std::string root_;
};

TEST_F(ConfFileTest, IsWrittenOnceAndWhole) {
    const ConfFile file(root_ + "/etc/cni/net.d");
    const auto text = ConfContent{.version = "1.0.0", .socket = "/run/s.sock"}.text();
    ASSERT_TRUE(*file.write(text)) << "the folder is made";
    EXPECT_FALSE(*file.write(text)) << "equal bytes are left alone";
    const auto conf = parse_conf(content(file.path()));
    ASSERT_TRUE(conf);
    EXPECT_EQ(conf->socket, "/run/s.sock");
    EXPECT_EQ(conf->type, "ovn-k8s-cni-overlay");
    std::ofstream(file.path()) << "other";
    EXPECT_TRUE(*file.write(text));
    std::size_t files = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(root_ + "/etc/cni/net.d"))
        ++files;
    EXPECT_EQ(files, 1U) << "no temporary file is left";
    struct stat status {};
    ASSERT_EQ(::stat(file.path().c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0644U);
    EXPECT_TRUE(*file.remove());
    EXPECT_FALSE(*file.remove());
}

TEST_F(ConfFileTest, ContentIsUpstreams) {
    EXPECT_EQ(ConfContent({.version = "1.1.0", .type = "t", .socket = "/s", .log_file = "/l"}).text(),
              R"({"cniVersion":"1.1.0","name":"ovn-kubernetes","type":"t","ipam":{},"dns":{},"logFile":"/l",)"
              R"("logLevel":"4","logfile-maxsize":100,"logfile-maxbackups":5,"logfile-maxage":5,"runtimeConfig":{},)"
              R"("weftSocket":"/s"})");
    EXPECT_FALSE(Json::parse(ConfContent().text()).contains("logFile"));
}

TEST(ConfVersion, IsWhatTheContainerRuntimeTakes) {
    for (const auto* runtime : {"containerd://2.0.0", "containerd://v2.1.4-rc.1", "containerd://10.0.0"})
        EXPECT_EQ(conf_version_for(runtime), "1.1.0") << runtime;
    for (const auto* runtime : {"containerd://1.6.20~ds1", "containerd://1.7.27", "cri-o://1.33.0", "docker://27.0.0",
                                "containerd://", "containerd://next", "containerd", "2.0.0", ""})
        EXPECT_EQ(conf_version_for(runtime), "1.0.0") << runtime;
}

TEST_F(ConfFileTest, SaysWhatItCannotDo) {
    std::ofstream(root_ + "/file") << "x";
    const ConfFile file(root_ + "/file/net.d");
    const auto wrote = file.write("{}");
    ASSERT_FALSE(wrote);
    EXPECT_NE(wrote.error().what.find(root_ + "/file/net.d"), std::string::npos);
    EXPECT_FALSE(*file.remove());
}

}  // namespace
}  // namespace weft::cni
