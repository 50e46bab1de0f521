#pragma once

#include "appliers/actions/conntrack.hpp"
#include "appliers/ovsdb/order.hpp"
#include "appliers/status.hpp"
#include "engine/engine.hpp"

#include <weft/base/clock.hpp>
#include <weft/tables/action.hpp>

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

/// Does things once when rows have been applied. README.md has the story.
namespace weft::appliers::actions {

/// How actions are carried out; replaced by tests. Called on the applier's thread.
class Doer {
  public:
    virtual ~Doer() = default;
    virtual Result<void> flush(std::span<const Connections> which) = 0;
    virtual Result<void> announce(const tables::Announcement& what) = 0;
};

/// In the network namespace of the thread that runs it. `control_socket` names the switch's control socket; empty while
/// there is no switch that forwards in userspace.
std::unique_ptr<Doer> real_doer(std::function<Result<std::string>()> control_socket);

class Applier final : public engine::Subscriber {
  public:
    struct Options {
        Duration first_retry = std::chrono::milliseconds(500);
        Duration most_retry = std::chrono::seconds(30);
    };

    /// `order` tells when the rows that actions hang on have been applied.
    Applier(engine::Engine& engine, ovsdb::Order& order, std::unique_ptr<Doer> doer, Options options);
    Applier(engine::Engine& engine, ovsdb::Order& order, std::unique_ptr<Doer> doer)
        : Applier(engine, order, std::move(doer), Options()) {}
    ~Applier();

    /// Subscribes to the engine, after the appliers of the rows; starts the thread.
    Result<void> start();
    /// What has not been done by then is not done.
    void stop();

    // Engine thread:
    void changed(std::span<const Change> changes) override;
    void first_round_done() override { first_round_ = true; }
    void tick_done() override;

    Status status() const;

  private:
    using Item = ovsdb::Item;
    using Number = std::uint64_t;  ///< of one that is to be done
    /// An action that waits for its row.
    struct Pending {
        Item action;
        RowPtr row;
        ::weft::ovsdb::After on;
        tables::Moment when = tables::Moment::put;
        bool late = false;   ///< came after the first sync
        bool moved = false;  ///< its row has been made or changed since
    };
    /// One that is being carried out.
    struct Job {
        Item action;
        RowPtr row;
        unsigned attempts = 0;
        TimePoint next{};
        WallTime since{};
        Error error;
    };
    using Due = std::vector<std::pair<Number, RowPtr>>;

    void wait_for_row(const Item& action, const RowPtr& row);
    void cancel(const Item& action);
    void row_moved(const Item& on, ovsdb::Move how);
    void look_at(Number number);
    Pending take(Number number);
    void hand_over(Pending pending);

    void run();
    std::map<Number, Result<void>> carry_out(const Due& due);
    void record(Number number, const Result<void>& done);

    engine::Engine& engine_;
    ovsdb::Order& order_;
    std::unique_ptr<Doer> doer_;
    Options options_;
    bool first_round_ = false;
    Number next_ = 1;
    std::map<Number, Pending> pending_;
    std::unordered_map<Item, std::set<Number>, ovsdb::ItemHash> by_row_;  ///< those pending, by what they hang on
    std::unordered_map<Item, Number, ovsdb::ItemHash> puts_;  ///< those of Moment::put that are not done, by action
    std::vector<Number> fresh_;                               ///< came in this tick

    mutable std::mutex mutex_;
    std::condition_variable wake_;
    bool stopping_ = false;
    std::map<Number, Job> jobs_;
    std::size_t waiting_ = 0;  ///< pending_.size(), for status()
    std::uint64_t done_ = 0;
    std::uint64_t tries_ = 0;
    std::thread thread_;
};

}  // namespace weft::appliers::actions
