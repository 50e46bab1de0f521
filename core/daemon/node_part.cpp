#include "daemon/node_part.hpp"

#include "appliers/actions/unixctl.hpp"
#include "daemon/monitors.hpp"

#include <weft/base/log.hpp>
#include <weft/ovsdb/nb.hpp>
#include <weft/ovsdb/ovs.hpp>
#include <weft/ovsdb/sb.hpp>
#include <weft/tables/cni.hpp>
#include <weft/tables/kube.hpp>

#include <algorithm>

namespace weft::daemon {

namespace {

constexpr auto patience_with_databases = std::chrono::seconds(30);
// Inputs of the subscription, after those that the CNI server reads itself.
constexpr std::size_t pod_input = 2;
constexpr std::size_t node_input = 3;

weft::ovsdb::ClientSettings client_settings(const weft::ovsdb::DatabaseInfo& database,
                                            const config::Endpoint& endpoint) {
    weft::ovsdb::ClientSettings settings;
    settings.database = &database;
    // The configuration has checked the text already.
    if (auto remotes = weft::ovsdb::Remote::parse_list(endpoint.remote)) settings.remotes = *std::move(remotes);
    settings.tls = {endpoint.ca_certificate, endpoint.certificate, endpoint.private_key, endpoint.common_name};
    settings.lock = "weftd";
    return settings;
}

std::set<std::string> read_tables(std::string_view prefix, const std::vector<engine::ModuleSpec>& modules) {
    std::set<std::string> names;
    for (const auto& table : replica_tables(modules, Role::node)) {
        if (table.name.starts_with(prefix)) names.emplace(table.name);
    }
    return names;
}

/// The control socket of the ovs-vswitchd that runs beside the switch's database; empty when that is not on this host.
Result<std::string> switch_control(const std::string& remote) {
    constexpr std::string_view local = "unix:";
    if (!remote.starts_with(local)) return std::string();
    const auto folder = remote.substr(local.size(), remote.rfind('/') - local.size());
    return appliers::actions::control_socket(folder, "ovs-vswitchd");
}

cni::ServerOptions cni_options(const config::Settings& settings, Loop& loop, NodePart::PodObserver observer) {
    cni::ServerOptions options;
    options.run_dir = settings.weft.run_dir;
    options.conf_dir = settings.cni.conf_dir;
    if (settings.cni.version != "auto") options.conf.version = settings.cni.version;
    options.conf.type = settings.cni.plugin;
    options.conf.log_file = settings.logging.cnilogfile;
    options.status_changed = [&loop] { loop.wake(); };
    options.request_done = std::move(observer.request_done);
    options.add_stage_done = std::move(observer.add_stage_done);
    return options;
}

}  // namespace

NodePart::NodePart(const config::Settings& settings, const std::vector<engine::ModuleSpec>& modules,
                   const std::vector<const plugin::Loaded*>& plugins, engine::Engine& engine, Loop& loop,
                   KubePart& kube, const Clock& clock, PodObserver observer)
    : engine_(engine),
      north_(
          {"ovn-nb", client_settings(weft::ovsdb::nb_database(), settings.north),
           northbound_monitor(tables_in_use("NB/", modules, plugins, Role::node)), read_tables("replica/NB/", modules),
           true, order_},
          engine, appliers::ovsdb::extra_tables<nb::Northbound>(), clock,
          [this](const auto& table, auto driver) { return unsettled_.any(table.table_name, driver); },
          [&loop] { loop.wake(); }),
      south_(
          {"ovn-sb", client_settings(weft::ovsdb::sb_database(), settings.south),
           southbound_monitor(tables_in_use("SB/", modules, plugins, Role::node)), read_tables("replica/SB/", modules),
           false, order_},
          engine, appliers::ovsdb::extra_tables<sb::Southbound>(), clock,
          [this](const auto& table, auto driver) { return unsettled_.any(table.table_name, driver); },
          [&loop] { loop.wake(); }),
      switch_(
          {"ovs", client_settings(weft::ovsdb::ovs_database(), settings.switch_db), switch_monitor(),
           read_tables("replica/OVS/", modules), false, order_},
          engine, appliers::ovsdb::extra_tables<ovs::Vswitch>(), clock,
          [this](const auto& table, auto driver) { return unsettled_.any(table.table_name, driver); },
          [&loop] { loop.wake(); }),
      witness_(*order_, north_.replica(), south_.replica(), switch_.replica()),
      departures_(
          engine, north_.applier(), south_.replica(), [this] { return south_.ready(); }, clock),
      actions_(engine, *order_,
               appliers::actions::real_doer([remote = settings.switch_db.remote] { return switch_control(remote); })),
      host_(engine),
      ports_(switch_, loop),
      pods_(engine, loop, kube.client()),
      progress_(engine, loop, north_, south_, std::move(observer.port_committed)),
      server_(cni_options(settings, loop, std::move(observer)), pods_, ports_, progress_),
      node_name_(settings.node_name) {}

NodePart::~NodePart() {
    stop();
}

Result<void> NodePart::start() {
    if (auto done = engine_.subscribe({table_spec<RuleStatus>()}, unsettled_); !done) return done;
    for (OvsdbLink* link : all()) {
        if (auto done = link->start(); !done) return done;
    }
    north_.observe([this](const auto& changes) { departures_.north_changed(changes); });
    south_.observe([this](const auto& changes) {
        witness_.south_changed(changes);
        departures_.south_changed(changes);
    });
    switch_.observe([this](const auto& changes) { witness_.switch_changed(changes); });
    if (auto done = actions_.start(); !done) return done;
    if (auto done = host_.start(); !done) return done;
    if (auto done = server_.start(); !done) return done;
    return engine_.subscribe({table_spec<tables::PodInterface>(), table_spec<tables::ServingCondition>(),
                              table_spec<tables::Pod>(), table_spec<tables::Node>()},
                             *this);
}

void NodePart::stop() {
    engine_.unsubscribe(*this);
    engine_.unsubscribe(unsettled_);
    server_.stop();
    host_.stop();
    actions_.stop();
}

void NodePart::changed(std::span<const Change> changes) {
    std::vector<Change> for_server;
    bool pods_went = false;
    for (const Change& change : changes) {
        switch (change.input) {
            case pod_input: pods_went |= !change.after; break;
            case node_input: node_changed(change); break;
            default: for_server.push_back(change);
        }
    }
    if (!for_server.empty()) server_.changed(for_server);
    if (pods_went) server_.pods_changed();
}

void NodePart::node_changed(const Change& change) {
    if (!change.after) return;
    const auto& node = change.after.as<tables::Node>();
    if (node.key.text == node_name_) server_.container_runtime(node.container_runtime);
}

void NodePart::drain() {
    for (OvsdbLink* link : all())
        link->drain();
}

void NodePart::flush() {
    const bool statuses = unsettled_.take_changed();
    departures_.check();
    for (OvsdbLink* link : all()) {
        if (statuses) link->applier().statuses_changed();
    }
    // Again while something moves that others may have waited for.
    do {
        order_->take_moved();
        for (OvsdbLink* link : all())
            link->applier().flush();
    } while (order_->take_moved());
    judge_links();
}

/// A database that restarts is no news for the container runtime; one that stays away is: an ADD would wait in vain.
void NodePart::judge_links() {
    for (const OvsdbLink* link : links()) {
        const auto since = link->down_since();
        const bool lost = since && Clock::system().now() - *since >= patience_with_databases;
        if (lost == lost_.contains(link->name())) continue;
        server_.condition(link->name(), lost ? link->trouble() : "");
        if (lost) {
            lost_.insert(link->name());
        } else {
            lost_.erase(link->name());
        }
    }
}

bool NodePart::writing() const {
    return north_.applier().writing() || south_.applier().writing() || switch_.applier().writing();
}

std::optional<TimePoint> NodePart::next_deadline() const {
    std::optional<TimePoint> next;
    for (const OvsdbLink* link : links()) {
        const auto at = link->applier().next_deadline();
        if (at && (!next || *at < *next)) next = at;
        const auto since = link->down_since();
        if (!since || lost_.contains(link->name())) continue;
        const auto judged = *since + patience_with_databases;
        if (!next || judged < *next) next = judged;
    }
    return next;
}

void NodePart::add_claims(const plugin::Loaded& plugin) {
    for (const auto& claim : plugin.declared().claims) {
        if (!runs_in(claim.role, Role::node)) continue;
        for (OvsdbLink* link : all()) {
            if (weft::ovsdb::database_of(*claim.spec.type) == &link->replica().database()) {
                link->applier().add_claim(claim.spec, plugin.name());
            }
        }
    }
}

std::vector<appliers::Status> NodePart::appliers() const {
    std::vector<appliers::Status> out;
    for (const OvsdbLink* link : links())
        out.push_back(link->applier().status());
    out.push_back(host_.status());
    out.push_back(actions_.status());
    return out;
}

std::optional<insight::FarSide> NodePart::far_side(const insight::RowName& row) const {
    for (const OvsdbLink* link : links()) {
        if (!link->applier().keeps(row.table)) continue;
        const bool applied = link->applier().applied(row.table, row.key);
        return insight::FarSide{link->name(), applied,
                                applied ? std::string() : link->applier().trouble(row.table, row.key)};
    }
    return std::nullopt;
}

std::optional<insight::RowName> NodePart::row_with_uuid(std::string_view text) const {
    const auto uuid = Uuid::parse(text);
    if (!uuid) return std::nullopt;
    for (const OvsdbLink* link : links()) {
        if (auto row = link->applier().row_with(*uuid)) return insight::RowName{row->first, row->second};
    }
    return std::nullopt;
}

}  // namespace weft::daemon
