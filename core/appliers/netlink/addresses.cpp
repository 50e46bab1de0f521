#include "appliers/netlink/decode.hpp"
#include "appliers/netlink/handle.hpp"

#include <cerrno>
#include <limits>

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

namespace weft::netlink {

namespace {

ifaddrmsg address_header(int link, const IpPrefix* address) {
    ifaddrmsg header{};
    header.ifa_index = static_cast<unsigned>(link);
    if (address != nullptr) {
        header.ifa_family = address->is_v4() ? AF_INET : AF_INET6;
        header.ifa_prefixlen = static_cast<unsigned char>(address->length());
    }
    return header;
}

}  // namespace

Result<std::vector<Address>> Handle::addresses(std::optional<int> link) {
    std::vector<Address> found;
    Message message(RTM_GETADDR, NLM_F_DUMP);
    message.header(address_header(link.value_or(0), nullptr));
    const auto refused = socket_.query(
        message, [&] { found.clear(); },
        [&](const nlmsghdr& h) {
            auto address = decode_address(h);
            if (address && (!link || address->link == *link)) found.push_back(*std::move(address));
        });
    // A link that went between two requests has no addresses.
    if (refused && refused.code != ENODEV) return refusal_error("cannot list addresses", refused);
    return found;
}

Result<void> Handle::put_address(const Link& link, const AddressSpec& spec) {
    Message message(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE);
    message.header(address_header(link.index, &spec.address));
    message.put_ip(IFA_LOCAL, spec.address.ip());
    message.put_ip(IFA_ADDRESS, spec.address.ip());
    if (spec.address.is_v4()) {
        if (spec.address.length() < 31) message.put_ip(IFA_BROADCAST, spec.address.last());
    } else {
        if (spec.no_dad) message.put_u32(IFA_FLAGS, IFA_F_NODAD);
        if (spec.deprecated) {
            ifa_cacheinfo lifetime{};
            lifetime.ifa_prefered = 0;
            lifetime.ifa_valid = std::numeric_limits<std::uint32_t>::max();
            message.put(IFA_CACHEINFO, &lifetime, sizeof(lifetime));
        }
    }
    if (const auto refused = socket_.request(message)) {
        return refusal_error("link " + link.name + ": cannot add address " + spec.address.text(), refused);
    }
    return {};
}

Result<void> Handle::delete_address(const Link& link, const IpPrefix& address) {
    Message message(RTM_DELADDR, 0);
    message.header(address_header(link.index, &address));
    message.put_ip(IFA_LOCAL, address.ip());
    const auto refused = socket_.request(message);
    if (refused && refused.code != EADDRNOTAVAIL && refused.code != ENODEV) {
        return refusal_error("link " + link.name + ": cannot remove address " + address.text(), refused);
    }
    return {};
}

}  // namespace weft::netlink
