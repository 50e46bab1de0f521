#pragma once

#include "kube/loop.hpp"
#include "kube/transport.hpp"

#include <weft/engine/row.hpp>

#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

namespace weft::appliers {

enum class EventType : std::uint8_t { normal, warning };

struct EventRecorderOptions {
    std::string component = "weft";
    std::string host;  ///< the node we run on
    /// One thing told of one object is written once in this time; repetitions are counted and written afterwards.
    Duration window = std::chrono::minutes(5);
    std::size_t remembered = 2048;
    std::size_t queued = 1000;  ///< more than these wait: dropped, and counted
    double per_second = 5;
    double burst = 50;
    unsigned tries = 5;
    Duration retry = std::chrono::seconds(2);  ///< doubled with each try
    /// "v1" for a Pod: the apiVersion of a kind.
    std::function<std::string(std::string_view kind)> api_version = [](std::string_view) { return std::string("v1"); };
};

struct EventCounters {
    std::uint64_t created = 0;
    std::uint64_t bumped = 0;   ///< counts of earlier Events raised
    std::uint64_t merged = 0;   ///< repetitions that cost no request
    std::uint64_t dropped = 0;  ///< told to nobody: too many at once, or refused
};

/// Tells people about an object through Kubernetes Events. Never blocks and never insists: Events are for reading, and
/// nothing depends on them. The name of an Event follows from what it tells, so that after a restart the Event of
/// before is found again and not written anew. record() may be called on any thread.
class EventRecorder {
  public:
    EventRecorder(kube::Loop& loop, kube::Transport& transport, EventRecorderOptions options = {});
    ~EventRecorder();

    void record(ObjectRef object, EventType type, std::string reason, std::string message);
    /// Any thread.
    EventCounters counters() const;

  private:
    struct Told {
        ObjectRef object;
        EventType type = EventType::warning;
        std::string reason;
        std::string message;
        std::string event;  ///< name of the Event once there is one
        std::uint32_t count = 0;
        std::uint32_t written = 0;  ///< the count that the server has
        bool found = false;         ///< the Event was there already: its count is not known
        WallTime first{};
        WallTime last{};
        TimePoint quiet_until{};  ///< not written before
        bool queued = false;      ///< or under way
        unsigned tries = 0;
        std::list<std::string>::iterator age;
    };
    using ToldMap = std::unordered_map<std::string, Told>;

    void take(ObjectRef object, EventType type, std::string reason, std::string message);
    void enqueue(ToldMap::value_type& entry);
    void pump();
    void send(ToldMap::value_type& entry);
    void sent(const std::string& key, const kube::Answer& answer, std::uint32_t count);
    void sweep();
    void forget(ToldMap::iterator at);
    bool take_token();
    std::string name_of(const ToldMap::value_type& entry) const;
    void learn_count(Told& told, const kube::Answer& answer) const;
    std::string event_text(const Told& told) const;
    void count(std::uint64_t EventCounters::*counter);

    kube::Loop& loop_;
    kube::Transport& transport_;
    const EventRecorderOptions options_;
    std::shared_ptr<bool> alive_;

    ToldMap told_;
    std::list<std::string> ages_;  ///< keys, least recently told first
    std::deque<std::string> queue_;
    kube::Transport::Exchange exchange_ = kube::Transport::Exchange::none;
    bool sending_ = false;
    kube::ScopedTimer pump_timer_;
    kube::ScopedTimer sweep_timer_;
    double tokens_;
    TimePoint refilled_;
    const TimePoint started_;

    mutable std::mutex mutex_;
    EventCounters counters_;
};

}  // namespace weft::appliers
