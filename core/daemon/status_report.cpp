#include "base/log_config.hpp"
#include "daemon/daemon.hpp"
#include "daemon/rights.hpp"
#include "services/rbac.hpp"
#include "services/report.hpp"

#include <weft/base/json.hpp>
#include <weft/base/log.hpp>
#include <weft/engine/status.hpp>
#include <weft/tables/cni.hpp>
#include <weft/tables/kube.hpp>

#include <algorithm>
#include <map>

#include <unistd.h>

/// What weftd tells about itself: the admin calls and the metrics.
namespace weft::daemon {

namespace {

std::vector<services::StatusReport::PluginState> plugin_states(const std::vector<const plugin::Loaded*>& plugins,
                                                               const engine::Engine& engine) {
    std::map<std::string, services::StatusReport::PluginState> states;
    for (const auto* plugin : plugins) {
        auto& state = states[plugin->name()];
        state.name = plugin->name();
        state.version = plugin->version();
        state.state = "running";
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
    for (auto& [name, state] : states)
        out.push_back(std::move(state));
    return out;
}

}  // namespace

std::string Daemon::status_json() const {
    const auto& settings = config_.settings();
    services::StatusReport report;
    report.version = services::own_build().version;
    report.role = settings.role == Role::node ? "node" : "cluster";
    report.node = node_ ? settings.node_name : "";
    report.pid = ::getpid();
    report.started = started_;
    report.ready = health_.is_ready();
    report.awaiting = engine_->awaiting();
    if (candidacy_) {
        const auto election = candidacy_->status();
        report.leader = services::StatusReport::Leader{election.holder, election.leads};
    }
    if (node_) {
        for (const auto* link : node_->links()) {
            report.connections.push_back({link->name(), link->address(), link->ready(), link->trouble()});
        }
        report.appliers = node_->appliers();
    }
    std::string trouble;
    bool up = true;
    for (const auto& watch : kube_->watches()) {
        if (!watch.complete || !watch.trouble.empty()) up = false;
        if (!watch.trouble.empty()) trouble = watch.resource + ": " + watch.trouble;
    }
    report.connections.push_back({"kubernetes", kube_->server(), up, trouble});
    report.appliers.push_back(kube_->status());
    report.plugins = plugin_states(plugins_, *engine_);
    report.counts = {{"nodes", engine_->size(tables::Node::table_name)},
                     {"pods", engine_->size(tables::Pod::table_name)}};
    if (node_) report.counts.emplace_back("pod interfaces", engine_->size(tables::PodInterface::table_name));
    for (const RowPtr& row : engine_->rows(RuleStatus::table_name))
        report.problems.push_back(row.as<RuleStatus>());
    std::stable_sort(report.problems.begin(), report.problems.end(),
                     [](const auto& a, const auto& b) { return a.state < b.state; });
    report.ticks = ticks_;
    return services::to_json(report);
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
        }
        out.push_back(std::move(plugin));
    }
    return services::to_json(out);
}

std::string Daemon::rbac_json() const {
    return services::to_json(rights_of(plugins_, config_.settings().kubernetes.ovn_config_namespace));
}

Result<std::string> Daemon::set_log_level(JsonView args) {
    auto level = parse_log_level(args["level"].string_or(""));
    if (!level) return level.error();
    weft::set_log_level(*level, args["part"].string_or(""));
    return std::string("{}");
}

void Daemon::publish_metrics() {
    if (node_) standard_metrics_->publish(node_->appliers());
    standard_metrics_->publish({kube_->status()});
    if (candidacy_) standard_metrics_->leader().set(candidacy_->status().leads ? 1 : 0);
    for (const auto& rule : engine_->rule_reports()) {
        if (rule.is_operator) continue;
        standard_metrics_->rule_runs(rule.module, rule.name).set_total(static_cast<double>(rule.runs));
        standard_metrics_->rule_cutoffs(rule.module, rule.name).set_total(static_cast<double>(rule.cutoffs));
    }
    for (const auto& table : engine_->table_reports()) {
        standard_metrics_->table_rows(table.name).set(static_cast<double>(table.rows));
    }
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
