#include "appliers/ovsdb/port_witness.hpp"

#include <weft/ovsdb/nb.hpp>
#include <weft/ovsdb/ovs.hpp>
#include <weft/ovsdb/sb.hpp>

namespace weft::appliers::ovsdb {

using weft::ovsdb::Level;

namespace {

/// The iface-id of an interface that is installed; nothing for others.
std::optional<std::string> installed_as(const RowPtr& row) {
    if (!row) return std::nullopt;
    const auto ids = row.as<ovs::Interface>().external_ids;
    const std::string* installed = ids.declared() ? ids->find("ovn-installed") : nullptr;
    const std::string* id = installed && *installed == "true" ? ids->find("iface-id") : nullptr;
    return id ? std::optional(*id) : std::nullopt;
}

}  // namespace

PortWitness::PortWitness(Order& order, const weft::ovsdb::DatabaseReplica& north,
                         const weft::ovsdb::DatabaseReplica& south, const weft::ovsdb::DatabaseReplica& local)
    : order_(order),
      north_(north),
      south_(south),
      local_(local) {
    order_.set_witness([this](const Item& item, Level level) { return ask(item, level); });
}

std::optional<bool> PortWitness::ask(const Item& item, Level level) {
    if (item.table != nb::LogicalSwitchPort::table_name) return std::nullopt;
    if (level == Level::southbound) {
        if (south_.find_by_key<sb::PortBinding>(item.key)) return true;
        return std::nullopt;  // those of pods are not replicated
    }
    const auto port = north_.find_by_key<nb::LogicalSwitchPort>(item.key);
    if (level != Level::installed || !port || !port->type.get().empty()) return std::nullopt;
    if (!installed_) learn_interfaces();
    return installed_->contains(item.key);
}

void PortWitness::learn_interfaces() {
    installed_.emplace();
    local_.each(*local_.database().table(ovs::Interface::ovsdb_table), [this](const RowPtr& row) {
        if (const auto id = installed_as(row)) ++(*installed_)[*id];
    });
}

void PortWitness::south_changed(const weft::ovsdb::Changes& changes) {
    for (const auto& change : changes.rows) {
        if (change.table->name != sb::PortBinding::ovsdb_table || (change.before && change.after)) continue;
        const auto& binding = (change.after ? change.after : change.before).as<sb::PortBinding>();
        order_.look_again({nb::LogicalSwitchPort::table_name, binding.logical_port.get()});
    }
}

void PortWitness::switch_changed(const weft::ovsdb::Changes& changes) {
    if (!installed_) return;
    for (const auto& change : changes.rows) {
        if (change.table->name != ovs::Interface::ovsdb_table) continue;
        const auto before = installed_as(change.before);
        const auto after = installed_as(change.after);
        if (before == after) continue;
        if (before) {
            if (const auto at = installed_->find(*before); at != installed_->end() && --at->second == 0) {
                installed_->erase(at);
            }
        }
        if (after) ++(*installed_)[*after];
        if (after) order_.look_again({nb::LogicalSwitchPort::table_name, *after});
    }
}

}  // namespace weft::appliers::ovsdb
