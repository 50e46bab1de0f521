#include "daemon/switch_ports.hpp"

#include <weft/ovsdb/ovs.hpp>

namespace weft::daemon {

using weft::ovsdb::Changes;
using weft::ovsdb::ColumnInfo;
using weft::ovsdb::Mutations;
using weft::ovsdb::Transaction;

namespace {

constexpr std::string_view integration_bridge = "br-int";

/// The rows built here refer to each other by UUID only.
class NoKeys final : public weft::ovsdb::RefResolver {
  public:
    Uuid uuid_of(std::string_view, std::string_view) const override { return {}; }
};

template <class T>
const weft::ovsdb::TableInfo& info() {
    return *weft::ovsdb::find_table(row_type<T>());
}

weft::ovsdb::Map<std::string, std::string> to_map(const std::map<std::string, std::string>& entries) {
    weft::ovsdb::Map<std::string, std::string> map;
    for (const auto& [key, value] : entries)
        map.set(key, value);
    return map;
}

cni::SwitchInterface describe(const ovs::Interface& row) {
    cni::SwitchInterface out;
    out.name = row.name.get();
    for (const auto& [key, value] : row.external_ids.get())
        out.external_ids.emplace(key, value);
    out.ofport = row.ofport.get();
    out.error = row.error.get().value_or("");
    return out;
}

}  // namespace

BridgePorts::BridgePorts(OvsdbLink& link, Loop& loop) : link_(link), loop_(loop) {
    link_.observe([this](const Changes& changes) { replica_changed(changes); });
    link_.observe_trouble([this](const std::string& reason) {
        const std::lock_guard lock(mutex_);
        if (listener_ && told_) listener_->switch_lost(reason);
        told_ = false;
    });
}

void BridgePorts::subscribe(cni::SwitchListener* listener) {
    {
        const std::lock_guard lock(mutex_);
        listener_ = listener;
        told_ = false;
    }
    if (listener) loop_.post([this] { tell_all(); });
}

Uuid BridgePorts::bridge() const {
    const auto row = link_.replica().find_by_key<ovs::Bridge>(integration_bridge);
    return row ? row->uuid : Uuid();
}

std::string BridgePorts::datapath_type() const {
    const auto row = link_.replica().find_by_key<ovs::Bridge>(integration_bridge);
    return row ? row->datapath_type.get() : std::string();
}

bool BridgePorts::on_bridge(std::string_view interface) const {
    const auto port = link_.replica().find_by_key<ovs::Port>(interface);
    return port && port->parent.key == integration_bridge;
}

void BridgePorts::tell_all() {
    const Uuid on = bridge();
    if (on.is_zero() || !link_.ready()) return;
    std::vector<cni::SwitchInterface> interfaces;
    link_.replica().each(info<ovs::Interface>(), [&](const RowPtr& row) {
        const auto& interface = row.as<ovs::Interface>();
        if (on_bridge(interface.name.get())) interfaces.push_back(describe(interface));
    });
    const std::lock_guard lock(mutex_);
    if (!listener_ || told_) return;
    told_ = true;
    listener_->switch_connected(datapath_type(), std::move(interfaces));
}

void BridgePorts::replica_changed(const Changes& changes) {
    if (!told_) return tell_all();
    const std::lock_guard lock(mutex_);
    if (!listener_) return;
    for (const auto& change : changes.rows) {
        if (change.table->name == "Bridge" && change.after &&
            change.after.as<ovs::Bridge>().name.get() == integration_bridge) {
            listener_->datapath_changed(datapath_type());
        }
        if (change.table->name != "Interface") continue;
        if (change.after && on_bridge(change.after.as<ovs::Interface>().name.get())) {
            listener_->interface_changed(describe(change.after.as<ovs::Interface>()));
        } else if (change.before) {
            listener_->interface_gone(change.before.as<ovs::Interface>().name.get());
        }
    }
}

// ---------------------------------------------------------------------------------------------------------------------

void BridgePorts::apply(std::vector<cni::PortOperation> operations, std::function<void(Result<void>)> done) {
    loop_.post([this, operations = std::move(operations), done = std::move(done)] {
        if (!link_.ready()) return done(again("Open vSwitch's database: " + link_.trouble()));
        auto transaction = build(operations);
        if (!transaction) return done(transaction.error());
        if (transaction->empty()) return done({});
        link_.transact(*std::move(transaction), [done](const weft::ovsdb::Outcome& outcome) {
            if (outcome.ok()) return done({});
            done(again("Open vSwitch's database did not take the port: " + outcome.text()));
        });
    });
}

Result<Transaction> BridgePorts::build(const std::vector<cni::PortOperation>& operations) const {
    const Uuid on = bridge();
    if (on.is_zero()) return again("there is no bridge br-int: is ovn-controller running?");
    Transaction transaction;
    for (const auto& operation : operations) {
        if (const auto* add = std::get_if<cni::AddPort>(&operation)) {
            add_port(*add, on, transaction);
        } else if (const auto* remove = std::get_if<cni::RemovePort>(&operation)) {
            remove_port(remove->name, on, transaction);
        } else if (const auto* set = std::get_if<cni::SetExternalIds>(&operation)) {
            set_ids(*set, transaction);
        }
    }
    return transaction;
}

void BridgePorts::add_port(const cni::AddPort& add, const Uuid& on, Transaction& into) const {
    const NoKeys no_keys;
    ovs::Interface interface;
    interface.name = add.name;
    interface.external_ids = to_map(add.external_ids);
    const Uuid interface_uuid = Uuid::random();
    ovs::Port port;
    port.name = add.name;
    port.other_config = to_map(add.other_config);
    port.interfaces =
        weft::ovsdb::Set<weft::ovsdb::Ref<ovs::Interface>>{weft::ovsdb::Ref<ovs::Interface>(interface_uuid)};
    const Uuid port_uuid = Uuid::random();
    const auto insert = [&](const TableInfo& table, const Uuid& uuid, const void* row) {
        // Cannot fail: no reference is by key.
        (void)into.insert(table, uuid, row, table.declared(row), no_keys);
    };
    insert(info<ovs::Interface>(), interface_uuid, &interface);
    insert(info<ovs::Port>(), port_uuid, &port);
    Mutations mutations;
    mutations.insert(*info<ovs::Bridge>().column("ports"), port_uuid);
    into.mutate(info<ovs::Bridge>(), on, mutations);
}

void BridgePorts::remove_port(const std::string& name, const Uuid& on, Transaction& into) const {
    const auto port = link_.replica().find_by_key<ovs::Port>(name);
    if (!port || port->parent.key != integration_bridge) return;
    Mutations mutations;
    mutations.erase(*info<ovs::Bridge>().column("ports"), port->uuid);
    into.mutate(info<ovs::Bridge>(), on, mutations);
}

void BridgePorts::set_ids(const cni::SetExternalIds& set, Transaction& into) const {
    const auto interface = link_.replica().find_by_key<ovs::Interface>(set.name);
    if (!interface) return;
    const ColumnInfo& ids = *info<ovs::Interface>().column("external_ids");
    Mutations mutations;
    for (const auto& [key, value] : set.set)
        mutations.set_entry(ids, key, value);
    for (const auto& key : set.remove)
        mutations.erase_entry(ids, key);
    if (!mutations.empty()) into.mutate(info<ovs::Interface>(), interface->uuid, mutations);
}

}  // namespace weft::daemon
