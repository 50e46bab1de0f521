#include "appliers/netlink/socket.hpp"

#include "appliers/netlink/netns.hpp"

#include <cerrno>
#include <cstring>
#include <new>
#include <stdexcept>

#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <sys/socket.h>

namespace weft::netlink {

namespace {

constexpr std::size_t max_message = 8192;

/// nl_recv hands out malloc'ed memory.
struct Received {
    unsigned char* bytes = nullptr;
    Received() = default;
    Received(const Received&) = delete;
    Received& operator=(const Received&) = delete;
    ~Received() { std::free(bytes); }
};

/// The kernel's sentence, from the attributes behind an NLMSG_ERROR.
std::string extended_text(const nlmsghdr& header) {
    if ((header.nlmsg_flags & NLM_F_ACK_TLVS) == 0) return {};
    const auto* error = static_cast<const nlmsgerr*>(nlmsg_data(&header));
    std::size_t skip = sizeof(nlmsgerr);
    if ((header.nlmsg_flags & NLM_F_CAPPED) == 0) skip += error->msg.nlmsg_len - sizeof(nlmsghdr);
    skip = NLMSG_ALIGN(skip);
    const auto size = static_cast<std::size_t>(nlmsg_datalen(&header));
    if (skip >= size) return {};
    const auto* first = reinterpret_cast<const nlattr*>(static_cast<const unsigned char*>(nlmsg_data(&header)) + skip);
    const nlattr* text = nla_find(first, static_cast<int>(size - skip), NLMSGERR_ATTR_MSG);
    if (text == nullptr) return {};
    const auto* bytes = static_cast<const char*>(nla_data(text));
    return std::string(bytes, ::strnlen(bytes, static_cast<std::size_t>(nla_len(text))));
}

}  // namespace

std::string Refusal::text() const {
    return errno_text(code) + (note.empty() ? "" : " (" + note + ")");
}

Error refusal_error(std::string what, const Refusal& refusal) {
    Error error = kernel_error({}, refusal.code);
    error.what = std::move(what) + ": " + refusal.text();
    return error;
}

Message::Message(int type, int flags) : msg_(nlmsg_alloc_size(max_message)) {
    if (msg_ == nullptr || nlmsg_put(msg_, NL_AUTO_PORT, NL_AUTO_SEQ, type, 0, NLM_F_REQUEST | flags) == nullptr) {
        throw std::bad_alloc();
    }
}

Message::~Message() {
    if (msg_ != nullptr) nlmsg_free(msg_);
}

Message::Message(Message&& other) noexcept : msg_(std::exchange(other.msg_, nullptr)) {}

void Message::put(int attribute, const void* bytes, std::size_t size) {
    if (nla_put(msg_, attribute, static_cast<int>(size), bytes) != 0)
        throw std::length_error("netlink message is full");
}

void Message::put_text(int attribute, std::string_view text) {
    const std::string terminated(text);
    put(attribute, terminated.c_str(), terminated.size() + 1);
}

void Message::put_ip(int attribute, const Ip& ip) {
    put(attribute, ip.bytes().data(), static_cast<std::size_t>(ip.bits()) / 8);
}

void Message::put_mac(int attribute, const Mac& mac) {
    put(attribute, mac.bytes().data(), mac.bytes().size());
}

void Message::nest(int attribute, const std::function<void()>& body) {
    nlattr* start = nla_nest_start(msg_, attribute);
    if (start == nullptr) throw std::length_error("netlink message is full");
    body();
    nla_nest_end(msg_, start);
}

void Message::append(const void* bytes, std::size_t size) {
    if (nlmsg_append(msg_, const_cast<void*>(bytes), size, NLMSG_ALIGNTO) != 0) {
        throw std::length_error("netlink message is full");
    }
}

Result<Socket> Socket::open(int protocol) {
    Socket socket(nl_socket_alloc());
    if (socket.sock_ == nullptr) return again("no memory for a netlink socket");
    if (const int code = nl_connect(socket.sock_, protocol); code < 0) {
        return again(std::string("cannot open a netlink socket: ") + nl_geterror(code));
    }
    // Kernels without one of these just tell less, or filter less.
    const int on = 1;
    (void)::setsockopt(socket.fd(), SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
    (void)::setsockopt(socket.fd(), SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof(on));
    nl_socket_disable_auto_ack(socket.sock_);
    return socket;
}

Socket::Socket(Socket&& other) noexcept : sock_(std::exchange(other.sock_, nullptr)) {}
Socket& Socket::operator=(Socket&& other) noexcept {
    std::swap(sock_, other.sock_);
    return *this;
}
Socket::~Socket() {
    if (sock_ != nullptr) nl_socket_free(sock_);
}

int Socket::fd() const {
    return nl_socket_get_fd(sock_);
}

Refusal Socket::send(Message& message) {
    if (nl_send_auto(sock_, message.get()) < 0) return {errno != 0 ? errno : EIO, "sending"};
    return {};
}

Refusal Socket::receive(const std::function<void(const nlmsghdr&)>& visit, bool& interrupted) {
    while (true) {
        Received received;
        sockaddr_nl from{};
        const int size = nl_recv(sock_, &from, &received.bytes, nullptr);
        if (size == -NLE_INTR) continue;
        if (size < 0) return {errno != 0 ? errno : EIO, "receiving"};
        int left = size;
        for (auto* h = reinterpret_cast<nlmsghdr*>(received.bytes); nlmsg_ok(h, left); h = nlmsg_next(h, &left)) {
            if ((h->nlmsg_flags & NLM_F_DUMP_INTR) != 0) interrupted = true;
            if (h->nlmsg_type == NLMSG_DONE) {
                if (nlmsg_datalen(h) >= static_cast<int>(sizeof(int))) {
                    int code = 0;
                    std::memcpy(&code, nlmsg_data(h), sizeof(code));
                    if (code < 0) return {-code, {}};
                }
                return {};
            }
            if (h->nlmsg_type == NLMSG_ERROR) {
                const auto* error = static_cast<const nlmsgerr*>(nlmsg_data(h));
                return {-error->error, error->error == 0 ? std::string() : extended_text(*h)};
            }
            visit(*h);
        }
    }
}

Refusal Socket::request(Message& message) {
    nlmsg_hdr(message.get())->nlmsg_flags |= NLM_F_ACK;
    if (auto refused = send(message)) return refused;
    bool interrupted = false;
    return receive([](const nlmsghdr&) {}, interrupted);
}

Refusal Socket::query(Message& message, const std::function<void()>& begin,
                      const std::function<void(const nlmsghdr&)>& visit) {
    nlmsghdr* header = nlmsg_hdr(message.get());
    // A get answers once and sends no end: the ack makes one.
    if ((header->nlmsg_flags & NLM_F_DUMP) != NLM_F_DUMP) header->nlmsg_flags |= NLM_F_ACK;
    constexpr int tries = 10;
    for (int i = 0; i < tries; ++i) {
        begin();
        header->nlmsg_seq = NL_AUTO_SEQ;
        if (auto refused = send(message)) return refused;
        bool interrupted = false;
        if (auto refused = receive(visit, interrupted)) return refused;
        if (!interrupted) return {};
    }
    return {EAGAIN, "the kernel's tables change faster than they can be read"};
}

Result<void> Socket::join(std::initializer_list<int> groups) {
    for (const int group : groups) {
        if (const int code = nl_socket_add_memberships(sock_, group, 0); code < 0) {
            return again("cannot join netlink group " + std::to_string(group) + ": " + nl_geterror(code));
        }
    }
    constexpr int receive_buffer = 4 * 1024 * 1024;
    if (::setsockopt(fd(), SOL_SOCKET, SO_RCVBUFFORCE, &receive_buffer, sizeof(receive_buffer)) != 0) {
        (void)::setsockopt(fd(), SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof(receive_buffer));
    }
    if (nl_socket_set_nonblocking(sock_) < 0) return again("cannot make a netlink socket non-blocking");
    return {};
}

Result<bool> Socket::drain(const std::function<void(const nlmsghdr&)>& visit) {
    while (true) {
        Received received;
        sockaddr_nl from{};
        errno = 0;
        const int size = nl_recv(sock_, &from, &received.bytes, nullptr);
        if (size == 0 || size == -NLE_AGAIN) return true;
        if (size == -NLE_INTR) continue;
        if (size < 0) {
            // libnl turns ENOBUFS into "out of memory"; both mean that notifications were lost.
            if (size == -NLE_NOMEM || errno == ENOBUFS) return false;
            return again(std::string("cannot read netlink notifications: ") + nl_geterror(size));
        }
        int left = size;
        for (auto* h = reinterpret_cast<nlmsghdr*>(received.bytes); nlmsg_ok(h, left); h = nlmsg_next(h, &left)) {
            visit(*h);
        }
    }
}

}  // namespace weft::netlink
