// The board that tells what runs, and what a process leaves on it when it dies.
#include "containment/run_board.hpp"
#include "kit.hpp"

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <set>
#include <stdexcept>

#include <sys/wait.h>
#include <unistd.h>

namespace weft::engine {
namespace {

using containment::RunBoard;
using containment::RunLanes;
using containment::RunMark;
using containment::Running;
using containment::running_slot;
using containment::RunSlot;

using kit::Item;
using kit::Plain;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class BoardFile : public ::testing::Test {
  protected:
    void SetUp() override {
        std::string name = (std::filesystem::temp_directory_path() / "weft-board-XXXXXX").string();
        ASSERT_NE(::mkdtemp(name.data()), nullptr);
        dir = name;
        file = (dir / "running").string();
    }
    void TearDown() override { std::filesystem::remove_all(dir); }

    std::unique_ptr<RunBoard> make() {
        auto made = RunBoard::make(file);
        EXPECT_TRUE(made) << made.error().text();
        return *std::move(made);
    }
    std::filesystem::path dir;
    std::string file;
};

TEST_F(BoardFile, TellsWhatRunsAndForgetsWhatHasReturned) {
    const auto board = make();
    const RunLanes lanes(board.get(), 2);
    const auto label = board->label("shop", "rule till");
    EXPECT_EQ(board->label("shop", "rule till"), label);
    EXPECT_NE(board->label("shop", "rule door"), label);
    EXPECT_THAT(board->running(), IsEmpty());
    {
        const RunMark mark(lanes.at(1), label, "web/p1");
        EXPECT_EQ(running_slot(), lanes.at(1));
        const auto running = board->running();
        ASSERT_THAT(running, SizeIs(1));
        EXPECT_EQ(running[0].plugin, "shop");
        EXPECT_EQ(running[0].text(), "rule till on web/p1");
        EXPECT_EQ(board->running()[0].turn, running[0].turn);
    }
    EXPECT_EQ(running_slot(), nullptr);
    EXPECT_THAT(board->running(), IsEmpty());
    const auto before = [&] {
        const RunMark mark(lanes.at(1), label, "web/p1");
        return board->running()[0].turn;
    }();
    const RunMark again(lanes.at(1), label, "web/p1");
    EXPECT_NE(board->running()[0].turn, before) << "another run of the same must be seen as another";
}

TEST_F(BoardFile, LongKeysAreCutAndSlotsRunOut) {
    const auto board = make();
    {
        const RunLanes all(board.get(), RunBoard::slots);
        const RunMark mark(all.at(0), board->label("p", "rule r"), std::string(1000, 'k'));
        EXPECT_THAT(board->running()[0].key, SizeIs(RunSlot::most_key));
        const RunLanes more(board.get(), 1);
        EXPECT_EQ(more.at(0), nullptr);
        const RunMark nothing(more.at(0), 1, "x");  // is not seen, and harmless
        EXPECT_THAT(board->running(), SizeIs(1));
    }
    const RunLanes again(board.get(), RunBoard::slots);
    EXPECT_NE(again.at(0), nullptr) << "what was taken is given back";
    for (int i = 0; i < 3000; ++i)
        board->label("p", "rule " + std::to_string(i));
    EXPECT_EQ(board->label("p", "rule 2999"), 0) << "beyond the last label things have no name";
    EXPECT_NE(board->label("p", "rule 7"), 0);
}

TEST_F(BoardFile, OutlivesAProcessThatIsKilled) {
    const ::pid_t child = ::fork();
    if (child == 0) {
        auto made = RunBoard::make(file);
        if (!made) ::_exit(1);
        const RunLanes lanes(made->get(), 3);
        const RunMark first(lanes.at(0), (*made)->label("a", "rule one"), "k1");
        const RunMark second(lanes.at(2), (*made)->label("b", "adapter two"), "k2");
        ::kill(::getpid(), SIGKILL);
    }
    int how = 0;
    ASSERT_EQ(::waitpid(child, &how, 0), child);
    ASSERT_TRUE(WIFSIGNALED(how));
    const auto left = RunBoard::read(file);
    ASSERT_TRUE(left);
    EXPECT_FALSE(left->clean);
    EXPECT_EQ(left->signal, 0);
    EXPECT_FALSE(left->crashed);
    ASSERT_THAT(left->running, SizeIs(2));
    EXPECT_EQ(left->running[0].plugin + "/" + left->running[0].text(), "a/rule one on k1");
    EXPECT_EQ(left->running[1].plugin + "/" + left->running[1].text(), "b/adapter two on k2");
    EXPECT_THAT(make()->running(), IsEmpty()) << "a new board is empty";
}

TEST_F(BoardFile, OtherFilesAreNotRead) {
    EXPECT_FALSE(RunBoard::read(file));
    std::ofstream(file) << "short";
    EXPECT_FALSE(RunBoard::read(file));
    std::filesystem::resize_file(file, 1 << 20);
    EXPECT_FALSE(RunBoard::read(file));
    const auto board = make();
    EXPECT_TRUE(RunBoard::read(file));
    std::fstream(file, std::ios::in | std::ios::out).write("other!!!", 8);
    EXPECT_FALSE(RunBoard::read(file)) << "of another version";
    EXPECT_FALSE(RunBoard::make((dir / "missing" / "running").string()));
}

// What the engine writes there
// -----------------------------------------------------------------------------------------

RunBoard* seen_board = nullptr;  // rules can't capture
std::vector<Running> seen;
std::mutex seen_mutex;

struct Looks {
    using Driver = Item;
    using Reads = Tables<>;
    using Writes = Tables<Plain>;
    static void derive(const Driver& item, const Reader<Reads>&, Desired<Writes>& out) {
        out.put(Plain{.key = Key<Plain>(item.key.text), .text = "x"});
        const std::lock_guard lock(seen_mutex);
        for (auto& running : seen_board->running())
            seen.push_back(std::move(running));
        if (item.number == 1) throw std::runtime_error("oh");
        if (item.number == 2) throw 7;
    }
};

struct LooksByIndex {
    using Table = Item;
    static constexpr std::string_view index_name = "looks";
    static std::string of(const Item& item) {
        seen = seen_board->running();
        return item.group;
    }
};

struct ReadsByIndex {
    using Driver = Item;
    using Reads = Tables<LooksByIndex>;
    using Writes = Tables<Plain>;
    static void derive(const Driver&, const Reader<Reads>&, Desired<Writes>&) {}
};

TEST(IndexOnBoard, SaysWhichRowItIsAskedAbout) {
    auto board = RunBoard::make({});
    ASSERT_TRUE(board);
    seen_board = board->get();
    EngineOptions options;
    options.board = board->get();
    kit::Bed bed(options);
    bed.rules<ReadsByIndex>();
    bed.put(kit::item("k1", 1, "g"));
    ASSERT_THAT(seen, SizeIs(1));
    EXPECT_EQ(seen[0].plugin + "/" + seen[0].text(), "m1/index looks of Item on k1");
    EXPECT_THAT((*board)->running(), IsEmpty());
}

class EngineOnBoard : public ::testing::TestWithParam<unsigned> {};

TEST_P(EngineOnBoard, SaysWhichInstanceRunsOnEachThreadAlsoWhenItThrows) {
    auto board = RunBoard::make({});
    ASSERT_TRUE(board);
    seen_board = board->get();
    seen.clear();
    EngineOptions options;
    options.board = board->get();
    options.threads = GetParam();
    options.parallel_from = 2;
    {
        kit::Bed bed(options);
        bed.rules<Looks>();
        ChangeSet changes;
        for (int i = 0; i < 50; ++i)
            changes.put<Item>(kit::item("k" + std::to_string(i), i % 5));
        bed.engine.post(std::move(changes));
        bed.put();
        EXPECT_EQ(bed.status("m1/rule/k1"), "failed: the rule threw: oh");
        EXPECT_EQ(bed.status("m1/rule/k2"), "failed: the rule threw something that is no std::exception");
        EXPECT_EQ(bed.text<Plain>("k1"), "-");
        EXPECT_EQ(bed.text<Plain>("k3"), "x");
        EXPECT_THAT((*board)->running(), IsEmpty());
    }
    std::set<std::string> keys;
    for (const auto& running : seen) {
        EXPECT_EQ(running.plugin, "m1");
        EXPECT_EQ(running.part, "rule rule");
        keys.insert(running.key);
    }
    EXPECT_THAT(keys, SizeIs(50));
}

INSTANTIATE_TEST_SUITE_P(Threads, EngineOnBoard, ::testing::Values(1U, 4U));

}  // namespace
}  // namespace weft::engine
