#pragma once

#include "engine/change_set.hpp"

#include <weft/base/clock.hpp>
#include <weft/base/hash.hpp>

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

namespace weft::engine {

class Engine;

struct RowKeyHash {
    std::size_t operator()(const RowPtr& row) const { return hash_bytes(row.key()); }
};
struct RowKeyEqual {
    bool operator()(const RowPtr& a, const RowPtr& b) const { return a.key() == b.key(); }
};

/// What has been posted to one table since the last tick, newest for each key.
struct PendingInput {
    bool replaces = false;
    bool completes = false;
    std::unordered_set<RowPtr, RowKeyHash, RowKeyEqual> rows;  ///< an erasure is a row that has only a key
};

/// The one door into the engine: any thread puts, the engine thread takes.
class InputQueue {
  public:
    struct Batch {
        std::map<std::string, PendingInput, std::less<>> tables;
        std::vector<std::function<void(Engine&)>> work;
    };

    /// True when nothing was waiting before.
    bool post(ChangeSet changes);
    bool post(std::function<void(Engine&)> work);
    bool wake();
    Batch take();
    /// Waits for input, or as long as told. True: there is some.
    bool wait(std::optional<Duration> at_most);

  private:
    bool pending() const { return woken_ || !batch_.tables.empty() || !batch_.work.empty(); }

    std::mutex mutex_;
    std::condition_variable arrived_;
    Batch batch_;
    bool woken_ = false;
};

}  // namespace weft::engine
