#include "appliers/netlink/desired.hpp"

namespace weft::netlink {

bool LinkDesire::empty() const {
    return size() == 0;
}

std::size_t LinkDesire::size() const {
    return (state ? 1U : 0U) + addresses.size() + routes.size() + neighbours.size() + sysctls.size();
}

namespace {

std::string link_of(const RowPtr& row) {
    const auto name = row.type().name;
    if (name == tables::LinkState::table_name) return row.as<tables::LinkState>().key.text;
    if (name == tables::LinkAddress::table_name) return row.as<tables::LinkAddress>().link;
    if (name == tables::Route::table_name) return row.as<tables::Route>().link;
    if (name == tables::Neighbour::table_name) return row.as<tables::Neighbour>().link;
    return row.as<tables::Sysctl>().link;
}

bool ours(std::string_view table) {
    return table == tables::LinkState::table_name || table == tables::LinkAddress::table_name ||
           table == tables::Route::table_name || table == tables::Neighbour::table_name ||
           table == tables::Sysctl::table_name;
}

void put(LinkDesire& desire, const RowPtr& row) {
    const auto name = row.type().name;
    const std::string key(row.key());
    if (name == tables::LinkState::table_name) {
        desire.state = row.as<tables::LinkState>();
    } else if (name == tables::LinkAddress::table_name) {
        desire.addresses[key] = row.as<tables::LinkAddress>();
    } else if (name == tables::Route::table_name) {
        desire.routes[key] = row.as<tables::Route>();
    } else if (name == tables::Neighbour::table_name) {
        desire.neighbours[key] = row.as<tables::Neighbour>();
    } else {
        desire.sysctls[key] = row.as<tables::Sysctl>();
    }
}

void erase(LinkDesire& desire, const RowPtr& row) {
    const auto name = row.type().name;
    const std::string key(row.key());
    if (name == tables::LinkState::table_name) {
        desire.state.reset();
    } else if (name == tables::LinkAddress::table_name) {
        desire.addresses.erase(key);
    } else if (name == tables::Route::table_name) {
        desire.routes.erase(key);
    } else if (name == tables::Neighbour::table_name) {
        desire.neighbours.erase(key);
    } else {
        desire.sysctls.erase(key);
    }
}

}  // namespace

std::vector<std::string> DesiredRows::apply(const Change& change) {
    std::vector<std::string> touched;
    if (!ours(change.row().type().name)) return touched;
    if (change.before) {
        const std::string link = link_of(change.before);
        touched.push_back(link);
        if (const auto found = links_.find(link); found != links_.end()) {
            erase(found->second, change.before);
            if (found->second.empty()) links_.erase(found);
        }
    }
    if (change.after) {
        const std::string link = link_of(change.after);
        if (touched.empty() || touched.front() != link) touched.push_back(link);
        put(links_[link], change.after);
    }
    return touched;
}

const LinkDesire* DesiredRows::find(const std::string& link) const {
    const auto found = links_.find(link);
    return found == links_.end() ? nullptr : &found->second;
}

std::size_t DesiredRows::size() const {
    std::size_t total = 0;
    for (const auto& [name, desire] : links_)
        total += desire.size();
    return total;
}

}  // namespace weft::netlink
