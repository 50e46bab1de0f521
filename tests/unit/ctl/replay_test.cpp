// What weftctl replay says of recordings.
#include "ctl/command.hpp"
#include "ctl/redact.hpp"
#include "record/file.hpp"
#include "record/format.hpp"
#include "record/recorder.hpp"
#include "unit/engine/kit.hpp"

#include <weft/tables/kube.hpp>
#include <weft/tables/settings.hpp>

#include <filesystem>
#include <fstream>
#include <sstream>

#include <stdlib.h>

namespace weft::ctl {
namespace {

namespace fs = std::filesystem;
using namespace engine::kit;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

struct NoteTag {
    static constexpr std::string_view name = "Annotation";
    static constexpr Merge merge = Merge::exclusive;
};
using NoteRow = Made<NoteTag>;

/// A plugin, and what it has become.
template <bool Changed>
struct NoteOfItem {
    using Driver = Item;
    using Reads = Tables<>;
    using Writes = Tables<NoteRow>;
    static void derive(const Driver& item, const Reader<Reads>&, Desired<Writes>& out) {
        out.put(
            NoteRow{Key<NoteRow>(item.key.text), std::to_string(item.number + (Changed && item.number > 2 ? 1 : 0))});
    }
};

class ReplayCommand : public ::testing::Test {
  protected:
    ReplayCommand() {
        char name[] = "/tmp/weft-replay-XXXXXX";
        dir = ::mkdtemp(name);
        file = (dir / "rec").string();
        std::ofstream(dir / "weft.conf") << "";
        use_plugin<false>("1.0");
    }
    ~ReplayCommand() override { fs::remove_all(dir); }

    template <bool Changed>
    void use_plugin(const std::string& version) {
        backends.here = [version](const config::Config&, const record::Facts&) -> Result<record::Here> {
            record::Here here;
            here.version = "1";
            here.module = [](const std::string& name) -> Result<engine::ModuleSpec> {
                if (name == "notes") return Bed::module_of<NoteOfItem<Changed>>("notes", "note");
                engine::ModuleSpec none;
                none.name = name;
                return none;
            };
            here.plugin = [version](const std::string& name) {
                return std::optional(record::PluginFacts{name, version, ""});
            };
            return here;
        };
    }
    void record_some() {
        record::Facts facts;
        facts.version = "1";
        facts.node = "n1";
        facts.plugins = {{"notes", "1.0", ""}};
        record::RecorderOptions options;
        options.file = file;
        options.header = record::header_json(facts);
        auto writer = record::Recorder::start(options);
        ASSERT_TRUE(writer) << writer.error().text();
        engine::EngineOptions engine_options;
        engine_options.tap = writer->get();
        Bed bed(engine_options);
        ASSERT_TRUE(bed.engine.add(Bed::module_of<NoteOfItem<false>>("notes", "note")));
        for (int i = 0; i < 5; ++i)
            bed.put(item("item-" + std::to_string(i), i));
        bed.erase<Item>("item-0");
        (*writer)->stop();
    }
    int ctl(std::vector<std::string> args) {
        out.str("");
        err.str("");
        args.insert(args.end(), {"--config-file", (dir / "weft.conf").string()});
        return run(args, backends, {out, err, false});
    }

    fs::path dir;
    std::string file;
    Backends backends;
    std::ostringstream out, err;
};

TEST_F(ReplayCommand, SaysWhatItDid) {
    record_some();
    ASSERT_EQ(ctl({"replay", file}), 0) << err.str();
    EXPECT_EQ(out.str(),
              "recorded by weftd 1, role node, node n1\nthe recording ends: weftd was stopped\n"
              "replayed 6 ticks, 1 (1970-01-02 00:00:00.000) to 6 (1970-01-02 00:00:00.000): 6 rows in\n"
              "  Kubernetes: 5 added, 1 removed\n");
    ASSERT_EQ(ctl({"replay", file, "--verify"}), 0) << out.str() << err.str();
    EXPECT_THAT(out.str(), HasSubstr("\nwhat came of them is what was recorded\n"));
    ASSERT_EQ(ctl({"replay", file, "--ticks", "--until", "2"}), 0);
    EXPECT_THAT(out.str(), AllOf(HasSubstr("tick 2  1970-01-02 00:00:00.000  1 rows in\n  + Annotation item-1\n"),
                                 HasSubstr("replayed 2 ticks"), Not(HasSubstr("item-2"))));
    ASSERT_EQ(ctl({"replay", file, "--until", "1970-01-01T23:59:59Z"}), 0);
    EXPECT_THAT(out.str(), HasSubstr("replayed 0 ticks: 0 rows in\n"));
    ASSERT_EQ(ctl({"replay", file, "--explain", "Annotation/item-3"}), 0) << err.str();
    EXPECT_THAT(out.str(), HasSubstr("  made by   notes/note\n  for       Item item-3"));
    EXPECT_EQ(ctl({"replay", file, "--explain", "Annotation/item-0"}), 1);
    ASSERT_EQ(ctl({"replay", file, "--verify", "-o", "json"}), 0);
    EXPECT_THAT(out.str(), AllOf(HasSubstr(R"("ticks":6)"), HasSubstr(R"("allDifferences":0,"differences":[])"),
                                 HasSubstr(R"("sides":{"Kubernetes":{"added":5,"changed":0,"removed":1}})")));
}

TEST_F(ReplayCommand, VerifyShowsTheFirstDifferenceWithRuleAndKey) {
    record_some();
    use_plugin<true>("1.1");
    EXPECT_EQ(ctl({"replay", file, "--verify"}), 1);
    EXPECT_THAT(out.str(), AllOf(HasSubstr("note: plugin notes is version 1.1 here, 1.0 there\n"),
                                 HasSubstr("2 rows came out otherwise than recorded\n"
                                           "in tick 4 (1970-01-02 00:00:00.000): Annotation item-3\n"
                                           "  by notes/note for Item item-3\n"
                                           "    text: 3 → 4\n")));
    EXPECT_EQ(ctl({"replay", file, "--verify", "-o", "json"}), 1);
    EXPECT_THAT(out.str(), HasSubstr(R"("tick":4,"time":"1970-01-02T00:00:00Z","table":"Annotation","key":"item-3")"));
    EXPECT_EQ(ctl({"replay", file}), 0) << "without --verify only notes tell";
}

TEST_F(ReplayCommand, BadFilesAndOptions) {
    EXPECT_EQ(ctl({"replay", file}), 1);
    EXPECT_THAT(err.str(), HasSubstr(file + ": can't be read: No such file"));
    std::ofstream(file) << "PK something else";
    EXPECT_EQ(ctl({"replay", file}), 1);
    EXPECT_THAT(err.str(), HasSubstr("byte 0: this is no recording of weft"));
    EXPECT_EQ(ctl({"replay"}), 2);
    EXPECT_EQ(ctl({"replay", file, "--until", "noon"}), 2);
    EXPECT_EQ(ctl({"replay", file, "--fast"}), 2);
    EXPECT_EQ(ctl({"replay", dir.string()}), 1);
    EXPECT_THAT(err.str(), HasSubstr("is no ordinary file"));
    fs::remove(file);
    record_some();
    std::string bytes = *record::read_file(file);
    bytes[record::magic.size()] = 9;
    std::ofstream(file, std::ios::binary) << bytes;
    EXPECT_EQ(ctl({"replay", file}), 1);
    EXPECT_THAT(err.str(), HasSubstr("the recording has format 9, this weftctl reads format 1"));
}

TEST(RedactInPlace, OverwritesSecretsAndMovesNothing) {
    const auto done = [](std::string text) {
        const auto size = text.size();
        redact_in_place(text.data(), text.size());
        EXPECT_EQ(text.size(), size);
        return text;
    };
    EXPECT_EQ(done("password=planted-word, name=x"), "password=xxxxxxxxxxxx, name=x");
    EXPECT_EQ(done("nothing here"), "nothing here");
}

TEST(RedactRow, SecretsGoAndTheRowStaysOne) {
    const std::string token = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJwbGFudGVkIn0.c2lnbmF0dXJlLXNpZw";
    tables::Pod pod;
    pod.key.text = "web/p1";
    pod.ns = "web";
    pod.name = "my-secret-app";
    pod.node = "node-1";
    pod.annotations = {
        {"api-token", "hunter2"}, {"note", "password=planted-word"}, {"other", token}, {"pin-secret", "7"}};
    const RowPtr row = RowPtr::make(pod);
    std::string bytes(row.bytes());
    redact_row(row.type(), bytes.data(), bytes.size());
    const auto clean = record::row_from(row.type(), bytes);
    ASSERT_TRUE(clean) << clean.error().text();
    auto expected = pod;
    expected.annotations = {{"api-token", "xxxxxxx"},
                            {"note", "password=xxxxxxxxxxxx"},
                            {"other", std::string(token.size(), 'x')},
                            {"pin-secret", "x"}};
    EXPECT_EQ((*clean).json(), RowPtr::make(expected).json());

    const RowPtr setting = RowPtr::make(tables::PluginSetting{Key<tables::PluginSetting>("p/password"), "hunter2"});
    bytes = setting.bytes();
    redact_row(setting.type(), bytes.data(), bytes.size());
    EXPECT_THAT(record::row_from(setting.type(), bytes)->json(), HasSubstr("\"value\":\"xxxxxxx\""));
    bytes = "\xff\xff";
    redact_row(setting.type(), bytes.data(), bytes.size());
    EXPECT_EQ(bytes, "xx");
}

}  // namespace
}  // namespace weft::ctl
