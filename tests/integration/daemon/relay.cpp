#include "relay.hpp"

#include <array>
#include <list>
#include <stdexcept>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace weft::testing {

namespace {

sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    return address;
}

bool send_all(int to, const char* data, std::size_t size) {
    while (size > 0) {
        const ssize_t sent = ::send(to, data, size, MSG_NOSIGNAL);
        if (sent <= 0) return false;
        data += sent;
        size -= static_cast<std::size_t>(sent);
    }
    return true;
}

}  // namespace

struct Relay::Pair {
    int client = -1;
    int server = -1;
    std::string line;        ///< of the request head that is coming
    std::string head;        ///< of a CONNECT request
    bool connected = true;   ///< no such request is awaited
    std::size_t sent = 0;    ///< by the server
    bool answers_go = true;  ///< to the client

    Pair(int c, int s) : client(c), server(s) {}
    Pair(const Pair&) = delete;
    Pair& operator=(const Pair&) = delete;
    ~Pair() {
        ::close(client);
        ::close(server);
    }
};

Relay::Relay(std::uint16_t to, Kind kind)
    : to_(to),
      kind_(kind),
      listening_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    auto address = loopback(0);
    socklen_t size = sizeof(address);
    if (::bind(listening_, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(listening_, 64) != 0 ||
        ::getsockname(listening_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
        throw std::runtime_error("no relay");
    }
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { work(); });
}

Relay::~Relay() {
    stopping_ = true;
    thread_.join();
    ::close(listening_);
}

void Relay::heal() {
    cut_ = false;
    stalled_ = false;
    if (swallowing_.exchange(false)) resetting_ = true;
}

std::vector<std::string> Relay::requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
}

/// Requests are told by lines that end like a request line; bodies are JSON and have none.
void Relay::note(Pair& pair, const char* data, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i) {
        if (data[i] != '\n') {
            pair.line += data[i];
            continue;
        }
        if (pair.line.ends_with(" HTTP/1.1\r")) {
            pair.line.pop_back();
            // A body without a newline at its end may stand before it.
            const auto brace = pair.line.rfind('}');
            const std::lock_guard lock(mutex_);
            requests_.push_back(brace == std::string::npos ? pair.line : pair.line.substr(brace + 1));
        }
        pair.line.clear();
    }
}

bool Relay::pass(Pair& pair, bool to_server) {
    std::array<char, 16384> buffer;
    const ssize_t size = ::recv(to_server ? pair.client : pair.server, buffer.data(), buffer.size(), 0);
    if (size <= 0) return false;
    const auto count = static_cast<std::size_t>(size);
    if (swallowing_) return true;
    if (to_server) {
        note(pair, buffer.data(), count);
        if (!pair.connected) return take_connect(pair, buffer.data(), count);
        const auto lose = lose_answer_to_.load();
        if (lose != 0 && count >= lose) {
            lose_answer_to_ = 0;
            pair.answers_go = false;
            ++answers_lost_;
        }
        return send_all(pair.server, buffer.data(), count);
    }
    if (!pair.answers_go) return true;
    if (!send_all(pair.client, buffer.data(), count)) return false;
    pair.sent += count;
    const auto most = reset_after_.load();
    if (most == 0 || pair.sent < most) return true;
    reset_after_ = 0;
    reset(pair);
    return false;
}

bool Relay::take_connect(Pair& pair, const char* data, std::size_t size) {
    pair.head.append(data, size);
    if (pair.head.find("\r\n\r\n") == std::string::npos) return true;
    if (!pair.head.starts_with("CONNECT ")) return false;
    pair.connected = true;
    const std::string_view answer = "HTTP/1.1 200 Connection established\r\n\r\n";
    return send_all(pair.client, answer.data(), answer.size());
}

void Relay::reset(Pair& pair) {
    const linger at_once{1, 0};
    for (const int fd : {pair.client, pair.server})
        ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    ++resets_;
}

void Relay::work() {
    std::list<Pair> pairs;
    while (!stopping_) {
        if (cut_) pairs.clear();
        if (resetting_.exchange(false)) {
            for (auto& pair : pairs)
                reset(pair);
            pairs.clear();
        }
        std::vector<pollfd> fds{{listening_, static_cast<short>(POLLIN), 0}};
        const bool passing = !stalled_;
        for (const auto& pair : pairs) {
            fds.push_back({pair.client, static_cast<short>(passing ? POLLIN : 0), 0});
            fds.push_back({pair.server, static_cast<short>(passing ? POLLIN : 0), 0});
        }
        // Looks at the switches every so often.
        if (::poll(fds.data(), fds.size(), 20) <= 0) continue;
        if (passing) {
            std::size_t at = 1;
            for (auto pair = pairs.begin(); pair != pairs.end(); at += 2) {
                bool good = true;
                if ((fds[at].revents & (POLLIN | POLLHUP | POLLERR)) != 0) good = pass(*pair, true);
                if (good && (fds[at + 1].revents & (POLLIN | POLLHUP | POLLERR)) != 0) good = pass(*pair, false);
                pair = good ? std::next(pair) : pairs.erase(pair);
            }
        }
        if ((fds[0].revents & POLLIN) == 0) continue;
        const int client = ::accept4(listening_, nullptr, nullptr, SOCK_CLOEXEC);
        if (client < 0) continue;
        const int server = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        const auto address = loopback(to_);
        const bool reached =
            !cut_ && ::connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
        if (reached) {
            pairs.emplace_back(client, server);
            pairs.back().connected = kind_ == Kind::plain;
        } else {
            ::close(client);
            ::close(server);
        }
    }
}

}  // namespace weft::testing
