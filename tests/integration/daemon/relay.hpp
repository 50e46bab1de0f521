#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace weft::testing {

/// A TCP relay on loopback between one client and one server, so that a test can cut off this client alone and can see
/// what it asked for.
class Relay {
  public:
    explicit Relay(std::uint16_t to);
    ~Relay();
    Relay(const Relay&) = delete;
    Relay& operator=(const Relay&) = delete;

    std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
    /// From now on nothing is passed on, in either direction; connections stay open and new ones are taken.
    void stall() { stalled_ = true; }
    /// Closes all and takes nobody, until heal().
    void cut() { cut_ = true; }
    void heal();
    /// First lines of the requests that came by, such as "PATCH /api/v1/nodes/n1 HTTP/1.1".
    std::vector<std::string> requests() const;

  private:
    struct Pair;
    void work();
    bool pass(Pair& pair, bool to_server);
    void note(Pair& pair, const char* data, std::size_t size);

    std::uint16_t to_;
    std::uint16_t port_ = 0;
    int listening_ = -1;
    std::atomic<bool> stalled_{false};
    std::atomic<bool> cut_{false};
    std::atomic<bool> stopping_{false};
    mutable std::mutex mutex_;
    std::vector<std::string> requests_;
    std::thread thread_;
};

}  // namespace weft::testing
