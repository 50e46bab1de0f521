#pragma once

#include "appliers/kube/patch.hpp"
#include "appliers/status.hpp"
#include "base/block_allocator.hpp"
#include "engine/engine.hpp"
#include "kube/backoff.hpp"
#include "kube/loop.hpp"
#include "kube/transport.hpp"

#include <weft/tables/kube.hpp>

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

namespace weft::appliers {

struct AnnotationApplierOptions {
    /// Requests on their way. More would not be answered sooner, and over HTTP/1.1 each is a connection, all of which
    /// libcurl looks at whenever one of them has something.
    std::size_t in_flight = 8;
    /// One object's failures, and the whole server's.
    kube::Backoff::Options backoff{std::chrono::milliseconds(500), std::chrono::seconds(30), 0.5};
    unsigned conflicts_at_once = 2;  ///< looks and tries again without waiting so many times
    /// Asked before each request; false holds everything back. For a role that writes only while it leads:
    /// [&] { return elector.may_write(); }. Any thread's clock may turn it false, so it is not told, but asked.
    std::function<bool()> may_write;
    /// No hold() lasts longer than this.
    Duration longest_hold = std::chrono::seconds(2);
};

/// Makes the annotations of pods and nodes, and conditions of nodes, as the tables Annotation and NodeCondition say.
/// All that changes on one object is one PATCH; what is as it should be costs no request; nothing waits for this.
///
/// The engine's callbacks may come on any one thread and hand over; all else runs on the loop's thread. What an object
/// has now is asked of `lookup`, which knows it from the watch.
class AnnotationApplier final : public engine::Subscriber {
  public:
    struct Current {
        enum class Presence : std::uint8_t { unknown, absent, present };
        Presence presence = Presence::unknown;  ///< unknown: not watched, the server is asked
        RowPtr row;                             ///< tables::Pod or tables::Node
        std::uint64_t version = 0;
        bool annotated = false;
    };
    using Lookup = std::function<Current(std::string_view kind, std::string_view ns, std::string_view name)>;

    AnnotationApplier(kube::Loop& loop, kube::Transport& transport, Lookup lookup,
                      AnnotationApplierOptions options = {}, kube::Random random = kube::system_random());
    ~AnnotationApplier();

    /// What to subscribe to, in the order that changed() expects.
    static std::vector<TableSpec> tables();
    void changed(std::span<const Change> changes) override;
    void first_round_done() override;

    /// The object changed, came or went: what was put right may be wrong again, what waited for it can go on.
    void observed(std::string_view kind, std::string_view ns, std::string_view name);
    void observed_all(std::string_view kind);
    /// While held, no request begins: what pods need to be reached goes first. Any thread.
    void hold(bool held);
    /// The watch shows a pod as `now`. Does that differ from `before` in nothing but what we wrote ourselves? Then it
    /// is no news: it has been taken note of here, and true is returned. Otherwise observed() has to be told.
    bool take_echo(const RowPtr& before, const RowPtr& now);

    /// Frees what only the next burst needs.
    void give_back_memory() { parser_ = JsonDocument(); }

    /// Any thread.
    Status status() const;
    bool idle() const { return behind_.load(std::memory_order_acquire) == 0; }

  private:
    enum class State : std::uint8_t {
        idle,     ///< as it should be, or waiting for the object to appear or change
        queued,   ///< in ready_
        busy,     ///< a request is under way
        resting,  ///< in resting_, until its time
    };
    /// What an object needs only while something is to do. Rows that are gone say what to remove.
    struct Busy {
        std::vector<RowPtr> withdrawn;
        std::shared_ptr<const Snapshot> fresh;  ///< newer than the watch
        /// What the server said when it had taken our PATCH. The watch will mostly say the same, so this is looked at
        /// only when something else comes first.
        std::string answer;
        bool news = false;    ///< came since the request began
        bool echoed = false;  ///< the watch was faster than the answer
        kube::Transport::Exchange exchange = kube::Transport::Exchange::none;
        unsigned failures = 0;
        unsigned conflicts = 0;
        bool repair = false;
        TimePoint due{};
    };
    struct Condition {
        std::string type, status, reason, message;
    };
    struct Work {
        std::vector<RowPtr, BlockAllocator<RowPtr>>
            desired;  ///< Annotation rows by (annotation, sub-key), then NodeCondition rows
        std::unique_ptr<Busy> busy;
        std::unique_ptr<std::vector<Condition>> conditions;  ///< as last read or written
        State state = State::idle;
    };
    using Works = std::unordered_map<BlockString, Work, StringHash, std::equal_to<>,
                                     BlockAllocator<std::pair<const BlockString, Work>>>;
    using Entry = Works::value_type;
    struct ObjectName {
        std::string_view kind, ns, name;
    };
    struct Plan {
        std::vector<AnnotationChange> annotations;
        std::vector<ConditionChange> conditions;
        std::vector<RowPtr> removed;  ///< withdrawn rows that this plan settles
        bool look_first = false;
        std::optional<Error> fault;
        bool empty() const { return annotations.empty() && conditions.empty(); }
    };

    void take(const Change& change);
    Entry& entry_of(const RowPtr& row);
    /// The parts of an entry's key.
    static ObjectName name_of(std::string_view key);
    void want(Entry& entry, const RowPtr& row);
    void withdraw(Entry& entry, const RowPtr& row);
    void wake(Entry& entry);
    void observe(Entry& entry);
    void echoed(Entry& entry);
    bool catches_up(Entry& entry);
    void schedule_pump();
    void pump();
    void attempt(Entry& entry);
    /// What to go by; nothing when the server must be asked first.
    std::shared_ptr<const Snapshot> snapshot(Entry& entry, const Current& current) const;
    Snapshot read_object(const Entry& entry, JsonView object) const;
    void read_answer(Entry& entry, std::optional<bool> unavailable = {}, const Plan* plan = nullptr);
    Plan plan(const Entry& entry, const Snapshot& now) const;
    void plan_annotations(const Entry& entry, const Snapshot& now, Plan& plan) const;
    void plan_conditions(const Entry& entry, const Snapshot& now, Plan& plan) const;
    void send(Entry& entry, const Snapshot& now, Plan plan, bool watched);
    void ask(Entry& entry, bool whole);
    void on_patched(Entry& entry, kube::Answer answer, const Plan& plan, std::optional<bool> unavailable, bool watched);
    void on_looked(Entry& entry, const kube::Answer& answer, bool whole);
    void go_on(Entry& entry);
    void remember_conditions(Entry& entry, const Plan& plan);
    void failed(Entry& entry, const kube::Answer& answer, std::string_view what);
    void rest(Entry& entry, std::optional<Duration> retry_after, std::optional<Error> error);
    void settle(Entry& entry, std::optional<Error> fault);
    void absent(Entry& entry);
    void arm();
    void set_state(Entry& entry, State state);
    Busy& busy(Entry& entry);
    void fault(const Entry& entry, const Error* error);

    kube::Loop& loop_;
    kube::Transport& transport_;
    const Lookup lookup_;
    const AnnotationApplierOptions options_;
    kube::Random random_;
    kube::Backoff gate_;  ///< while the server itself is in trouble
    kube::ScopedTimer gate_timer_;
    kube::ScopedTimer resting_timer_;
    kube::ScopedTimer hold_timer_;
    std::shared_ptr<bool> alive_;  ///< tasks posted by other threads may come after our end

    mutable JsonDocument parser_;  ///< for one text after another
    Works works_;
    std::deque<Entry*> ready_;
    std::set<std::pair<TimePoint, Entry*>> resting_;
    std::size_t in_flight_ = 0;
    bool pump_posted_ = false;

    std::atomic<TimePoint> held_since_{TimePoint{}};  ///< the epoch: not held
    std::atomic<std::size_t> behind_{0};
    std::atomic<bool> complete_{false};
    mutable std::mutex mutex_;
    Status status_;  ///< counters and detail
    std::map<std::string, Fault, std::less<>> faults_;
};

}  // namespace weft::appliers
