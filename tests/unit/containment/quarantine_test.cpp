#include "containment/quarantine.hpp"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weft::containment {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class QuarantineFile : public ::testing::Test {
  protected:
    void SetUp() override {
        std::string name = (std::filesystem::temp_directory_path() / "weft-frozen-XXXXXX").string();
        ASSERT_NE(::mkdtemp(name.data()), nullptr);
        dir = name;
        file = (dir / "frozen.json").string();
    }
    void TearDown() override { std::filesystem::remove_all(dir); }

    static Running running(const std::string& plugin, const std::string& part = "rule r",
                           const std::string& key = "k") {
        return {.plugin = plugin, .part = part, .key = key};
    }
    static RunBoard::Left crash_of(const std::string& plugin, const std::string& part = "rule r",
                                   const std::string& key = "k") {
        RunBoard::Left left;
        left.signal = 11;
        left.crashed = running(plugin, part, key);
        left.running = {*left.crashed, running("bystander")};
        return left;
    }
    static RunBoard::Left kill_of(std::vector<Running> running) {
        RunBoard::Left left;
        left.running = std::move(running);
        return left;
    }
    /// As at a start.
    std::vector<std::string> judge(const RunBoard::Left& left) { return Quarantine::load(file).judge(left); }
    bool frozen(const std::string& plugin) { return Quarantine::load(file).frozen(plugin).has_value(); }

    std::filesystem::path dir;
    std::string file;
};

TEST_F(QuarantineFile, TwoCrashesInARowFreezeWhoeverDidThem) {
    EXPECT_THAT(judge(crash_of("p")), ElementsAre(HasSubstr("p/rule r on k crashed weftd: signal 11")));
    EXPECT_FALSE(frozen("p"));
    EXPECT_THAT(judge(crash_of("p", "rule other", "another")), ElementsAre(HasSubstr("frozen from now on")));
    EXPECT_TRUE(frozen("p"));
    EXPECT_FALSE(frozen("bystander"));
    const auto record = Quarantine::load(file).frozen("p");
    EXPECT_EQ(record->crashes, 2U);
    EXPECT_THAT(record->text(), HasSubstr("rule other on another crashed weftd 2 times in a row"));
}

TEST_F(QuarantineFile, ACleanOrALongLifeInBetweenForgives) {
    judge(crash_of("p"));
    RunBoard::Left clean;
    clean.clean = true;
    judge(clean);
    judge(crash_of("p"));
    EXPECT_FALSE(frozen("p"));
    auto late = crash_of("p");
    late.settled = true;
    judge(late);
    EXPECT_FALSE(frozen("p"));
    judge(crash_of("p"));
    EXPECT_TRUE(frozen("p"));
    judge(clean);
    EXPECT_TRUE(frozen("p")) << "who is frozen stays so";
}

TEST_F(QuarantineFile, WhoIsKilledHasNotCrashedUnlessItIsTheSameAgain) {
    judge(kill_of({running("p", "rule r", "a")}));
    judge(kill_of({running("p", "rule r", "b")}));
    EXPECT_FALSE(frozen("p"));
    judge(kill_of({running("q"), running("p", "rule r", "b")}));
    EXPECT_TRUE(frozen("p"));
    EXPECT_FALSE(frozen("q"));
}

TEST_F(QuarantineFile, CrashesOfNoPluginFreezeNobody) {
    RunBoard::Left elsewhere;
    elsewhere.signal = 6;
    elsewhere.running = {running("p")};  // on another thread
    for (int i = 0; i < 3; ++i) {
        EXPECT_THAT(judge(elsewhere), IsEmpty());
        EXPECT_THAT(judge(crash_of("ipam", "operator addresses")), ElementsAre(HasSubstr("ipam/operator addresses")));
    }
    EXPECT_FALSE(frozen("p"));
    EXPECT_FALSE(frozen("ipam"));
}

TEST_F(QuarantineFile, FreezeReleaseAndAnotherFile) {
    {
        auto quarantine = Quarantine::load(file);
        Record record;
        record.cause = Record::Cause::hang;
        record.part = "rule r";
        record.key = "a \"quoted\" key";
        record.detail = "did not return for 3 s";
        ASSERT_TRUE(quarantine.freeze("p", record));
        ASSERT_TRUE(quarantine.freeze("q", record));
    }
    auto quarantine = Quarantine::load(file);
    EXPECT_THAT(quarantine.frozen("p")->text(), HasSubstr("rule r on a \"quoted\" key did not return for 3 s, at 2"));
    EXPECT_THAT(quarantine.note_files({{"p", "aa"}, {"q", "bb"}, {"other", "cc"}}), IsEmpty());
    EXPECT_EQ(Quarantine::load(file).frozen("p")->sha256, "aa");
    EXPECT_THAT(quarantine.note_files({{"p", "aa"}, {"q", "dd"}}), ElementsAre("q"));
    EXPECT_FALSE(frozen("q"));
    EXPECT_TRUE(frozen("p"));
    const auto released = quarantine.release("p");
    ASSERT_TRUE(released);
    EXPECT_FALSE(frozen("p"));
    quarantine.put_back("p", *released);
    EXPECT_EQ(Quarantine::load(file).records(), quarantine.records());
    EXPECT_FALSE(quarantine.release("nobody"));
}

TEST_F(QuarantineFile, AFileThatIsNoneFreezesNobodyAndOneThatCantBeWrittenIsTold) {
    std::ofstream(file) << "{\"plugins\":[{\"name\":";
    EXPECT_THAT(Quarantine::load(file).records(), IsEmpty());
    std::ofstream(file, std::ios::trunc)
        << R"({"plugins":[7,{"name":"x","cause":"bad mood","frozen":true},{"cause":"hang"}]})";
    EXPECT_THAT(Quarantine::load(file).records(), IsEmpty());
    auto nowhere = Quarantine::load((dir / "missing" / "f").string());
    const auto frozen = nowhere.freeze("p", {});
    ASSERT_FALSE(frozen);
    EXPECT_THAT(frozen.error().text(), HasSubstr("run-dir"));
    EXPECT_TRUE(nowhere.frozen("p")) << "this process knows at least";
}

}  // namespace
}  // namespace weft::containment
