#include "plugin/admission.hpp"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

namespace weft::plugin {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

std::string folder(const std::string& name) {
    return std::string(TEST_PLUGINS) + "/" + name;
}

AdmissionPolicy policy() {
    AdmissionPolicy p;
    p.fingerprint = own_fingerprint();
    return p;
}

std::string refusal(const std::string& path, const AdmissionPolicy& with = policy()) {
    const auto admitted = admit(path, with);
    return admitted.ok() ? "admitted" : admitted.error().text();
}

/// A copy of the good plugin that a test may spoil.
class Copy {
  public:
    Copy() : dir_(fs::temp_directory_path() / ("weft-admission-" + std::to_string(::getpid()))) {
        fs::create_directories(dir_);
        fs::copy_file(folder("good") + "/alpha.so", path(), fs::copy_options::overwrite_existing);
        ::chmod(path().c_str(), 0755);
    }
    ~Copy() { fs::remove_all(dir_); }
    std::string path() const { return (dir_ / "alpha.so").string(); }
    std::string dir() const { return dir_.string(); }

  private:
    fs::path dir_;
};

TEST(Admission, AdmitsAGoodPlugin) {
    const auto admitted = admit(folder("good") + "/beta.so", policy());
    ASSERT_TRUE(admitted.ok()) << admitted.error().text();
    EXPECT_EQ(admitted->name, "beta");
    EXPECT_EQ(admitted->version, "1.2.3");
    EXPECT_EQ(admitted->needs, std::vector<std::string>{"alpha"});
    EXPECT_EQ(admitted->switches, std::vector<std::string>{"enable-test-thing"});
    EXPECT_EQ(admitted->sha256.size(), 64U);
}

TEST(Admission, NamesExpectedAndFound) {
    const auto text = refusal(folder("wrong-fingerprint") + "/old.so");
    EXPECT_THAT(text, HasSubstr("sdk=0.0.1 compiler=other"));
    EXPECT_THAT(text, HasSubstr(own_fingerprint()));
    EXPECT_THAT(text, HasSubstr("old.so"));
}

TEST(Admission, RefusesBadFiles) {
    EXPECT_THAT(refusal(folder("static-runtime") + "/fat.so"), HasSubstr("libstdc++.so"));
    EXPECT_THAT(refusal(folder("extra-export") + "/leaky.so"), HasSubstr("exports only its entry points"));
    EXPECT_THAT(refusal(folder("no-manifest") + "/plain.so"), HasSubstr("no weft plugin"));
    EXPECT_THAT(refusal(folder("run-path") + "/wanderer.so"), HasSubstr("RUNPATH"));
    EXPECT_THAT(refusal(folder("good") + "/absent.so"), HasSubstr("can't be opened"));
    EXPECT_THAT(refusal(folder("good")), HasSubstr("no regular file"));
}

TEST(Admission, RefusesWhatOthersCanChange) {
    const Copy copy;
    EXPECT_EQ(refusal(copy.path()), "admitted");
    ::chmod(copy.path().c_str(), 0757);
    EXPECT_THAT(refusal(copy.path()), HasSubstr("written by others"));
    ::chmod(copy.path().c_str(), 0755);
    auto strangers = policy();
    strangers.owner = 12345;
    EXPECT_THAT(refusal(copy.path(), strangers), HasSubstr("not trusted"));
    ::chmod(copy.dir().c_str(), 0777);
    EXPECT_FALSE(admit_folder(copy.dir(), policy()).ok());
    fs::create_symlink(copy.path(), copy.dir() + "/link.so");
    EXPECT_THAT(refusal(copy.dir() + "/link.so"), HasSubstr("can't be opened"));
}

TEST(Admission, HoldsAPin) {
    const auto path = folder("good") + "/alpha.so";
    auto pinned = policy();
    pinned.pins["alpha"] = admit(path, policy())->sha256;
    EXPECT_EQ(refusal(path, pinned), "admitted");
    pinned.pins["alpha"] = std::string(64, '0');
    EXPECT_THAT(refusal(path, pinned), HasSubstr("pins 0000"));
}

TEST(LoadOrder, PutsNeedsFirst) {
    const auto order = load_order({{"c", {"a", "b"}}, {"b", {"a"}}, {"a", {}}});
    ASSERT_TRUE(order.ok());
    EXPECT_EQ(*order, (std::vector<std::string>{"a", "b", "c"}));
}

TEST(LoadOrder, ListsEveryFault) {
    const auto order = load_order({{"a", {"b"}}, {"b", {"a"}}, {"c", {"nowhere"}}});
    ASSERT_FALSE(order.ok());
    EXPECT_THAT(order.error().what, HasSubstr("a needs b needs a"));
    EXPECT_THAT(order.error().what, HasSubstr("\"nowhere\""));
}

TEST(Admission, TheFuzzersBestSeedIsAdmitted) {
    // Else fuzz/plugin-file would never look behind the manifest: make the seed anew when Manifest changes.
    const auto seed = admit(WEFT_SOURCE_DIR "/tests/fuzz/plugin/corpus/good.so", {.fingerprint = "fuzz"});
    ASSERT_TRUE(seed.ok()) << seed.error().text();
    EXPECT_EQ(seed->name, "good");
    EXPECT_EQ(seed->needs, (std::vector<std::string>{"alpha", "beta"}));
    const auto runpath = admit(WEFT_SOURCE_DIR "/tests/fuzz/plugin/corpus/runpath.so", {.fingerprint = "fuzz"});
    EXPECT_FALSE(runpath.ok());
}

}  // namespace
}  // namespace weft::plugin
