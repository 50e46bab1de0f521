#pragma once

#include "appliers/netlink/fd.hpp"
#include "appliers/netlink/handle.hpp"

#include <atomic>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace weft::netlink {

/// Links and addresses of one namespace, as last heard.
struct KernelView {
    std::map<int, Link> links;                      ///< by index
    std::map<int, std::vector<Address>> addresses;  ///< by link index
};

/// Who wants to know. Called on the monitor's thread; must not block for long.
class KernelListener {
  public:
    virtual ~KernelListener() = default;
    /// These links came, changed, went, or have other addresses. At start and after an overrun: every link that is or
    /// was there, and anything else of them may have changed too.
    virtual void links_changed(const KernelView& now, const std::set<std::string>& names) = 0;
    /// Everything has been listed: at start and after an overrun, after links_changed. A link that came and went
    /// before, unheard, was in no view and is in none now.
    virtual void kernel_listed() {}
    /// The first complete view has been delivered.
    virtual void kernel_known() {}
    /// A route was set or removed. The kernel does not tell about those that go with their link.
    virtual void route_changed(const std::string& /*link*/, const RouteEntry& /*route*/, bool /*gone*/) {}
    virtual void neighbour_changed(const std::string& /*link*/, const NeighbourEntry& /*entry*/, bool /*gone*/) {}
    /// A setting of the link below net/ipv4/conf or net/ipv6/conf changed; the kernel tells only about some of them.
    virtual void settings_changed(const std::string& /*link*/) {}
};

/// A thread that listens to the kernel, in the namespace of the thread that calls start(). Survives overruns and errors
/// by listing everything again.
class Monitor {
  public:
    explicit Monitor(std::vector<KernelListener*> listeners);
    ~Monitor();
    Result<void> start();
    void stop();

    std::uint64_t resyncs() const { return resyncs_.load(std::memory_order_relaxed); }
    /// As if notifications had been lost; for tests.
    void force_resync();

  private:
    void run();
    Result<void> open_socket();
    Result<void> resync();
    void handle(const nlmsghdr& header);
    void handle_link(const nlmsghdr& header);
    void handle_address(const nlmsghdr& header);
    void handle_settings(const nlmsghdr& header);
    void tell();
    std::string name_of(int link) const;

    std::vector<KernelListener*> listeners_;
    KernelView view_;
    std::set<std::string> touched_;
    bool known_ = false;
    std::unique_ptr<Socket> notifications_;
    std::unique_ptr<Handle> handle_;
    Fd wake_;
    std::atomic<bool> stopping_{false};
    std::atomic<bool> resync_asked_{false};
    std::atomic<std::uint64_t> resyncs_{0};
    std::thread thread_;
};

}  // namespace weft::netlink
