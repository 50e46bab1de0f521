#include "daemon/host_part.hpp"

#include <weft/tables/net.hpp>

namespace weft::daemon {

HostPart::HostPart(engine::Engine& engine) : engine_(engine), applier_(*this) {}

HostPart::~HostPart() {
    stop();
}

Result<void> HostPart::start() {
    auto subscribed =
        engine_.subscribe({table_spec<tables::LinkState>(), table_spec<tables::LinkAddress>(),
                           table_spec<tables::Route>(), table_spec<tables::Neighbour>(), table_spec<tables::Sysctl>()},
                          *this);
    if (!subscribed) return subscribed;
    return applier_.start();
}

void HostPart::stop() {
    engine_.unsubscribe(*this);
    applier_.stop();
}

void HostPart::post(std::vector<netlink::InputChange> changes) {
    engine::ChangeSet set;
    for (auto& change : changes) {
        if (change.row) {
            set.put(change.table.name, std::move(change.row));
        } else {
            set.erase(change.table.name, change.key);
        }
    }
    engine_.post(std::move(set));
}

void HostPart::complete(const TableSpec& table) {
    engine::ChangeSet set;
    set.complete(table.name);
    engine_.post(std::move(set));
}

appliers::Status HostPart::status() const {
    const auto from = applier_.status();
    appliers::Status status;
    status.name = "netlink";
    switch (from.state) {
        case netlink::ApplierState::awaiting: status.state = appliers::State::awaiting; break;
        case netlink::ApplierState::syncing: status.state = appliers::State::syncing; break;
        case netlink::ApplierState::synced: status.state = appliers::State::synced; break;
    }
    status.behind = from.behind + from.waiting;
    if (from.waiting > 0) status.detail = std::to_string(from.waiting) + " rows wait for their link";
    status.applied = from.changes;
    status.requests = from.changes;
    status.repaired = from.put_back;
    for (const auto& problem : from.problems) {
        status.faults.push_back({problem.table + " " + problem.key, problem.error.what, problem.error.mend, {}});
    }
    return status;
}

}  // namespace weft::daemon
