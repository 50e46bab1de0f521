#pragma once

#include "cni/message.hpp"
#include "cni/server/hub.hpp"

#include <functional>
#include <map>
#include <memory>
#include <string>

namespace weft::cni {

/// One request under way. All on the loop's thread.
class Operation : public std::enable_shared_from_this<Operation> {
  public:
    using Waiter = std::function<void(const Reply&)>;

    Operation(Hub& hub, Request request, NetConf conf)
        : hub_(hub),
          request_(std::move(request)),
          conf_(std::move(conf)),
          arrived_(Clock::system().now()) {}
    virtual ~Operation() = default;
    Operation(const Operation&) = delete;
    Operation& operator=(const Operation&) = delete;

    void start() {
        started_ = true;
        begin();
    }
    bool started() const { return started_; }
    /// Ends it: what was done is rolled back, then the waiters get `why`.
    void cancel(CniError why) {
        if (started_) {
            abort(std::move(why));
        } else {
            finish({std::move(why), {}});
        }
    }

    std::uint64_t wait(Waiter waiter) {
        waiters_.emplace(++last_waiter_, std::move(waiter));
        return last_waiter_;
    }
    /// The one who asked went away.
    void leave(std::uint64_t waiter) {
        waiters_.erase(waiter);
        if (waiters_.empty() && !finished_) abandoned();
    }
    /// Moves the waiters of a later, equal request here. False when this one cannot answer for it.
    virtual bool join(Operation& /*later*/) { return false; }
    /// Gives its waiters to an equal request that is under way.
    void hand_over(Operation& to) {
        for (auto& [id, waiter] : std::exchange(waiters_, {}))
            to.wait(std::move(waiter));
    }

    virtual void pod_interface_changed(const std::string& /*key*/) {}
    /// A port, or (null) everything about the bridge.
    virtual void switch_changed(const std::string* /*name*/) {}

    Command command() const { return request_.invocation.command; }
    const Invocation& invocation() const { return request_.invocation; }
    /// Empty for requests that are about no attachment.
    std::string queue() const {
        if (request_.invocation.container_id.empty()) return {};
        return request_.invocation.container_id + "/" + request_.invocation.ifname;
    }
    std::string queue_given;  ///< the hub's name for its queue

  protected:
    virtual void begin() = 0;
    // Those who override it keep the error.
    virtual void abort(CniError /*why*/) {}  // NOLINT(performance-unnecessary-value-param)
    virtual void abandoned() {}

    /// Exactly once; the object may be gone afterwards unless the caller holds it.
    void finish(Reply reply);

    Hub& hub_;
    const Request request_;
    const NetConf conf_;
    const TimePoint arrived_;
    std::map<std::uint64_t, Waiter> waiters_;

  private:
    std::uint64_t last_waiter_ = 0;
    bool started_ = false;
    bool finished_ = false;
};

/// The operation for a request; an error when its arguments are wrong.
Outcome<std::shared_ptr<Operation>> make_operation(Hub& hub, Request request, NetConf conf);

}  // namespace weft::cni
