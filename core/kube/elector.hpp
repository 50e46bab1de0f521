#pragma once

#include "kube/backoff.hpp"
#include "kube/loop.hpp"
#include "kube/objects.hpp"
#include "kube/transport.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <limits>
#include <mutex>
#include <string>

namespace weft::kube {

struct ElectorOptions {
    std::string ns = "ovn-kubernetes";
    std::string lease = "ovn-kubernetes-master";
    std::string identity;  ///< unique among the candidates
    /// Others may take the Lease when they have seen no renewal for so long.
    Duration lease_duration = std::chrono::seconds(137);
    /// We stop when we could not renew for so long: shorter than lease_duration, so that two never lead at once.
    Duration renew_deadline = std::chrono::seconds(107);
    Duration retry_period = std::chrono::seconds(26);
};

struct ElectorStatus {
    bool leads = false;
    std::string holder;  ///< who leads, as far as we know
    std::string trouble;
    std::uint64_t renewals = 0;
    std::uint64_t gained = 0;
    std::uint64_t lost = 0;
};

/// Leader election over a Lease, understood by other programs that use client-go's: holderIdentity, leaseTransitions,
/// times in microseconds; how old a renewal is, is told by our own clock and never by the times in the Lease. Give it a
/// Client (that is, a thread and a connection) of its own, so that nothing can delay a renewal.
class Elector {
  public:
    struct Events {
        std::function<void()> gained;
        /// From now on nothing may be written. Comes before another can have the Lease.
        std::function<void(const std::string& why)> lost;
        /// Who leads, or what is wrong, has changed; status() tells.
        std::function<void()> changed = {};
    };

    Elector(Loop& loop, Transport& transport, ElectorOptions options, Events events, Random random = system_random());
    ~Elector();

    void start();
    /// Stops being a candidate; a Lease that we hold is given back, so that the next one need not wait. `done` runs
    /// when that is through or has failed. `lost` comes first.
    void stop(std::function<void()> done);

    /// Any thread, at any time: we lead, and the last renewal is not too old. False even when the loop is stuck.
    bool may_write() const {
        return loop_.now().time_since_epoch().count() < leads_until_.load(std::memory_order_acquire);
    }
    /// Any thread.
    ElectorStatus status() const;

  private:
    /// What a Lease says.
    struct Record {
        std::string holder;
        std::int64_t seconds = 0;
        std::string acquired;
        std::int64_t transitions = 0;
    };

    void attempt();
    void get();
    void on_lease(const Answer& answer);
    void observe(JsonView lease);
    void write(bool create, bool release);
    void on_written(const Answer& answer, TimePoint sent, Record written, bool release);
    void released();
    void failed(const std::string& why, std::optional<Duration> retry_after);
    void again_after(Duration delay);
    void gain(TimePoint sent);
    void lose(const std::string& why);
    bool held_by_other() const;
    bool leads() const { return leads_until_.load(std::memory_order_relaxed) != never; }
    Duration request_deadline() const;
    std::string lease_text(const Record& record, bool create) const;
    void tell(const std::function<void(ElectorStatus&)>& change);

    static constexpr Duration::rep never = std::numeric_limits<Duration::rep>::min();

    Loop& loop_;
    Transport& transport_;
    const ElectorOptions options_;
    const Events events_;
    Random random_;
    const ResourceSpec leases_;
    ScopedTimer retry_;
    ScopedTimer deadline_;
    Transport::Exchange exchange_ = Transport::Exchange::none;
    std::atomic<Duration::rep> leads_until_{never};
    bool running_ = false;
    bool releasing_ = false;
    bool writing_ = false;  ///< a write is under way: the Lease may be ours without our knowing
    bool unread_ = false;   ///< the latest write went by an earlier look at the Lease

    std::string metadata_;  ///< of the Lease as last seen, for guarded updates; empty when it must be read first
    Record record_;
    std::string observed_;        ///< its spec as text
    TimePoint observed_since_{};  ///< when we saw that text first
    std::function<void()> stopped_;

    mutable std::mutex mutex_;
    ElectorStatus status_;
};

}  // namespace weft::kube
