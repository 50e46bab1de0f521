#pragma once

#include "appliers/netlink/netns.hpp"
#include "appliers/netlink/socket.hpp"
#include "appliers/netlink/types.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weft::netlink {

/// A veth pair to be made. The near end appears in the handle's namespace, the peer in `peer_ns`, both already with
/// their names, MTU and (near end) MAC, so nobody ever sees a half-made link.
struct VethSpec {
    std::string name;
    std::optional<Mac> mac;
    std::string peer_name;
    std::uint32_t mtu = 0;  ///< 0: the kernel's default
};

/// What to change on a link; what isn't set stays.
struct LinkChange {
    std::optional<bool> up;
    std::optional<std::uint32_t> mtu;
    std::optional<Mac> mac;
    std::optional<std::string> name;  ///< the link must be down on kernels before 6.2
    std::optional<std::uint32_t> tx_queue_length;
};

/// An address to be put on a link.
struct AddressSpec {
    IpPrefix address;
    bool no_dad = false;      ///< IPv6: usable at once, without duplicate detection
    bool deprecated = false;  ///< IPv6: preferred lifetime 0, never chosen as a source by itself
};

/// The kernel's networking in one namespace: that of the thread which called open(). One thread at a time. Errors name
/// the link, what was asked, and the kernel's reason.
class Handle {
  public:
    static Result<Handle> open();

    /// Nothing when there is no such link.
    Result<std::optional<Link>> find_link(std::string_view name);
    Result<std::optional<Link>> find_link(int index);
    Result<std::vector<Link>> links();
    Result<void> add_veth(const VethSpec& spec, const NetNs& peer_ns);
    Result<void> change_link(const Link& link, const LinkChange& change);
    /// No error when the link is gone already.
    Result<void> delete_link(const Link& link);

    /// Addresses of one link, or of all.
    Result<std::vector<Address>> addresses(std::optional<int> link = std::nullopt);
    /// Adds it, or gives the address that is there these flags.
    Result<void> put_address(const Link& link, const AddressSpec& spec);
    Result<void> delete_address(const Link& link, const IpPrefix& address);

    /// Routes of one link in all tables (not multipath ones), or all routes of all tables.
    Result<std::vector<RouteEntry>> routes(std::optional<int> link = std::nullopt);
    /// Refused with ErrorKind::conflict when a route to the same destination with the same priority is there.
    Result<void> add_route(const Link& link, const RouteEntry& route);
    /// Adds it, or replaces the one to the same destination, in the same table, with the same priority, whosever it is.
    Result<void> replace_route(const Link& link, const RouteEntry& route);
    /// Exactly this route; no error when it is gone already.
    Result<void> delete_route(const Link& link, const RouteEntry& route);

    Result<std::vector<NeighbourEntry>> neighbours(int link);
    /// A permanent entry; replaces whatever was learnt.
    Result<void> put_neighbour(const Link& link, const Ip& ip, const Mac& mac);
    Result<void> delete_neighbour(const Link& link, const Ip& ip);

  private:
    explicit Handle(Socket socket) : socket_(std::move(socket)) {}
    Result<std::optional<Link>> get_link(Message& message, const std::string& what);
    Result<void> write_route(const Link& link, const RouteEntry& route, int flags);

    Socket socket_;
};

}  // namespace weft::netlink
