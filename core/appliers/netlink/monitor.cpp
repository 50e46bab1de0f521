#include "appliers/netlink/monitor.hpp"

#include "appliers/netlink/decode.hpp"

#include <weft/base/log.hpp>

#include <algorithm>
#include <cerrno>

#include <linux/netconf.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>
#include <poll.h>
#include <sys/eventfd.h>

namespace weft::netlink {

namespace {

constexpr std::string_view part = "netlink";

void wake_up(const Fd& wake) {
    const std::uint64_t one = 1;
    (void)!::write(wake.get(), &one, sizeof(one));
}

}  // namespace

Monitor::Monitor(std::vector<KernelListener*> listeners)
    : listeners_(std::move(listeners)),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

Monitor::~Monitor() {
    stop();
}

Result<void> Monitor::start() {
    if (auto opened = open_socket(); !opened) return opened;
    thread_ = std::thread([this] { run(); });
    return {};
}

void Monitor::stop() {
    stopping_ = true;
    wake_up(wake_);
    if (thread_.joinable()) thread_.join();
}

void Monitor::force_resync() {
    resync_asked_ = true;
    wake_up(wake_);
}

Result<void> Monitor::open_socket() {
    auto handle = Handle::open();
    if (!handle) return std::move(handle).error();
    auto socket = Socket::open();
    if (!socket) return std::move(socket).error();
    auto joined = socket->join({RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV4_ROUTE,
                                RTNLGRP_IPV6_ROUTE, RTNLGRP_NEIGH, RTNLGRP_IPV4_NETCONF, RTNLGRP_IPV6_NETCONF});
    if (!joined) return joined;
    handle_ = std::make_unique<Handle>(*std::move(handle));
    notifications_ = std::make_unique<Socket>(*std::move(socket));
    return {};
}

void Monitor::run() {
    bool in_sync = false;
    while (!stopping_) {
        if (resync_asked_.exchange(false)) in_sync = false;
        if (!in_sync) {
            if (auto listed = resync(); !listed) {
                log(LogLevel::warn, part, "cannot list the kernel's links; trying again", listed.error());
            } else {
                in_sync = true;
            }
        }
        pollfd fds[2] = {{notifications_->fd(), POLLIN, 0}, {wake_.get(), POLLIN, 0}};
        constexpr int retry_ms = 1000;
        if (::poll(fds, 2, in_sync ? -1 : retry_ms) < 0 && errno != EINTR) break;
        std::uint64_t count = 0;
        if (fds[1].revents != 0) (void)!::read(wake_.get(), &count, sizeof(count));
        if (!in_sync || fds[0].revents == 0) continue;
        auto complete = notifications_->drain([this](const nlmsghdr& h) { handle(h); });
        if (!complete) log(LogLevel::warn, part, "netlink notifications failed", complete.error());
        in_sync = complete && *complete;
        tell();
    }
}

/// What was queued before the lists are taken is thrown away: the lists are newer.
Result<void> Monitor::resync() {
    resyncs_.fetch_add(1, std::memory_order_relaxed);
    while (true) {
        auto emptied = notifications_->drain([](const nlmsghdr&) {});
        if (!emptied) return std::move(emptied).error();
        if (*emptied) break;
    }
    auto links = handle_->links();
    if (!links) return std::move(links).error();
    auto addresses = handle_->addresses();
    if (!addresses) return std::move(addresses).error();
    for (const auto& [index, link] : view_.links)
        touched_.insert(link.name);
    view_ = {};
    for (auto& link : *links) {
        touched_.insert(link.name);
        view_.links.emplace(link.index, std::move(link));
    }
    for (const auto& address : *addresses)
        view_.addresses[address.link].push_back(address);
    tell();
    for (auto* listener : listeners_)
        listener->kernel_listed();
    if (!known_) {
        known_ = true;
        for (auto* listener : listeners_)
            listener->kernel_known();
    }
    return {};
}

void Monitor::tell() {
    if (touched_.empty()) return;
    const auto names = std::exchange(touched_, {});
    for (auto* listener : listeners_)
        listener->links_changed(view_, names);
}

std::string Monitor::name_of(int link) const {
    const auto found = view_.links.find(link);
    return found == view_.links.end() ? std::string() : found->second.name;
}

void Monitor::handle(const nlmsghdr& header) {
    switch (header.nlmsg_type) {
        case RTM_NEWLINK:
        case RTM_DELLINK: return handle_link(header);
        case RTM_NEWADDR:
        case RTM_DELADDR: return handle_address(header);
        case RTM_NEWNETCONF: return handle_settings(header);
        case RTM_NEWROUTE:
        case RTM_DELROUTE:
            if (const auto route = decode_route(header)) {
                const std::string name = name_of(route->link);
                if (name.empty()) return;
                for (auto* listener : listeners_) {
                    listener->route_changed(name, *route, header.nlmsg_type == RTM_DELROUTE);
                }
            }
            return;
        case RTM_NEWNEIGH:
        case RTM_DELNEIGH:
            if (const auto entry = decode_neighbour(header)) {
                const std::string name = name_of(entry->link);
                if (name.empty()) return;
                for (auto* listener : listeners_) {
                    listener->neighbour_changed(name, *entry, header.nlmsg_type == RTM_DELNEIGH);
                }
            }
            return;
        default: return;
    }
}

void Monitor::handle_link(const nlmsghdr& header) {
    auto link = decode_link(header);
    if (!link) return;
    if (const auto before = view_.links.find(link->index); before != view_.links.end()) {
        touched_.insert(before->second.name);
    }
    touched_.insert(link->name);
    if (header.nlmsg_type == RTM_DELLINK) {
        view_.links.erase(link->index);
        view_.addresses.erase(link->index);
    } else {
        const int index = link->index;
        view_.links.insert_or_assign(index, *std::move(link));
    }
}

void Monitor::handle_address(const nlmsghdr& header) {
    const auto address = decode_address(header);
    if (!address) return;
    const std::string name = name_of(address->link);
    if (name.empty()) return;
    auto& known = view_.addresses[address->link];
    const auto same =
        std::find_if(known.begin(), known.end(), [&](const Address& a) { return a.address == address->address; });
    if (header.nlmsg_type == RTM_DELADDR) {
        if (same == known.end()) return;
        known.erase(same);
    } else if (same == known.end()) {
        known.push_back(*address);
    } else {
        if (*same == *address) return;
        *same = *address;
    }
    touched_.insert(name);
}

void Monitor::handle_settings(const nlmsghdr& header) {
    auto* h = const_cast<nlmsghdr*>(&header);
    if (nlmsg_valid_hdr(h, sizeof(netconfmsg)) == 0) return;
    const nlattr* index = nlmsg_find_attr(h, sizeof(netconfmsg), NETCONFA_IFINDEX);
    if (index == nullptr || nla_len(index) < 4) return;
    const std::string name = name_of(static_cast<int>(nla_get_u32(index)));
    if (name.empty()) return;
    for (auto* listener : listeners_)
        listener->settings_changed(name);
}

}  // namespace weft::netlink
