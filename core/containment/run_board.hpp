#pragma once

#include <weft/base/result.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Which code of which plugin each thread runs right now, in memory that outlives the process: a file that is mapped.
/// Whoever starts next reads from it what a crash interrupted; a watching thread sees what does not return.
namespace weft::containment {

/// One thread's place on the board: an even number of turns is idle, an odd one runs `label` on `key`. Written by that
/// thread only; a few stores each time.
struct RunSlot {
    static constexpr std::size_t most_key = 240;  ///< a longer key is cut

    std::atomic<std::uint32_t> turn;
    std::atomic<std::uint16_t> label;
    std::atomic<std::uint16_t> key_size;
    std::array<std::atomic<std::uint64_t>, most_key / 8> key;  ///< the text, eight bytes a word

    void begin(std::uint16_t what, std::string_view on) noexcept;
    void end() noexcept;
};

/// The slot that this thread is on, for the handler of a crash; null while it runs nothing of a plugin's.
RunSlot* running_slot() noexcept;

/// Says for its life that this thread runs `label` on `key`. Without a slot it does nothing.
class RunMark {
  public:
    RunMark(RunSlot* slot, std::uint16_t label, std::string_view key) noexcept;
    ~RunMark();
    RunMark(const RunMark&) = delete;
    RunMark& operator=(const RunMark&) = delete;

  private:
    RunSlot* slot_;
    RunSlot* outer_ = nullptr;
};

/// Something that runs, or ran when its process died.
struct Running {
    std::string plugin;
    std::string part;  ///< "rule pod-ports", "adapter names", "resource ratelimits"
    std::string key;   ///< of the driver row or the object
    std::size_t slot = 0;
    std::uint32_t turn = 0;

    /// "rule pod-ports on web/p1"
    std::string text() const;
};

class RunBoard {
  public:
    static constexpr std::size_t slots = 512;
    static constexpr std::size_t labels = 1024;

    /// What an earlier process left in the file.
    struct Left {
        bool clean = false;    ///< it ended on purpose
        bool settled = false;  ///< it had run well for some time
        int signal = 0;        ///< that its handler saw; 0: none, it was killed or is a crash without a handler
        std::vector<Running> running;
        std::optional<Running> crashed;  ///< of the thread that the signal came from
    };
    static std::optional<Left> read(const std::string& file);

    /// A new board in `file`; with an empty name in plain memory.
    static Result<std::unique_ptr<RunBoard>> make(const std::string& file);
    ~RunBoard();
    RunBoard(const RunBoard&) = delete;
    RunBoard& operator=(const RunBoard&) = delete;

    /// Any thread. `n` slots in a row that nobody else has; null when there are too few left: marks do nothing then.
    RunSlot* take_slots(std::size_t n);
    void give_back(RunSlot* first, std::size_t n);
    /// Any thread. The number that stands for a part of a plugin, the same for the same texts.
    std::uint16_t label(std::string_view plugin, std::string_view part);

    /// Any thread: what runs now.
    std::vector<Running> running() const;

    void set_clean();
    void set_settled();
    /// From a handler of signals only: the thread that it runs on has crashed.
    void crashed(int signal) noexcept;

  private:
    struct Label;
    struct Sheet;  ///< as it lies in the file
    explicit RunBoard(Sheet* sheet) : sheet_(sheet) {}
    static Running running_of(const Sheet& sheet, std::size_t slot);

    Sheet* sheet_;  ///< mapped; unmapped by the destructor
    mutable std::mutex mutex_;
    std::map<std::string, std::uint16_t, std::less<>> numbers_;
    std::array<bool, slots> taken_{};
};

/// Takes slots for its life.
class RunLanes {
  public:
    RunLanes() = default;
    RunLanes(RunBoard* board, std::size_t n);
    ~RunLanes();
    RunLanes(const RunLanes&) = delete;
    RunLanes& operator=(const RunLanes&) = delete;

    /// Null when there is no board, or no room on it.
    RunSlot* at(std::size_t i) const { return first_ == nullptr || i >= n_ ? nullptr : first_ + i; }

  private:
    RunBoard* board_ = nullptr;
    RunSlot* first_ = nullptr;
    std::size_t n_ = 0;
};

}  // namespace weft::containment
