#pragma once

#include "kube/access.hpp"
#include "kube/loop.hpp"
#include "kube/transport.hpp"

#include <cstdint>
#include <memory>
#include <string>

namespace weft::kube {

/// The connection to one API server: an I/O thread that is both the Loop of what uses it and its Transport, over
/// libcurl (HTTP/2 on one connection when https, HTTP/1.1 with kept connections otherwise; the environment's proxies
/// are ignored).
class Client final : public Loop, public Transport {
  public:
    struct Options {
        std::string thread_name = "weft-kube";
        std::string user_agent = "weft";
        Duration connect_timeout = std::chrono::seconds(10);
    };
    struct Counters {
        std::uint64_t requests = 0;
        std::uint64_t failures = 0;  ///< exchanges that got no whole answer
        std::uint64_t connections = 0;
        std::uint64_t bytes_in = 0;
    };

    explicit Client(Access access) : Client(std::move(access), Options{}) {}
    Client(Access access, Options options);
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;
    ~Client();

    void start();
    /// Ends the thread. Exchanges and tasks that are left are dropped without a call.
    void stop();

    /// The files of the credentials hold something new: requests from here on use it, those under way go on. Any
    /// thread.
    void credentials_changed();

    const Access& access() const;
    Counters counters() const;

    // Loop
    TimePoint now() const override;
    WallTime wall() const override;
    void post(Task task) override;
    Timer at(TimePoint when, Task task) override;
    void cancel(Timer timer) override;
    /// Runs `task` on the loop and waits for it; for other threads, while the loop runs.
    void run(const Task& task);

    // Transport
    Exchange start(Request request, OnDone done, OnData data = {}) override;
    void cancel(Exchange exchange) override;
    /// The same for another thread that can wait.
    Answer call(Request request);

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace weft::kube
