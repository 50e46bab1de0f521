#include "appliers/ovsdb/departures.hpp"

#include "ipam/port_addresses.hpp"

#include <weft/base/log.hpp>
#include <weft/ovsdb/nb.hpp>
#include <weft/ovsdb/sb.hpp>
#include <weft/tables/ipam.hpp>

#include <algorithm>
#include <limits>

namespace weft::appliers::ovsdb {

namespace {

bool is_remote(const sb::Chassis& chassis) {
    const std::string* remote = chassis.other_config.declared() ? chassis.other_config->find("is-remote") : nullptr;
    return remote && *remote == "true";
}

}  // namespace

Departures::Departures(engine::Engine& engine, Applier& north, const weft::ovsdb::DatabaseReplica& south,
                       std::function<bool()> south_ready, const Clock& clock)
    : engine_(engine),
      north_(north),
      south_(south),
      south_ready_(std::move(south_ready)),
      clock_(clock) {
    north_.order().set_departure(
        [this](const Item& item) { return item.table == nb::LogicalSwitchPort::table_name && witnessed(); });
    north_.order().on_levels([this] { let_go(north_.order().levels().installed()); });
}

bool Departures::witnessed() const {
    const Levels& levels = north_.order().levels();
    return own_chassis_ && levels.possible() && !levels.silent(clock_.now()) && south_ready_();
}

void Departures::south_changed(const weft::ovsdb::Changes& changes) {
    const auto is_chassis = [](const auto& row) { return row.table->name == sb::Chassis::ovsdb_table; };
    if (std::none_of(changes.rows.begin(), changes.rows.end(), is_chassis)) return;
    own_chassis_ = false;
    south_.each(*south_.database().table(sb::Chassis::ovsdb_table),
                [this](const RowPtr& row) { own_chassis_ = own_chassis_ || !is_remote(row.as<sb::Chassis>()); });
}

void Departures::north_changed(const weft::ovsdb::Changes& changes) {
    for (const auto& change : changes.rows) {
        if (change.table->name == nb::LogicalSwitchPort::ovsdb_table && change.before) {
            remember(change.before, change.after);
        }
    }
}

void Departures::remember(const RowPtr& before, const RowPtr& after) {
    const auto port = before.as<nb::LogicalSwitchPort>();
    if (after && after.as<nb::LogicalSwitchPort>().addresses == port.addresses) return;
    auto ips = ipam::addresses_of(port);
    if (after) {
        const auto kept = ipam::addresses_of(after.as<nb::LogicalSwitchPort>());
        std::erase_if(ips, [&](const Ip& ip) { return std::find(kept.begin(), kept.end(), ip) != kept.end(); });
    }
    if (ips.empty() || !witnessed()) return;
    Levels::Mark mark = north_.erasing(nb::LogicalSwitchPort::table_name, port.name.get());
    if (mark == 0) mark = north_.order().levels().next();
    tables::DepartedPort row{.key = Key<tables::DepartedPort>{std::to_string(next_key_++)},
                             .name = port.name.get(),
                             .on_switch = port.parent.key,
                             .ips = std::move(ips)};
    departed_.emplace(mark, row.key.text);
    engine::ChangeSet news;
    news.put<tables::DepartedPort>(std::move(row));
    engine_.post(std::move(news));
}

void Departures::let_go(Levels::Mark up_to) {
    const auto end = departed_.upper_bound(up_to);
    if (end == departed_.begin()) return;
    engine::ChangeSet news;
    for (auto at = departed_.begin(); at != end; ++at)
        news.erase(tables::DepartedPort::table_name, at->second);
    departed_.erase(departed_.begin(), end);
    engine_.post(std::move(news));
}

void Departures::check() {
    if (departed_.empty() || !north_.order().levels().silent(clock_.now())) return;
    log(LogLevel::warn, "ovn-nb",
        "OVN does not follow: addresses of ports that are gone are given free without knowing that no flow uses them",
        {{"ports", std::to_string(departed_.size())}, {"mend", "see whether ovn-northd and ovn-controller run"}});
    let_go(std::numeric_limits<Levels::Mark>::max());
}

}  // namespace weft::appliers::ovsdb
