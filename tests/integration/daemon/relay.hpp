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
/// what it asked for. It lives in the network namespace of the thread that makes it.
class Relay {
  public:
    enum class Kind : std::uint8_t {
        plain,
        http_proxy  ///< takes CONNECT requests for whatever host, all of which lead to the server
    };
    explicit Relay(std::uint16_t to, Kind kind = Kind::plain);
    ~Relay();
    Relay(const Relay&) = delete;
    Relay& operator=(const Relay&) = delete;

    std::uint16_t port() const { return port_; }
    std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
    /// From now on nothing is passed on, in either direction; connections stay open and new ones are taken.
    void stall() { stalled_ = true; }
    /// Closes all and takes nobody, until heal().
    void cut() { cut_ = true; }
    /// From now on all that comes is taken and goes nowhere; connections stay open and new ones are taken.
    void swallow() { swallowing_ = true; }
    /// Ends all connections with RST, once.
    void reset() { resetting_ = true; }
    /// Ends one connection with RST when so many bytes of the server have passed it.
    void reset_after(std::size_t bytes) { reset_after_ = bytes; }
    /// The next piece of at least so many bytes that a client sends passes; whatever its server sends from then on goes
    /// nowhere.
    void lose_answer_to(std::size_t bytes) { lose_answer_to_ = bytes; }
    /// Ends what swallow(), stall(), cut() and lost answers have left.
    void heal();
    unsigned resets() const { return resets_; }
    unsigned answers_lost() const { return answers_lost_; }
    /// First lines of the requests that came by, such as "PATCH /api/v1/nodes/n1 HTTP/1.1".
    std::vector<std::string> requests() const;

  private:
    struct Pair;
    void work();
    bool pass(Pair& pair, bool to_server);
    bool take_connect(Pair& pair, const char* data, std::size_t size);
    void reset(Pair& pair);
    void note(Pair& pair, const char* data, std::size_t size);

    std::uint16_t to_;
    Kind kind_;
    std::uint16_t port_ = 0;
    int listening_ = -1;
    std::atomic<bool> stalled_{false};
    std::atomic<bool> cut_{false};
    std::atomic<bool> swallowing_{false};
    std::atomic<bool> resetting_{false};
    std::atomic<std::size_t> reset_after_{0}, lose_answer_to_{0};
    std::atomic<unsigned> resets_{0}, answers_lost_{0};
    std::atomic<bool> stopping_{false};
    mutable std::mutex mutex_;
    std::vector<std::string> requests_;
    std::thread thread_;
};

}  // namespace weft::testing
