#pragma once

#include "containment/run_board.hpp"

#include <weft/base/clock.hpp>

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace weft::containment {

struct Limits {
    Duration rule_timeout{};         ///< a run that takes longer hangs; zero: none does
    std::uint64_t memory_limit = 0;  ///< resident bytes; 0: none
};

/// One look after the other at the board and at the memory: who does not return, who was running while memory grew.
/// Holds no clock: it counts its own looks, so that a machine that slept or was too busy to look blames nobody.
class Lookout {
  public:
    struct Verdict {
        std::optional<Running> hangs;  ///< has not returned for so many looks
        bool over = false;             ///< memory is above the limit
        std::optional<Running> eats;   ///< and mostly grew while this plugin was running
        std::uint64_t grew = 0;        ///< so many bytes meanwhile
    };

    Lookout(std::size_t looks_to_hang, std::uint64_t memory_limit)
        : looks_to_hang_(looks_to_hang),
          memory_limit_(memory_limit) {}

    Verdict look(const std::vector<Running>& running, std::uint64_t resident);

  private:
    struct Seen {
        std::uint32_t turn = 0;
        std::size_t looks = 0;
    };
    struct Growth {
        std::uint64_t bytes = 0;
        Running last;
    };

    std::size_t looks_to_hang_;  ///< 0: nothing ever hangs
    std::uint64_t memory_limit_;
    std::map<std::size_t, Seen> seen_;      ///< by slot
    std::map<std::string, Growth> growth_;  ///< by plugin, since memory was last at its lowest
    std::uint64_t lowest_ = 0;
    std::uint64_t before_ = 0;
};

/// A thread that looks some times a second.
class RunWatch {
  public:
    struct Events {
        std::function<void(const Running& who)> hangs;                     ///< once
        std::function<void(const Running& who, std::uint64_t grew)> eats;  ///< once
        std::function<void(std::uint64_t resident)> over;                  ///< nobody to blame; at most once a minute
        std::function<void()> settled;                                     ///< it has run for ten minutes
    };

    RunWatch(const RunBoard& board, Limits limits, Events events);
    ~RunWatch();
    RunWatch(const RunWatch&) = delete;
    RunWatch& operator=(const RunWatch&) = delete;

    /// Between two looks: a tenth of the timeout, from 20 ms to a quarter of a second.
    static Duration pause_of(const Limits& limits);

  private:
    void run();

    const RunBoard& board_;
    Limits limits_;
    Events events_;
    std::mutex mutex_;
    std::condition_variable stopped_;
    bool stopping_ = false;
    std::thread thread_;
};

/// Resident memory of this process in bytes; 0 when that can't be told.
std::uint64_t resident_bytes();
/// What "auto" means: nine tenths of what the control group allows, else half of the machine's memory.
std::uint64_t default_memory_limit();

}  // namespace weft::containment
