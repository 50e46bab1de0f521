// An engine that is recorded, and one that does the same again.
#include "record/replay.hpp"

#include "record/file.hpp"
#include "record/recorder.hpp"
#include "unit/engine/kit.hpp"

#include <csignal>
#include <filesystem>
#include <fstream>
#include <random>
#include <thread>

#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>

namespace weft::record {
namespace {

namespace fs = std::filesystem;
using namespace engine::kit;
using Writer = record::Recorder;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// Tables with names that recordings look at.
struct NoteTag {
    static constexpr std::string_view name = "Annotation";
    static constexpr Merge merge = Merge::exclusive;
};
using NoteRow = Made<NoteTag>;

/// Fails, waits, is retried, and waits for a time, as the item says.
template <int Version>
struct NoteOfItem {
    using Driver = Item;
    using Reads = Tables<Setting>;
    using Writes = Tables<NoteRow, Plain>;
    static void derive(const Driver& item, const weft::Reader<Reads>& in, Desired<Writes>& out) {
        const auto* setting = in.find<Setting>(Key<Setting>(item.group));
        if (item.born != 0 && !in.passed(TimePoint(std::chrono::seconds(item.born)))) return out.wait("too early");
        if (!setting) return out.wait("no setting " + item.group);
        if (item.number < 0) return out.fail(item.number % 2 == 0 ? invalid("negative") : again("odd and negative"));
        out.put(Plain{Key<Plain>(item.key.text), ""});
        const std::string text =
            std::to_string(item.number + setting->number) + (Version > 1 && item.number == 3 ? "!" : "");
        out.put(NoteRow{Key<NoteRow>(item.names.empty() ? item.key.text : item.names.front()), text});
    }
};

/// Wants some of the same rows.
struct NoteOfSetting {
    using Driver = Setting;
    using Reads = Tables<Plain>;
    using Writes = Tables<NoteRow>;
    static void derive(const Driver& setting, const weft::Reader<Reads>& in, Desired<Writes>& out) {
        if (in.find<Plain>(Key<Plain>("item-1"))) out.put(NoteRow{Key<NoteRow>("shared"), setting.key.text});
        out.put(NoteRow{Key<NoteRow>("of-" + setting.key.text), std::to_string(setting.number)});
    }
};

engine::ModuleSpec module(const std::string& name, int version = 1) {
    if (name == "settings") {
        auto settings = Bed::module_of<NoteOfSetting>("settings", "note");
        settings.extension_points = {table_spec<Plain>()};
        return settings;
    }
    if (name == "notes")
        return version == 1 ? Bed::module_of<NoteOfItem<1>>("notes", "note")
                            : Bed::module_of<NoteOfItem<2>>("notes", "note");
    engine::ModuleSpec none;
    none.name = name;
    return none;
}

Here here(int version = 1) {
    Here here;
    here.version = "1";
    here.module = [version](const std::string& name) -> Result<engine::ModuleSpec> {
        if (name == "lost") return invalid("there is no plugin lost");
        return module(name, version);
    };
    return here;
}

std::string header(std::vector<PluginFacts> plugins = {{"notes", "1", ""}, {"settings", "1", ""}}) {
    Facts facts;
    facts.version = "1";
    facts.plugins = std::move(plugins);
    return header_json(facts);
}

struct Replayed {
    std::size_t ticks = 0;
    bool compared = true;  ///< the last one
    std::vector<Difference> differences;
    std::string error;
    std::vector<std::string> notes;
    Facts facts;

    std::string text() const {
        std::string out = error;
        for (const auto& d : differences) {
            out += (d.in_base ? "base" : std::to_string(d.time.tick)) + " " + d.table + " " + d.key + " " + d.rule +
                   " " + d.recorded_json + " / " + (d.replayed ? d.replayed.json() : "-") + "\n";
        }
        return out;
    }
};

Replayed replay(const std::string& file, Here with = here(), const Until& until = {}) {
    Replayed out;
    const auto bytes = read_file(file);
    EXPECT_TRUE(bytes) << bytes.error().text();
    if (!bytes) return out;
    const auto made = Replay::open(*bytes, std::move(with));
    if (!made) {
        out.error = made.error().text();
        return out;
    }
    out.notes = (*made)->notes();
    out.facts = (*made)->facts();
    for (;;) {
        auto step = (*made)->step(until);
        if (!step) out.error = step.error().text();
        if (!step || !*step) break;
        if (!(*step)->is_base) ++out.ticks;
        EXPECT_TRUE(out.compared) << "a tick in the middle";
        out.compared = (*step)->compared;
        for (auto& difference : (*step)->differences)
            out.differences.push_back(std::move(difference));
    }
    EXPECT_THAT((*made)->engine().verify(), IsEmpty());
    return out;
}

class Record : public ::testing::Test {
  protected:
    Record() {
        char name[] = "/tmp/weft-record-XXXXXX";
        dir = ::mkdtemp(name);
        options.file = (dir / "rec").string();
        options.header = header();
    }
    ~Record() override { fs::remove_all(dir); }
    std::string file(const std::string& suffix = "") const { return options.file + suffix; }

    fs::path dir;
    RecorderOptions options;
};

/// An engine that is recorded.
struct Recorded {
    explicit Recorded(RecorderOptions options)
        : writer(*Writer::start(std::move(options))),
          bed(tapped(writer.get())) {}
    ~Recorded() { writer->stop(); }
    void turn() {
        while (writer->turn(bed.engine)) {
        }
    }
    static engine::EngineOptions tapped(engine::Tap* tap) {
        engine::EngineOptions options;
        options.tap = tap;
        return options;
    }

    std::unique_ptr<Writer> writer;
    Bed bed;
    std::mt19937 random{7};

    void add(const std::string& name) { ASSERT_TRUE(bed.engine.add(module(name))); }
    /// One edit of some kind.
    void edit() {
        const auto number = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
        const std::string name = "item-" + std::to_string(number(20));
        switch (number(8)) {
            case 0: bed.erase<Item>(name); break;
            case 1: bed.erase<Setting>("s" + std::to_string(number(4))); break;
            case 2:
            case 3: bed.put(Setting{Key<Setting>("s" + std::to_string(number(4))), number(5)}); break;
            case 4: {
                bed.clock.advance(std::chrono::milliseconds(number(3000)));
                bed.engine.tick();
                break;
            }
            case 5: {
                engine::ChangeSet list;
                std::vector<Item> all;
                for (int i = 0; i < 10; ++i)
                    all.push_back(item("item-" + std::to_string(number(20)), number(6), "s1"));
                list.replace_all<Item>(std::move(all));
                bed.engine.post(std::move(list));
                bed.engine.tick();
                break;
            }
            default:
                bed.put(item(name, number(8) - 3, "s" + std::to_string(number(4)),
                             number(3) == 0 ? std::vector<std::string>{"shared"} : std::vector<std::string>{},
                             number(6) == 0 ? 24 * 3600 + number(60) : 0));
        }
    }
};

TEST_F(Record, AReplayDoesTheSame) {
    {
        Recorded there(options);
        there.add("notes");
        for (int i = 0; i < 100; ++i)
            there.edit();
        there.add("settings");
        for (int i = 0; i < 200; ++i)
            there.edit();
        ASSERT_TRUE(there.bed.engine.remove("notes"));
        for (int i = 0; i < 30; ++i)
            there.edit();
        there.add("notes");
        for (int i = 0; i < 100; ++i)
            there.edit();
    }
    const auto done = replay(file());
    EXPECT_EQ(done.text(), "");
    EXPECT_GT(done.ticks, 200u);
    EXPECT_EQ(done.ticks, done.facts.ticks);
    EXPECT_EQ(done.facts.end, "weftd was stopped");
    EXPECT_TRUE(done.facts.whole_life);
    EXPECT_THAT(done.notes, IsEmpty());
}

TEST_F(Record, UntilATickOrATime) {
    std::uint64_t middle = 0;
    {
        Recorded there(options);
        there.add("notes");
        for (int i = 0; i < 20; ++i) {
            there.bed.put(item("a", i, "s1"), Setting{Key<Setting>("s1"), 1});
            there.bed.clock.advance(std::chrono::seconds(1));
            if (i == 9) middle = there.bed.engine.tick().number - 1;
        }
    }
    Until until;
    until.tick = middle;
    EXPECT_EQ(replay(file(), here(), until).ticks, 10u);
    Until time;
    time.time = WallTime(std::chrono::hours(24) + std::chrono::seconds(4));
    EXPECT_EQ(replay(file(), here(), time).ticks, 5u);
}

TEST_F(Record, ANewPieceStandsForItselfThoughTicksGoOn) {
    options.cells_a_slice = 3;
    {
        Recorded there(options);
        there.add("notes");
        there.add("settings");
        there.bed.put(Setting{Key<Setting>("s1"), 1}, Setting{Key<Setting>("s2"), 2});
        for (int i = 0; i < 60; ++i)
            there.bed.put(item("one-" + std::to_string(i), i, i % 2 == 0 ? "s1" : "s2"));
        there.writer->begin_piece();
        int slices = 0;
        while (there.writer->turn(there.bed.engine)) {
            ++slices;
            there.bed.put(item("one-" + std::to_string(slices * 7 % 60), slices, "s1"));
            there.bed.erase<Item>("one-" + std::to_string(slices * 11 % 60));
            there.bed.put(item("new-" + std::to_string(slices), slices, "s2"));
            if (slices == 5) {
                ASSERT_TRUE(there.bed.engine.remove("settings"));
            }
            if (slices == 9) there.add("settings");
        }
        EXPECT_GT(slices, 20);
        for (int i = 0; i < 30; ++i)
            there.bed.put(item("late-" + std::to_string(i), i, "s2"));
    }
    const auto old = replay(file(".1"));
    EXPECT_EQ(old.text(), "");
    EXPECT_EQ(old.facts.end, "it goes on in the next piece");
    EXPECT_GT(old.ticks, 100u);
    const auto next = replay(file());
    EXPECT_EQ(next.text(), "");
    EXPECT_FALSE(next.facts.whole_life);
    EXPECT_EQ(next.ticks, 30u);
}

TEST_F(Record, APluginThatDoesOtherwiseIsFoundWithRuleAndKey) {
    {
        Recorded there(options);
        there.add("notes");
        there.bed.put(Setting{Key<Setting>("s1"), 1});
        for (int i = 0; i < 6; ++i)
            there.bed.put(item("item-" + std::to_string(i), i, "s1"));
    }
    const auto same = replay(file());
    EXPECT_EQ(same.text(), "");
    const auto other = replay(file(), here(2));
    ASSERT_EQ(other.differences.size(), 1u) << other.text();
    const auto& difference = other.differences.front();
    EXPECT_EQ(difference.table, "Annotation");
    EXPECT_EQ(difference.key, "item-3");
    EXPECT_EQ(difference.rule, "notes/note for Item s1/item-3");
    EXPECT_THAT(difference.recorded_json, HasSubstr(R"("text":"4")"));
    ASSERT_TRUE(difference.replayed);
    EXPECT_THAT(difference.replayed.json(), HasSubstr(R"("text":"4!")"));
    EXPECT_FALSE(difference.in_base);
}

/// The table Setting with rows of another type.
struct OtherSetting {
    static constexpr std::string_view table_name = "Setting";
    Key<OtherSetting> key;
    std::string words;
    static constexpr auto fields() {
        return std::tuple{field("key", &OtherSetting::key), field("words", &OtherSetting::words)};
    }
};
struct NoteOfOther {
    using Driver = OtherSetting;
    using Reads = Tables<>;
    using Writes = Tables<NoteRow>;
    static void derive(const Driver&, const weft::Reader<Reads>&, Desired<Writes>&) {}
};

TEST_F(Record, WhatIsDifferentHereIsSaid) {
    options.header = header({{"notes", "1", "aa"}, {"settings", "1", "bb"}});
    {
        Recorded there(options);
        there.add("settings");
        there.bed.put(Setting{Key<Setting>("s1"), 1});
    }
    Here other = here();
    other.version = "2";
    other.plugin = [](const std::string& name) {
        return std::optional(PluginFacts{name, name == "notes" ? "3" : "1", "cc"});
    };
    const auto done = replay(file(), other);
    EXPECT_THAT(done.notes, ::testing::ElementsAre("recorded by weftd 1, replayed by weftctl 2",
                                                   "plugin notes is version 3 here, 1 there",
                                                   "plugin settings is of the same version and another file"));
    Here changed = here();
    changed.module = [](const std::string& name) -> Result<engine::ModuleSpec> {
        if (name == "settings") return Bed::module_of<NoteOfOther>("settings", "note");
        engine::ModuleSpec none;
        none.name = name;
        return none;
    };
    EXPECT_THAT(replay(file(), changed).error,
                AllOf(HasSubstr("table Setting: its rows are of another type here"), HasSubstr("plugins of weft 1")));
    fs::remove(file());
    options.header = header({{"lost", "1", ""}});
    Recorded(options).bed.engine.tick();
    EXPECT_THAT(replay(file()).error, HasSubstr("there is no plugin lost"));
}

TEST_F(Record, TheRingIsBounded) {
    options.most_bytes = 90'000;
    options.cells_a_slice = 10;
    std::uint64_t most = 0;
    {
        Recorded there(options);
        there.add("notes");
        there.bed.put(Setting{Key<Setting>("s1"), 1});
        std::uint64_t pieces = 0;
        for (int i = 0; pieces < 4 && i < 1'000'000; ++i) {
            there.bed.put(item("item-" + std::to_string(i % 50), i, "s1"));
            there.turn();
            pieces = there.writer->status().pieces;
            std::uint64_t bytes = 0;
            std::error_code gone;
            for (const char* suffix : {"", ".1", ".new"}) {
                const auto size = fs::file_size(file(suffix), gone);
                if (!gone) bytes += size;
            }
            most = std::max(most, bytes);
            if (i % 100 == 0) std::this_thread::yield();
        }
        EXPECT_GE(pieces, 4u) << there.writer->status().trouble;
    }
    EXPECT_EQ(replay(file()).text(), "");
    EXPECT_EQ(replay(file(".1")).text(), "");
    EXPECT_FALSE(fs::exists(file(".new")));
    EXPECT_GT(most, 30'000u);
}

TEST_F(Record, WhatDoesNotFitStopsTheRecordingAndNothingElse) {
    options.most_bytes = 3000;
    Recorded there(options);
    there.add("notes");
    there.bed.put(Setting{Key<Setting>("s1"), 1});
    for (int i = 0; there.writer->status().recording && i < 1'000'000; ++i) {
        there.bed.put(item("item-" + std::to_string(i % 500), i, "s1"));
        there.turn();
    }
    EXPECT_THAT(there.writer->status().trouble,
                AllOf(HasSubstr("does not fit into a piece"), HasSubstr("set [debug] record-size to more than")));
    EXPECT_EQ(there.bed.put(item("more", 1, "s1")).runs, 1u);
}

TEST_F(Record, OnlyItsOwnerReadsItAndLinksAreNotFollowed) {
    std::ofstream(dir / "target") << "precious";
    fs::create_symlink(dir / "target", file());
    const auto link = Writer::start(options);
    ASSERT_FALSE(link);
    EXPECT_EQ(link.error().kind, ErrorKind::invalid);
    EXPECT_THAT(link.error().text(), HasSubstr("is no ordinary file"));
    fs::remove(file());
    fs::create_directory(file());
    EXPECT_FALSE(Writer::start(options));
    fs::remove(file());
    options.file = (dir / "not" / "there").string();
    EXPECT_THAT(Writer::start(options).error().text(),
                AllOf(HasSubstr("No such file or directory"), HasSubstr("set [debug] record to a file")));
    options.file = (dir / "rec").string();
    // A stale link where the next piece goes is taken away, not followed.
    fs::create_symlink(dir / "target", file(".1"));
    EXPECT_FALSE(Writer::start(options));
    fs::remove(file(".1"));
    {
        Recorded there(options);
        there.bed.engine.tick();
    }
    struct stat facts {};
    ASSERT_EQ(::stat(file().c_str(), &facts), 0);
    EXPECT_EQ(facts.st_mode & 0777, 0600u);
    { Recorded again(options); }
    EXPECT_TRUE(fs::exists(file(".1"))) << "what a weftd recorded before it was restarted is kept";
    EXPECT_EQ(fs::file_size(dir / "target"), 8u);
}

TEST_F(Record, ADiskThatIsFullStopsTheRecordingAndNothingElse) {
    std::signal(SIGXFSZ, SIG_IGN);
    struct rlimit before {};
    ::getrlimit(RLIMIT_FSIZE, &before);
    {
        Recorded there(options);
        there.add("notes");
        there.bed.put(Setting{Key<Setting>("s1"), 1});
        struct rlimit small = before;
        small.rlim_cur = 20'000;
        ::setrlimit(RLIMIT_FSIZE, &small);
        for (int i = 0; there.writer->status().recording && i < 1'000'000; ++i)
            there.bed.put(item("item-" + std::to_string(i % 50), i, "s1"));
        ::setrlimit(RLIMIT_FSIZE, &before);
        EXPECT_THAT(there.writer->status().trouble, HasSubstr("can't be written"));
        EXPECT_EQ(there.bed.put(item("more", 1, "s1")).runs, 1u);
    }
    const auto done = replay(file());
    EXPECT_EQ(done.text(), "");
    EXPECT_GT(done.ticks, 10u);
    EXPECT_THAT(done.facts.end, ::testing::AnyOf(HasSubstr("in the middle of a write"), HasSubstr("was not closed")));
}

}  // namespace
}  // namespace weft::record
