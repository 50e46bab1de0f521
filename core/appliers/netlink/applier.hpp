#pragma once

#include "appliers/netlink/desired.hpp"
#include "appliers/netlink/host_feed.hpp"
#include "appliers/netlink/monitor.hpp"
#include "appliers/netlink/reconcile.hpp"

#include <weft/base/clock.hpp>
#include <weft/engine/operator.hpp>

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <string>
#include <thread>
#include <vector>

namespace weft::netlink {

enum class ApplierState : std::uint8_t {
    awaiting,  ///< not all desired rows are known yet: nothing is pruned
    syncing,   ///< something is still to be done
    synced,
};

/// One row that is not as desired, and why.
struct RowProblem {
    std::string table;
    std::string key;
    Error error;
    TimePoint since;
};

struct ApplierStatus {
    ApplierState state = ApplierState::awaiting;
    std::size_t rows = 0;        ///< desired
    std::size_t behind = 0;      ///< rows on links that are still to be looked at, or have a problem
    std::size_t waiting = 0;     ///< rows whose link is not there
    std::uint64_t changes = 0;   ///< steps that changed the kernel
    std::uint64_t put_back = 0;  ///< of these, what somebody else had taken away or changed
    std::vector<RowProblem> problems;
};

struct ApplierOptions {
    Duration retry_first = std::chrono::milliseconds(100);  ///< doubles with each failure
    Duration retry_last = std::chrono::seconds(30);
    /// Everything is compared again this often: some sysctls change without a word from the kernel.
    Duration refresh = std::chrono::minutes(2);
    /// A link on which this many things were put back within a minute is left alone for `flap_rest`.
    std::size_t flap_count = 20;
    Duration flap_rest = std::chrono::seconds(10);
};

/// Makes the kernel's links, addresses, routes, neighbours and sysctls as the desired rows say, and keeps them so: rows
/// wait while their link is absent, are applied when it appears, and are put back when somebody removes them. Works in
/// the namespace of the thread that calls start(), on a thread of its own.
class Applier final : public KernelListener {
  public:
    /// `sink` gets HostLink and HostAddress rows and must outlive the applier.
    explicit Applier(Sink& sink, ApplierOptions options = {});
    ~Applier() override;

    Result<void> start();
    /// Leaves the kernel as it is.
    void stop();

    /// Changes of LinkState, LinkAddress, Route, Neighbour and Sysctl; others are ignored. Any thread.
    void changed(std::span<const Change> changes);
    /// All desired rows that there are at start have been told: from now on claimed things that no row wants are
    /// removed.
    void desired_known();

    ApplierStatus status() const;
    /// Called on the applier's thread after each pass that changed the status. Set before start().
    void on_status(std::function<void()> told) { told_ = std::move(told); }
    Monitor& monitor() { return monitor_; }

    // From the monitor.
    void links_changed(const KernelView& now, const std::set<std::string>& names) override;
    void kernel_listed() override;
    void route_changed(const std::string& link, const RouteEntry& route, bool gone) override;
    void neighbour_changed(const std::string& link, const NeighbourEntry& entry, bool gone) override;
    void settings_changed(const std::string& link) override;

  private:
    /// What is remembered of a link between passes; the executor's own.
    struct LinkMemory {
        LinkDesire applied;  ///< rows that were in place after some pass
        std::size_t failures = 0;
        std::vector<TimePoint> put_back;  ///< within the last minute
    };
    using Problems = std::map<std::pair<std::string, std::string>, Error>;  ///< by table and key
    /// What one pass over one link came to.
    struct Pass {
        bool present = true;
        bool retry = false;
        std::size_t changes = 0;
        std::size_t put_back = 0;
        Problems problems;
    };

    void run();
    void mark(const std::string& link);
    void mark_all();  ///< with mutex_ held
    bool is_there(const Link& link);
    void reconcile(const std::string& link);
    Pass pass_over(const std::string& link, const LinkDesire& desired, LinkMemory& memory, bool prune);
    void step_over(const LinkActual& actual, const std::vector<Step>& steps, const LinkDesire& desired,
                   LinkMemory& memory, Pass& pass);
    void write_sysctls(const LinkDesire& desired, LinkMemory& memory, Pass& pass);
    void record(const std::string& link, Pass& pass, LinkMemory& memory);

    const ApplierOptions options_;
    HostFeed feed_;
    std::unique_ptr<Handle> handle_;

    mutable std::mutex mutex_;
    std::condition_variable wake_;
    bool stopping_ = false;
    bool known_ = false;
    DesiredRows desired_;
    std::set<std::string> dirty_;
    std::string working_on_;  ///< the link of the pass that runs; counted as behind
    bool working_ = false;
    std::map<std::string, TimePoint> later_;  ///< links to look at again, and when
    std::set<std::string> absent_;
    std::map<std::string, std::map<std::pair<std::string, std::string>, RowProblem>> problems_;  ///< by link
    std::uint64_t changes_ = 0;
    std::uint64_t put_back_ = 0;

    std::map<std::string, LinkMemory> memory_;
    std::function<void()> told_;
    Monitor monitor_;
    std::thread thread_;
};

}  // namespace weft::netlink
