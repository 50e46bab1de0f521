#pragma once

#include "containment/run_board.hpp"
#include "engine/change_set.hpp"
#include "engine/engine.hpp"

#include <weft/engine/operator.hpp>

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace weft::engine {

/// One adapter with the requests that wait for it and its way back. Follows its request table on the engine thread.
class AdapterRunner final : public Subscriber, private weft::Inbox {
  public:
    using Post = std::function<void(ChangeSet)>;

    /// `slot` and `label`: where the board says that it runs.
    AdapterRunner(std::string name, containment::RunSlot* slot, std::uint16_t label, const AdapterSpec& spec,
                  std::unique_ptr<Adapter> adapter, Post post, std::function<void()> schedule);

    void changed(std::span<const Change> changes) override;
    void first_round_done() override;

  private:
    friend class AdapterExecutor;
    /// On the executor: hands over what waits. False: nothing did.
    bool serve();
    void finish() noexcept;

    void put(RowPtr row) override;
    void erase(std::string_view key) override;
    void complete() override;
    void send(ChangeSet changes);

    std::string name_;
    containment::RunSlot* slot_;
    std::uint16_t label_;
    std::string answers_;
    RowType answer_type_;
    std::unique_ptr<Adapter> adapter_;
    Post post_;
    std::function<void()> schedule_;

    std::mutex mutex_;
    std::map<std::string, Change, std::less<>> waiting_;  ///< coalesced: from the first `before` to the last `after`
    bool begun_ = false;      ///< the first round is done: the first call tells of all its requests
    bool owes_call_ = false;  ///< the first round is over: the adapter must hear of it even without requests
    bool open_ = true;        ///< answers are let through
};

/// The one thread that all adapters run on, each called never twice at once. Adapters are stopped newest first.
class AdapterExecutor {
  public:
    AdapterExecutor(AdapterRunner::Post post, containment::RunBoard* board);
    ~AdapterExecutor();

    AdapterRunner& add(const std::string& module, const std::string& name, const AdapterSpec& spec,
                       std::unique_ptr<Adapter> adapter);
    /// Stops it, on its thread, and waits until it has.
    void remove(AdapterRunner& runner);
    void stop();

  private:
    void run();

    AdapterRunner::Post post_;
    containment::RunBoard* board_;
    containment::RunLanes lanes_;  ///< one, for the one thread
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<std::unique_ptr<AdapterRunner>> runners_;
    std::vector<AdapterRunner*> leaving_;  ///< to be stopped, in this order
    bool scheduled_ = false;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace weft::engine
