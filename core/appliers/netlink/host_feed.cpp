#include "appliers/netlink/host_feed.hpp"

namespace weft::netlink {

namespace {

RowPtr link_row(const Link& link) {
    tables::HostLink row;
    row.key = Key<tables::HostLink>{link.name};
    row.index = static_cast<std::uint32_t>(link.index);
    row.mac = link.mac;
    row.mtu = link.mtu;
    row.up = link.up;
    return RowPtr::make(row);
}

std::vector<tables::HostAddress> address_rows(const Link& link, const std::vector<Address>& addresses) {
    std::vector<tables::HostAddress> rows;
    for (const auto& address : addresses) {
        if (address.tentative || address.duplicate) continue;
        tables::HostAddress row;
        row.key = Key<tables::HostAddress>{link.name, address.address.text()};
        row.link = link.name;
        row.address = address.address;
        row.global = address.global;
        row.deprecated = address.deprecated;
        rows.push_back(std::move(row));
    }
    return rows;
}

}  // namespace

std::map<std::string, RowPtr, std::less<>> HostFeed::rows_of(const Seen& seen) const {
    std::map<std::string, RowPtr, std::less<>> rows;
    for (const auto& address : seen.addresses) {
        if (!wanted_.contains(address.key.text)) rows.emplace(address.key.text, RowPtr::make(address));
    }
    return rows;
}

void HostFeed::post_difference(const std::set<std::string>& links) {
    std::vector<InputChange> changes;
    for (const auto& name : links) {
        const auto seen = seen_.find(name);
        auto& before = posted_addresses_[name];
        std::map<std::string, RowPtr, std::less<>> now;
        if (seen != seen_.end()) now = rows_of(seen->second);
        for (const auto& [key, row] : before) {
            if (!now.contains(key)) changes.push_back({table_spec<tables::HostAddress>(), key, {}});
        }
        for (const auto& [key, row] : now) {
            const auto old = before.find(key);
            if (old == before.end() || !old->second.equals(row)) {
                changes.push_back({table_spec<tables::HostAddress>(), key, row});
            }
        }
        before = std::move(now);
        if (before.empty()) posted_addresses_.erase(name);

        const auto old_link = posted_links_.find(name);
        if (seen == seen_.end()) {
            if (old_link == posted_links_.end()) continue;
            posted_links_.erase(old_link);
            changes.push_back({table_spec<tables::HostLink>(), name, {}});
        } else if (old_link == posted_links_.end() || !old_link->second.equals(seen->second.link)) {
            posted_links_[name] = seen->second.link;
            changes.push_back({table_spec<tables::HostLink>(), name, seen->second.link});
        }
    }
    if (!changes.empty()) sink_.post(std::move(changes));
}

void HostFeed::desired_changed(std::span<const Change> changes) {
    const std::scoped_lock lock(mutex_);
    std::set<std::string> links;
    for (const auto& change : changes) {
        if (change.row().type().name != tables::LinkAddress::table_name) continue;
        const auto& row = change.row().as<tables::LinkAddress>();
        if (change.after) {
            wanted_.insert(row.key.text);
        } else {
            wanted_.erase(row.key.text);
        }
        links.insert(row.link);
    }
    post_difference(links);
}

void HostFeed::links_changed(const KernelView& now, const std::set<std::string>& names) {
    const std::scoped_lock lock(mutex_);
    for (const auto& name : names)
        seen_.erase(name);
    for (const auto& [index, link] : now.links) {
        if (!names.contains(link.name)) continue;
        const auto addresses = now.addresses.find(index);
        auto& seen = seen_[link.name];
        seen.link = link_row(link);
        if (addresses != now.addresses.end()) seen.addresses = address_rows(link, addresses->second);
    }
    post_difference(names);
}

void HostFeed::kernel_known() {
    sink_.complete(table_spec<tables::HostLink>());
    sink_.complete(table_spec<tables::HostAddress>());
}

}  // namespace weft::netlink
