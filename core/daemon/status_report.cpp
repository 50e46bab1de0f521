#include "base/log_config.hpp"
#include "daemon/daemon.hpp"
#include "daemon/log_levels.hpp"
#include "daemon/rights.hpp"
#include "services/rbac.hpp"
#include "services/report.hpp"

#include <weft/base/json.hpp>
#include <weft/base/log.hpp>
#include <weft/engine/status.hpp>
#include <weft/tables/cni.hpp>
#include <weft/tables/ipam.hpp>
#include <weft/tables/kube.hpp>
#include <weft/tables/metric.hpp>

#include <algorithm>
#include <cmath>
#include <map>

#include <unistd.h>

/// What weftd tells about itself: the admin calls and the metrics.
namespace weft::daemon {

namespace {

std::vector<services::StatusReport::PluginState> plugin_states(const std::vector<const plugin::Loaded*>& plugins,
                                                               const std::map<std::string, std::string>& frozen,
                                                               const engine::Engine& engine) {
    std::map<std::string, services::StatusReport::PluginState> states;
    for (const auto* plugin : plugins) {
        auto& state = states[plugin->name()];
        state.name = plugin->name();
        state.version = plugin->version();
        state.state = "running";
    }
    for (const auto& [name, why] : frozen) {
        auto& state = states[name];
        state.name = name;
        state.state = "frozen";
        state.reason = why;
    }
    for (const auto& rule : engine.rule_reports()) {
        const auto at = states.find(rule.module);
        if (at == states.end()) continue;
        ++at->second.rules;
        at->second.instances += rule.instances;
        if (!rule.ready) at->second.state = "waiting";
    }
    for (const RowPtr& row : engine.rows(RuleStatus::table_name)) {
        const auto& status = row.as<RuleStatus>();
        const auto at = states.find(status.module);
        if (at == states.end()) continue;
        switch (status.state) {
            case RuleState::failed: ++at->second.failed; break;
            case RuleState::conflict: ++at->second.conflicts; break;
            case RuleState::waiting: ++at->second.waiting; break;
            case RuleState::warning: ++at->second.warnings; break;
        }
    }
    std::vector<services::StatusReport::PluginState> out;
    out.reserve(states.size());
    for (auto& [name, state] : states)
        out.push_back(std::move(state));
    return out;
}

}  // namespace

std::vector<services::StatusReport::Connection> Daemon::connections() const {
    std::vector<services::StatusReport::Connection> all;
    if (node_) {
        for (const auto* link : node_->links())
            all.push_back({link->name(), link->address(), link->ready(), link->trouble()});
    }
    // Who stands by watches nothing but the Lease.
    std::string trouble = candidacy_ ? candidacy_->status().trouble : "";
    bool up = trouble.empty();
    for (const auto& watch : kube_->watches()) {
        if (!watch.complete || !watch.trouble.empty()) up = false;
        if (!watch.trouble.empty()) trouble = watch.resource + ": " + watch.trouble;
    }
    if (identity_) {
        const auto identity = identity_->status();
        all.push_back({"identity", identity_->user(), identity.valid, identity.trouble});
    }
    all.push_back({"kubernetes", kube_->server(), up, trouble});
    return all;
}

std::string Daemon::status_json() const {
    const auto& settings = config_.settings();
    services::StatusReport report;
    report.version = services::own_build().version;
    report.revision = services::own_build().revision;
    report.role = settings.role == Role::node ? "node" : "cluster";
    report.node = node_ ? settings.node_name : "";
    report.pid = ::getpid();
    report.started = started_;
    report.ready = health_.is_ready();
    if (!candidacy_ || leads_) report.awaiting = engine_->awaiting();
    if (candidacy_) {
        const auto election = candidacy_->status();
        if (!leads_ && election.holder.empty()) report.awaiting = {"the Lease"};
        report.leader = services::StatusReport::Leader{election.holder, election.leads, election.trouble};
    }
    report.connections = connections();
    if (node_) {
        report.appliers = node_->appliers();
        const auto cni = node_->cni();
        report.cni = services::StatusReport::Cni{cni.serving, cni.reason, cni.requests};
    }
    if (!candidacy_ || leads_) {
        for (auto& status : kube_->status())
            report.appliers.push_back(std::move(status));
    }
    report.recording = recording_state();
    report.plugins = plugin_states(plugins_, frozen_, *engine_);
    for (const auto& watch : kube_->watches()) {
        if (watch.resource == "nodes") report.counts.emplace_back("nodes", engine_->size(tables::Node::table_name));
        if (watch.resource == "pods") report.counts.emplace_back("pods", engine_->size(tables::Pod::table_name));
    }
    if (node_) report.counts.emplace_back("pod interfaces", engine_->size(tables::PodInterface::table_name));
    for (const RowPtr& row : engine_->rows(RuleStatus::table_name))
        report.problems.push_back(row.as<RuleStatus>());
    std::stable_sort(report.problems.begin(), report.problems.end(),
                     [](const auto& a, const auto& b) { return a.state < b.state; });
    report.ticks = ticks_;
    return services::to_json(report);
}

/// Why a plugin runs or not.
std::string Daemon::reason_of(const std::string& plugin, bool enabled) const {
    const auto& set = config_.settings().plugins;
    if (by_hand_.contains(plugin)) return "by hand, until weftd restarts or reloads";
    const auto named = [&](const std::vector<std::string>& list) {
        return std::find(list.begin(), list.end(), plugin) != list.end();
    };
    if (named(set.disable)) return "[plugins] disable";
    if (named(set.enable)) return "[plugins] enable";
    if (set.listed) return "not in [plugins] enable";
    return enabled ? "no [plugins] enable: as OVN-Kubernetes has it" : "its switch in [ovnkubernetesfeature] is off";
}

std::string Daemon::plugins_json() const {
    std::vector<services::PluginReport> out;
    for (const auto& entry : registry_->list()) {
        services::PluginReport plugin{entry.name, entry.version, entry.path, false, "disabled", "", entry.needs};
        for (const auto* enabled : plugins_) {
            if (enabled->name() != entry.name) continue;
            plugin.enabled = true;
            plugin.state = "running";
        }
        if (!entry.problem.empty()) {
            plugin.state = "broken";
            plugin.reason = entry.problem;
        } else {
            plugin.reason = reason_of(entry.name, plugin.enabled);
        }
        if (const auto why = frozen_.find(entry.name); why != frozen_.end()) {
            plugin.enabled = true;
            plugin.state = "frozen";
            plugin.reason = why->second;
        }
        out.push_back(std::move(plugin));
    }
    return services::to_json(out);
}

std::string Daemon::rbac_json() const {
    return services::to_json(rights_of(plugins_, config_.settings().kubernetes.ovn_config_namespace));
}

/// Sets what is given, and tells the levels that hold from now on.
Result<std::string> Daemon::set_log_level(JsonView args) {
    const std::string part(args["part"].string_or(""));
    std::vector<std::string> plugins;
    for (const auto& entry : registry_->list())
        plugins.push_back(entry.name);
    const auto parts = log_parts(plugins);
    if (!part.empty() && !std::binary_search(parts.begin(), parts.end(), part)) {
        std::string names;
        for (const auto& known : parts)
            names += (names.empty() ? "" : ", ") + known;
        return invalid("nothing logs as " + json_quote(part), "use one of " + names);
    }
    if (const auto given = args["level"].string_or(""); !given.empty()) {
        auto level = parse_log_level(given);
        if (!level) return level.error();
        weft::set_log_level(*level, part);
    }
    const auto levels = weft::log_levels();
    JsonWriter w;
    w.object([&] {
        w.member("level", weft::to_string(levels.level));
        w.key("parts").array([&] {
            for (const auto& entry : levels.parts) {
                const auto own = entry.second.value_or(levels.level);
                w.object([&] { w.member("name", entry.first).member("level", weft::to_string(own)); });
            }
        });
    });
    return w.take();
}

/// How many node subnets there can be and are, of each network and family.
void Daemon::publish_subnets() {
    const auto add = [](auto& totals, const std::string& network, Family family, double number) {
        totals[{network, family}] += number;
    };
    std::map<std::pair<std::string, Family>, double> possible, taken;
    for (const RowPtr& row : engine_->rows(tables::SubnetRange::table_name)) {
        const auto& range = row.as<tables::SubnetRange>();
        for (const auto& cut : range.cuts) {
            add(possible, range.key.text, cut.range.family(), std::exp2(cut.length - cut.range.length()));
            add(taken, range.key.text, cut.range.family(), 0);
        }
    }
    for (const RowPtr& row : engine_->rows(tables::SubnetLease::table_name)) {
        const auto& lease = row.as<tables::SubnetLease>();
        const std::string network = lease.key.text.substr(0, lease.key.text.rfind('/'));
        for (const auto& subnet : lease.subnets)
            add(taken, network, subnet.family(), 1);
    }
    for (const auto& [key, number] : possible)
        standard_metrics_->host_subnets(key.second, key.first).set(number);
    for (const auto& [key, number] : taken)
        standard_metrics_->allocated_host_subnets(key.second, key.first).set(number);
}

void Daemon::publish_metrics() {
    // All in one call: an applier that a call does not name is gone.
    std::vector<appliers::Status> appliers;
    if (node_) appliers = node_->appliers();
    if (!candidacy_ || leads_) {
        for (auto& status : kube_->status())
            appliers.push_back(std::move(status));
    }
    standard_metrics_->publish(appliers);
    for (const auto& connection : connections())
        standard_metrics_->connection_up(connection.name).set(connection.up ? 1 : 0);
    if (candidacy_) standard_metrics_->leader().set(candidacy_->status().leads ? 1 : 0);
    if (node_) {
        const auto cni = node_->cni_metrics();
        standard_metrics_->cni_refused().set_total(static_cast<double>(cni.refused));
        standard_metrics_->cni_scrubbed().set_total(static_cast<double>(cni.scrubbed));
    }
    if (candidacy_ && leads_) publish_subnets();
    for (const auto& rule : engine_->rule_reports()) {
        if (rule.is_operator) continue;
        standard_metrics_->rule_runs(rule.module, rule.name).set_total(static_cast<double>(rule.runs));
        standard_metrics_->rule_cutoffs(rule.module, rule.name).set_total(static_cast<double>(rule.cutoffs));
    }
    for (const auto& table : engine_->table_reports()) {
        standard_metrics_->table_rows(table.name).set(static_cast<double>(table.rows));
    }
    plugin_metrics_.publish(engine_->rows(tables::Metric::table_name));
    for (const auto* plugin : plugins_)
        standard_metrics_->plugin_info(plugin->name(), plugin->version()).set(1);
}

Result<void> Daemon::start_services() {
    const auto& settings = config_.settings();
    const services::Post post = [this](std::function<void()> task) { loop_.post(std::move(task)); };
    admin_ = std::make_unique<services::AdminServer>(services::AdminOptions{.socket = settings.admin_socket()}, post);
    const auto answer = [](std::string json) -> Result<std::string> { return json; };
    admin_->on("status", [this, answer](const JsonView&) { return answer(status_json()); });
    admin_->on("plugins", [this, answer](const JsonView&) { return answer(plugins_json()); });
    admin_->on("rbac", [this, answer](const JsonView&) { return answer(rbac_json()); });
    admin_->on("log-level", [this](const JsonView& args) { return set_log_level(args); });
    admin_->on("metrics", [this, answer](const JsonView&) {
        publish_metrics();
        return answer(json_quote(metrics_.text()));
    });
    insight_ = std::make_unique<insight::Calls>(*engine_, post, Clock::system(), surroundings());
    insight_->add_to(*admin_);
    add_plan_calls();
    if (auto started = admin_->start(); !started) return started;

    std::map<std::string, std::map<std::string, services::HttpServer::Route>> by_address;
    if (!settings.metrics.bind_address.empty()) {
        by_address[settings.metrics.bind_address]["/metrics"] = services::metrics_route(
            metrics_,
            [this, post](Duration budget) { services::run_posted(post, budget, [this] { publish_metrics(); }); });
    }
    for (const auto& address : {settings.kubernetes.healthz_bind_address, settings.metrics.bind_address}) {
        if (address.empty()) continue;
        for (auto& [path, route] : services::health_routes(health_))
            by_address[address].emplace(path, std::move(route));
    }
    for (auto& [address, routes] : by_address) {
        services::HttpOptions options;
        options.address = address;
        if (!settings.metrics.node_server_cert.empty()) {
            options.tls = services::TlsOptions{settings.metrics.node_server_cert, settings.metrics.node_server_privkey,
                                               settings.tls.tls_min_version, settings.tls.tls_cipher_suites};
        }
        auto made = services::HttpServer::make(std::move(options), std::move(routes));
        if (!made) return made.error();
        (*made)->start();
        http_.push_back(*std::move(made));
    }
    return {};
}

}  // namespace weft::daemon
