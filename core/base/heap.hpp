#pragma once

#include <weft/base/clock.hpp>

#include <cstddef>
#include <optional>

namespace weft {

/// Keeps the C library from holding on to memory that a burst of work needed: glibc gives each thread an arena of its
/// own and returns little of it by itself, so that a node whose pods are gone would stay as large as it ever was.
/// Of the thread that does the work; what others freed is given back as well, but for what they keep for themselves.
class HeapKeeper {
  public:
    struct Options {
        std::size_t worth = 2000;                     ///< changes before it is worth looking
        Duration quiet = std::chrono::seconds(2);     ///< without changes: nothing is in the way of work
        Duration longest = std::chrono::seconds(30);  ///< under work that never ends
    };

    /// For the whole process, before its threads are made.
    static void set_up();

    /// Gives the system what is free, and what the calling thread keeps for itself. For threads that have had a part in
    /// a burst, after turn() has said that it is over.
    static void give_back();

    HeapKeeper() : HeapKeeper(Options{}) {}
    explicit HeapKeeper(Options options) : options_(options) {}

    /// So much was done up to now. True when memory was given back. Starting counts as a burst.
    bool turn(std::size_t changes, TimePoint now);
    /// When turn() wants to be called though nothing happens.
    std::optional<TimePoint> next() const;

  private:
    Options options_;
    bool fresh_ = true;
    std::size_t changes_ = 0;  ///< since memory was given back
    TimePoint first_{}, last_{};
};

}  // namespace weft
