#pragma once

#include "appliers/status.hpp"
#include "engine/engine.hpp"
#include "kube/backoff.hpp"
#include "kube/loop.hpp"
#include "kube/transport.hpp"

#include <weft/plugin/plugin.hpp>
#include <weft/tables/object_status.hpp>

#include <atomic>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weft::appliers {

struct ObjectStatusOptions {
    std::size_t in_flight = 4;
    kube::Backoff::Options backoff{std::chrono::milliseconds(500), std::chrono::seconds(30), 0.5};
    /// Asked before each request; false holds everything back.
    std::function<bool()> may_write;
};

/// Makes the status of objects as the table ObjectStatus says. Rows of objects don't keep their status, so an object is
/// read once, at the first thing that is to be said about it, and after a write that failed; from then on what we wrote
/// is what is there. A change by hand is put right when there is news for the object, and at a restart.
///
/// The engine's callbacks may come on any one thread and hand over; all else runs on the loop's thread.
class ObjectStatusApplier final : public engine::Subscriber {
  public:
    /// How objects of a kind are addressed; null while nobody watches the kind.
    using ResourceOf = std::function<const ResourceSpec*(std::string_view kind)>;

    ObjectStatusApplier(kube::Loop& loop, kube::Transport& transport, ResourceOf resource_of,
                        ObjectStatusOptions options = {}, kube::Random random = kube::system_random());
    ~ObjectStatusApplier();

    static std::vector<TableSpec> tables();
    void changed(std::span<const Change> changes) override;
    void first_round_done() override { complete_.store(true, std::memory_order_release); }

    /// Any thread.
    Status status() const;

  private:
    struct Work {
        ObjectRef object;
        std::map<std::string, RowPtr> desired;  ///< by field
        /// What the status holds of the fields that we ever put, as JSON; nothing: not there. Empty until looked.
        std::map<std::string, std::optional<std::string>> known;
        std::set<std::string> ever;  ///< fields that we ever put
        bool looked = false;
        bool queued = false;
        kube::Transport::Exchange exchange = kube::Transport::Exchange::none;
        std::unique_ptr<kube::Backoff> backoff;
        std::unique_ptr<kube::ScopedTimer> timer;
        std::optional<Fault> fault;
    };
    using Works = std::map<std::string, Work, std::less<>>;

    void take(const Change& change);
    void wake(Work& work);
    void pump();
    void attempt(Works::iterator at);
    void look(Work& work, const ResourceSpec& resource);
    void read(Work& work, JsonView object);
    void send(Work& work, const ResourceSpec& resource, const std::set<std::string>& fields);
    std::set<std::string> differing(const Work& work) const;
    void failed(Work& work, const Error& error, std::optional<Duration> retry_after);
    void note(Work& work, const Error* error);
    void count_request();
    void publish();

    kube::Loop& loop_;
    kube::Transport& transport_;
    const ResourceOf resource_of_;
    const ObjectStatusOptions options_;
    kube::Random random_;
    kube::ScopedTimer lead_timer_;
    std::shared_ptr<bool> alive_;

    Works works_;
    std::vector<std::string> queue_;
    std::size_t in_flight_ = 0;

    std::atomic<bool> complete_{false};
    mutable std::mutex mutex_;
    Status status_;  ///< counters, faults
};

}  // namespace weft::appliers
