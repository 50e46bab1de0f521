#pragma once

#include "engine/change_set.hpp"
#include "engine/keyed_rows.hpp"

#include <weft/base/clock.hpp>

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace weft::engine {

class Engine;

/// What has been posted to one table since the last tick, newest for each key.
struct PendingInput {
    bool replaces = false;
    bool completes = false;
    KeyedRows rows;  ///< an erasure is a row that has only a key
};

/// The one door into the engine: any thread puts, the engine thread takes. Under a flood it hands out bounded portions:
/// appliers are then at work on the first one while rules run on the next, and what a tick needs in passing stays
/// small.
class InputQueue {
  public:
    struct Batch {
        std::map<std::string, PendingInput, std::less<>> tables;
        std::size_t rows = 0;
        std::vector<std::function<void(Engine&)>> work;
    };

    /// What is posted after a batch holds `portion` rows belongs to the next one. A ChangeSet is never cut, and
    /// work comes after all input that was posted before it but what is in its own batch.
    explicit InputQueue(std::size_t portion) : portion_(portion) {}

    /// True when nothing was waiting before.
    bool post(ChangeSet changes);
    bool post(std::function<void(Engine&)> work);
    bool wake();
    /// The oldest batch.
    Batch take();
    bool has_more();
    /// Waits for input, or as long as told. True: there is some.
    bool wait(std::optional<Duration> at_most);

  private:
    bool pending() const { return woken_ || !batches_.empty(); }
    Batch& newest();

    std::mutex mutex_;
    std::condition_variable arrived_;
    const std::size_t portion_;
    std::deque<Batch> batches_;
    bool woken_ = false;
};

}  // namespace weft::engine
