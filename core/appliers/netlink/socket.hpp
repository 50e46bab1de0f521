#pragma once

#include <weft/base/ip.hpp>
#include <weft/base/mac.hpp>
#include <weft/base/result.hpp>

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <linux/netlink.h>

struct nl_msg;
struct nl_sock;
struct nlattr;

namespace weft::netlink {

/// One rtnetlink request being built.
class Message {
  public:
    Message(int type, int flags);
    ~Message();
    Message(Message&&) noexcept;

    /// The fixed header that follows nlmsghdr: ifinfomsg, ifaddrmsg, rtmsg, ndmsg.
    template <class Header>
    void header(const Header& header) {
        append(&header, sizeof(header));
    }
    void put(int attribute, const void* bytes, std::size_t size);
    void put_u8(int attribute, std::uint8_t value) { put(attribute, &value, sizeof(value)); }
    void put_u32(int attribute, std::uint32_t value) { put(attribute, &value, sizeof(value)); }
    void put_text(int attribute, std::string_view text);
    void put_ip(int attribute, const Ip& ip);
    void put_mac(int attribute, const Mac& mac);
    void nest(int attribute, const std::function<void()>& body);
    /// Bytes inside a nest that are no attribute (VETH_INFO_PEER starts with an ifinfomsg).
    void append(const void* bytes, std::size_t size);

    nl_msg* get() const { return msg_; }

  private:
    nl_msg* msg_ = nullptr;
};

/// What the kernel said no with: its errno and, where it tells, a sentence.
struct Refusal {
    int code = 0;  ///< 0: no refusal
    std::string note;

    explicit operator bool() const { return code != 0; }
    /// "File exists" or "Invalid argument (Peer device must be up)"
    std::string text() const;
};

/// The error for a refusal: `what` names the link and what was asked.
Error refusal_error(std::string what, const Refusal& refusal);

/// A netlink socket, of rtnetlink unless another protocol is asked for. It stays in the namespace of the thread that
/// opened it, whatever thread uses it later. One thread at a time.
class Socket {
  public:
    static Result<Socket> open(int protocol = NETLINK_ROUTE);
    Socket(Socket&&) noexcept;
    Socket& operator=(Socket&&) noexcept;
    ~Socket();

    /// Sends a request and waits for the kernel's answer.
    Refusal request(Message& message);
    /// Sends a dump (or a get) and visits each answer. A dump that the kernel marks as interrupted is run again, so
    /// `begin` is called before each try.
    Refusal query(Message& message, const std::function<void()>& begin,
                  const std::function<void(const nlmsghdr&)>& visit);

    // For the monitor.
    Result<void> join(std::initializer_list<int> groups);
    /// Visits notifications until none is left. False on overrun (ENOBUFS): what was lost is unknown.
    Result<bool> drain(const std::function<void(const nlmsghdr&)>& visit);
    int fd() const;

  private:
    explicit Socket(nl_sock* sock) : sock_(sock) {}
    Refusal send(Message& message);
    /// Reads answers to the last request until its end. Sets `interrupted` when a dump has to be repeated.
    Refusal receive(const std::function<void(const nlmsghdr&)>& visit, bool& interrupted);

    nl_sock* sock_ = nullptr;
};

}  // namespace weft::netlink
