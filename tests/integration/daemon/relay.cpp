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
    std::string line;  ///< of the request head that is coming

    Pair(int c, int s) : client(c), server(s) {}
    Pair(const Pair&) = delete;
    Pair& operator=(const Pair&) = delete;
    ~Pair() {
        ::close(client);
        ::close(server);
    }
};

Relay::Relay(std::uint16_t to) : to_(to), listening_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
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
    if (to_server) note(pair, buffer.data(), static_cast<std::size_t>(size));
    return send_all(to_server ? pair.server : pair.client, buffer.data(), static_cast<std::size_t>(size));
}

void Relay::work() {
    std::list<Pair> pairs;
    while (!stopping_) {
        if (cut_) pairs.clear();
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
        } else {
            ::close(client);
            ::close(server);
        }
    }
}

}  // namespace weft::testing
