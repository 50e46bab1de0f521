#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace weft::kube::test {

struct HttpRequest {
    std::string method;
    std::string path;
    std::map<std::string, std::string> headers;  ///< names in lower case
    std::string body;

    bool is_watch() const { return path.find("watch=1") != std::string::npos; }
};

/// The server's side of one connection, for a script: it sends exactly the bytes it is told to.
class Peer {
  public:
    explicit Peer(int fd) : fd_(fd) {}
    void send(std::string_view bytes);
    /// Each `piece` bytes in a packet of their own.
    void drip(std::string_view bytes, std::size_t piece);
    void head(int status, const std::string& more = "Transfer-Encoding: chunked\r\n");
    void chunk(std::string_view bytes);
    void last_chunk() { send("0\r\n\r\n"); }
    /// A whole answer with a length.
    void reply(int status, std::string_view body, const std::string& more = {});
    void half_close();
    /// RST instead of FIN.
    void reset();
    /// Closes when the script returns.
    void close() { closing_ = true; }
    bool closing() const { return closing_; }
    /// Blocks until the client closed the connection or the server stops.
    void wait_until_client_closes();

  private:
    int fd_;
    bool closing_ = false;
};

/// A tiny HTTP server that plays scripts: every request is given to the script, on its connection's thread.
class ScriptedServer {
  public:
    using Script = std::function<void(const HttpRequest&, Peer&)>;

    explicit ScriptedServer(Script script);
    ~ScriptedServer();

    std::uint16_t port() const { return port_; }
    std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
    /// Closes all connections and refuses new ones, until listen().
    void stop();
    void listen();
    std::size_t connections() const { return accepted_; }

  private:
    void accept_loop(int fd);
    void serve(int fd);

    Script script_;
    std::uint16_t port_ = 0;
    int listener_ = -1;
    std::thread acceptor_;
    std::atomic<std::size_t> accepted_{0};
    std::mutex mutex_;
    std::vector<int> open_;
    std::list<std::thread> threads_;
};

/// Waits until `holds`, at most half a minute. For facts that no condition variable tells.
bool eventually(const std::function<bool()>& holds);

}  // namespace weft::kube::test
