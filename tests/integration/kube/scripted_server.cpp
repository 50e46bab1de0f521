#include "scripted_server.hpp"

#include <algorithm>
#include <chrono>
#include <stdexcept>

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace weft::kube::test {

void Peer::send(std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent <= 0) return;
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
}

void Peer::drip(std::string_view bytes, std::size_t piece) {
    for (std::size_t at = 0; at < bytes.size(); at += piece)
        send(bytes.substr(at, piece));
}

void Peer::head(int status, const std::string& more) {
    send("HTTP/1.1 " + std::to_string(status) + " X\r\nContent-Type: application/json\r\n" + more + "\r\n");
}

void Peer::chunk(std::string_view bytes) {
    char size[32];
    const int length = std::snprintf(size, sizeof(size), "%zx\r\n", bytes.size());
    send(std::string(size, static_cast<std::size_t>(length)) + std::string(bytes) + "\r\n");
}

void Peer::reply(int status, std::string_view body, const std::string& more) {
    head(status, "Content-Length: " + std::to_string(body.size()) + "\r\n" + more);
    send(body);
}

void Peer::half_close() {
    ::shutdown(fd_, SHUT_WR);
}

void Peer::reset() {
    const linger hard{1, 0};
    setsockopt(fd_, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
    closing_ = true;
}

void Peer::wait_until_client_closes() {
    char byte = 0;
    while (::recv(fd_, &byte, 1, 0) > 0) {
    }
    closing_ = true;
}

ScriptedServer::ScriptedServer(Script script) : script_(std::move(script)) {
    listen();
}

ScriptedServer::~ScriptedServer() {
    stop();
}

void ScriptedServer::listen() {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int yes = 1;
    setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port_);
    socklen_t length = sizeof(address);
    auto* any = reinterpret_cast<sockaddr*>(&address);
    if (::bind(listener_, any, length) != 0 || ::listen(listener_, 64) != 0) throw std::runtime_error("cannot listen");
    getsockname(listener_, any, &length);
    port_ = ntohs(address.sin_port);
    acceptor_ = std::thread([this, fd = listener_] { accept_loop(fd); });
}

void ScriptedServer::stop() {
    if (acceptor_.joinable()) {
        ::shutdown(listener_, SHUT_RDWR);
        acceptor_.join();
        ::close(listener_);
    }
    std::list<std::thread> threads;
    {
        const std::lock_guard lock(mutex_);
        for (const int fd : open_)
            ::shutdown(fd, SHUT_RDWR);
        threads.swap(threads_);
    }
    for (auto& thread : threads)
        thread.join();
}

void ScriptedServer::accept_loop(int listener) {
    for (;;) {
        const int fd = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
        if (fd < 0) return;
        const int yes = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
        ++accepted_;
        const std::lock_guard lock(mutex_);
        open_.push_back(fd);
        threads_.emplace_back([this, fd] { serve(fd); });
    }
}

namespace {

/// Reads one request; false when the connection ended.
bool read_request(int fd, std::string& buffer, HttpRequest& request) {
    const auto more = [&] {
        char bytes[4096];
        const ssize_t got = ::recv(fd, bytes, sizeof(bytes), 0);
        if (got > 0) buffer.append(bytes, static_cast<std::size_t>(got));
        return got > 0;
    };
    std::size_t end = 0;
    while ((end = buffer.find("\r\n\r\n")) == std::string::npos) {
        if (!more()) return false;
    }
    request = {};
    const std::string head = buffer.substr(0, end + 2);
    buffer.erase(0, end + 4);
    const auto first = head.find(' ');
    const auto second = head.find(' ', first + 1);
    request.method = head.substr(0, first);
    request.path = head.substr(first + 1, second - first - 1);
    for (std::size_t at = head.find("\r\n") + 2; at < head.size();) {
        const auto line_end = head.find("\r\n", at);
        const auto colon = head.find(':', at);
        std::string name = head.substr(at, colon - at);
        std::transform(name.begin(), name.end(), name.begin(),
                       [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
        const auto value = head.find_first_not_of(' ', colon + 1);
        request.headers[name] = head.substr(value, line_end - value);
        at = line_end + 2;
    }
    const std::size_t length =
        request.headers.contains("content-length") ? std::stoul(request.headers["content-length"]) : 0;
    while (buffer.size() < length) {
        if (!more()) return false;
    }
    request.body = buffer.substr(0, length);
    buffer.erase(0, length);
    return true;
}

}  // namespace

void ScriptedServer::serve(int fd) {
    std::string buffer;
    HttpRequest request;
    Peer peer(fd);
    while (!peer.closing() && read_request(fd, buffer, request))
        script_(request, peer);
    const std::lock_guard lock(mutex_);
    std::erase(open_, fd);
    ::close(fd);
}

bool eventually(const std::function<bool()>& holds) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!holds()) {
        if (std::chrono::steady_clock::now() > end) return false;
        ::poll(nullptr, 0, 2);
    }
    return true;
}

}  // namespace weft::kube::test
