#include "daemon/daemon.hpp"

#include "daemon/plugin_set.hpp"

#include <weft/base/log.hpp>
#include <weft/tables/cni.hpp>
#include <weft/tables/net.hpp>
#include <weft/tables/settings.hpp>

#include <algorithm>
#include <csignal>

namespace weft::daemon {

namespace {

kube::AccessSettings access_settings(const config::KubernetesSection& from) {
    return {.kubeconfig = from.kubeconfig,
            .apiserver = from.apiserver,
            .token = from.token,
            .token_file = from.token_file,
            .cacert = from.cacert,
            .cacert_data = from.cacert_data,
            .cert_dir = from.cert_dir};
}

kube::ElectorOptions elector_options(const config::Settings& settings) {
    kube::ElectorOptions options;
    options.ns = settings.kubernetes.ovn_config_namespace;
    options.identity = settings.leader_identity();
    options.lease_duration = std::chrono::seconds(settings.election.lease_duration);
    options.renew_deadline = std::chrono::seconds(settings.election.renew_deadline);
    options.retry_period = std::chrono::seconds(settings.election.retry_period);
    return options;
}

/// Tables that the kernel fills, besides what is watched and replicated.
std::vector<TableSpec> kernel_inputs(Role role) {
    std::vector<TableSpec> inputs{table_spec<tables::NetworkConfig>(), table_spec<tables::LocalNode>(),
                                  table_spec<tables::PluginSetting>()};
    if (role == Role::node) {
        inputs.push_back(table_spec<tables::OvnFeature>());
        inputs.push_back(table_spec<tables::HostLink>());
        inputs.push_back(table_spec<tables::HostAddress>());
    }
    return inputs;
}

}  // namespace

Daemon::Daemon(config::Config config)
    : config_(std::move(config)),
      loop_(Clock::system()),
      started_(Clock::system().wall()),
      started_at_(Clock::system().now()) {}

Daemon::~Daemon() {
    stop_all();
}

Result<void> Daemon::start() {
    const auto& settings = config_.settings();
    // Before any thread is there, so that all of them leave the signals to the loop.
    loop_.handle_signals({SIGTERM, SIGINT, SIGHUP, SIGQUIT}, [this](int signal) { on_signal(signal); });
    std::signal(SIGPIPE, SIG_IGN);
    auto lock = services::RunLock::take(settings.lock_file());
    if (!lock) return lock.error();
    lock_.emplace(*std::move(lock));
    if (!settings.weft.pidfile.empty()) {
        auto file = services::PidFile::write(settings.weft.pidfile);
        if (!file) return file.error();
        pid_file_.emplace(*std::move(file));
    }
    standard_metrics_ = std::make_unique<services::StandardMetrics>(metrics_, settings.role);
    services::add_process_metrics(metrics_);
    if (auto done = load_plugins(); !done) return done;
    if (auto done = build_engine(); !done) return done;
    if (auto done = start_services(); !done) return done;
    return start_role();
}

Result<void> Daemon::load_plugins() {
    const auto& settings = config_.settings();
    registry_ = std::make_unique<plugin::Registry>(settings.plugin_dir(), admission_policy(settings));
    auto names = enabled_plugins(config_, *registry_);
    if (!names) return names.error();
    auto loaded = registry_->load(*names);
    if (!loaded) return loaded.error();
    plugins_ = *std::move(loaded);
    // Of plugins that are installed and off only the claims matter: what they had put has to go. One that is broken is
    // left alone with its rows.
    for (const auto& entry : registry_->list()) {
        const bool on = std::find(names->begin(), names->end(), entry.name) != names->end();
        if (on || !entry.problem.empty()) continue;
        auto off = registry_->load({entry.name});
        if (off) switched_off_.push_back(off->front());
    }
    for (const auto* plugin : plugins_) {
        log(LogLevel::info, "plugin", "loaded", {{"plugin", plugin->name()}, {"version", plugin->version()}});
    }
    return {};
}

std::vector<engine::ModuleSpec> Daemon::modules() const {
    std::vector<engine::ModuleSpec> modules{ipam_module()};
    for (const auto* plugin : plugins_)
        modules.push_back(module_of(*plugin));
    return modules;
}

Result<void> Daemon::build_engine() {
    const auto& settings = config_.settings();
    engine::EngineOptions options;
    options.role = settings.role;
    options.threads = std::max(1U, settings.weft.threads);
    options.woken = [this] { loop_.wake(); };
    engine_ = std::make_unique<engine::Engine>(options);
    auto inputs = kernel_inputs(settings.role);
    const auto all = modules();
    for (const auto& table : replica_tables(all, settings.role))
        inputs.push_back(table);
    for (const auto& watch : watches(plugins_, settings.role)) {
        if (!watch.resource) inputs.push_back(watch.table);
    }
    for (const auto& table : inputs) {
        if (auto added = engine_->add_input(table); !added) return added;
    }
    if (auto changed = engine_->change(all, {}); !changed) return changed;
    return post_settings();
}

Result<void> Daemon::post_settings() {
    auto plugin_rows = config_.plugin_settings(plugin_schemas(*registry_, plugins_));
    if (!plugin_rows) return plugin_rows.error();
    engine::ChangeSet changes;
    changes.put<tables::NetworkConfig>(config::network_row(config_.settings()));
    changes.complete<tables::NetworkConfig>();
    if (config_.settings().role == Role::node) {
        changes.put<tables::LocalNode>({.name = config_.settings().node_name});
    }
    changes.complete<tables::LocalNode>();
    changes.replace_all<tables::PluginSetting>(*std::move(plugin_rows));
    changes.complete<tables::PluginSetting>();
    engine_->post(std::move(changes));
    return {};
}

Result<void> Daemon::start_role() {
    const auto& settings = config_.settings();
    auto access = kube::choose_access(access_settings(settings.kubernetes));
    if (!access) return access.error();
    const bool is_node = settings.role == Role::node;
    kube_ =
        std::make_unique<KubePart>(KubePart::Options{*access, is_node ? settings.node_name : std::string()}, *engine_);
    if (!is_node) {
        candidacy_ = std::make_unique<Candidacy>(
            *access, elector_options(settings),
            kube::Elector::Events{[this] { loop_.post([this] { (void)lead(); }); },
                                  [this](const std::string& why) {
                                      log(LogLevel::warn, "daemon", "the lead is lost; starting over", {{"why", why}});
                                      loop_.post([this] {
                                          if (!leads_) return;
                                          exit_code_ = 1;
                                          loop_.stop();
                                      });
                                  }});
        candidacy_->start();
        return {};
    }
    std::vector<const plugin::Loaded*> all = plugins_;
    all.insert(all.end(), switched_off_.begin(), switched_off_.end());
    node_ = std::make_unique<NodePart>(settings, modules(), all, *engine_, loop_, *kube_, Clock::system());
    node_->set_rules(writes_of_rules(modules(), Role::node));
    for (const auto* plugin : all)
        node_->add_claims(*plugin);
    if (auto done = node_->start(); !done) return done;
    return start_watching();
}

Result<void> Daemon::lead() {
    if (leads_) return {};
    leads_ = true;
    log(LogLevel::info, "daemon", "leading the cluster role");
    // What the cluster holds is read only now, after the Lease is ours, so that allocations start from the truth.
    return start_watching();
}

Result<void> Daemon::start_watching() {
    return kube_->start(watches(plugins_, config_.settings().role));
}

// ---------------------------------------------------------------------------------------------------------------------

int Daemon::run() {
    loop_.run([this] { return turn(); });
    notifier_.stopping();
    log(LogLevel::info, "daemon", "stopping; the data plane goes on");
    stop_all();
    return exit_code_;
}

std::optional<TimePoint> Daemon::turn() {
    if (node_) node_->drain();
    const auto report = engine_->tick();
    ++ticks_;
    if (report.runs > 0 || report.input_changes > 0) {
        standard_metrics_->ticks().add();
        standard_metrics_->tick_duration().observe(std::chrono::duration<double>(report.took).count());
    }
    if (node_) node_->flush();
    heap_.turn(report.runs + report.input_changes, Clock::system().now());
    update_health();
    health_.beat();
    notifier_.beat();
    // At least every so often, so that a loop that hangs can be told from one that has nothing to do; and until all is
    // ready more often, as parts with threads of their own get ready without telling.
    const auto idle = told_ready_ ? Duration(std::chrono::seconds(10)) : Duration(std::chrono::milliseconds(100));
    std::optional<TimePoint> next = Clock::system().now() + idle;
    for (const auto& at :
         {report.next_deadline, notifier_.next_beat(), heap_.next(), node_ ? node_->next_deadline() : std::nullopt}) {
        if (at && *at < *next) next = at;
    }
    return next;
}

void Daemon::update_health() {
    const auto awaiting = engine_->awaiting();
    const bool standby = candidacy_ && !leads_;
    std::string missing;
    for (const auto& table : awaiting)
        missing += (missing.empty() ? "" : ", ") + table;
    health_.set("inputs", standby || awaiting.empty(), standby ? "" : missing);
    std::string status = standby ? "standby: another leads" : missing.empty() ? "running" : "waiting for " + missing;
    if (node_) {
        for (const auto* link : node_->links())
            health_.set(std::string(link->name()), link->ready(), link->trouble());
        const auto cni = node_->cni();
        health_.set("cni", cni.serving, cni.reason);
        if (missing.empty() && !cni.serving) status = "running; can't serve pods: " + cni.reason;
    }
    notifier_.status(status);
    if (told_ready_ || !health_.is_ready()) return;
    told_ready_ = true;
    const double seconds = std::chrono::duration<double>(Clock::system().now() - started_at_).count();
    (node_ ? standard_metrics_->node_ready_duration() : standard_metrics_->cluster_manager_ready_duration())
        .set(seconds);
    log(LogLevel::info, "daemon", "ready", {{"seconds", std::to_string(seconds)}});
    notifier_.ready(status);
}

void Daemon::on_signal(int signal) {
    if (signal == SIGHUP) return reload();
    log(LogLevel::info, "daemon", "signal", {{"number", std::to_string(signal)}});
    loop_.stop();
}

void Daemon::reload() {
    notifier_.reloading();
    auto reloaded = config_.reload();
    standard_metrics_->config_reload_ok().set(reloaded ? 1 : 0);
    standard_metrics_->config_reloads().add();
    if (!reloaded) {
        log(LogLevel::error, "config", "reload failed; going on with the old values", reloaded.error());
    } else {
        for (const auto& warning : reloaded->warnings)
            log(LogLevel::warn, "config", "reload", warning);
        for (const auto& key : reloaded->changed) {
            log(key.needs_restart ? LogLevel::warn : LogLevel::info, "config",
                key.needs_restart ? "changed, takes effect at the next start" : "changed", {{"key", key.name}});
        }
        auto names = enabled_plugins(config_, *registry_);
        auto done = names ? change_plugins(*names) : Result<void>(names.error());
        if (done) done = post_settings();
        if (!done) log(LogLevel::error, "config", "reload is incomplete", done.error());
    }
    if (told_ready_) notifier_.ready("running");
}

Result<void> Daemon::change_plugins(const std::vector<std::string>& names) {
    auto loaded = registry_->load(names);
    if (!loaded) return loaded.error();
    std::vector<engine::ModuleSpec> add;
    std::vector<std::string> remove;
    const auto has = [](const std::vector<const plugin::Loaded*>& list, const plugin::Loaded* plugin) {
        return std::find(list.begin(), list.end(), plugin) != list.end();
    };
    for (const auto* plugin : *loaded) {
        if (!has(plugins_, plugin)) add.push_back(module_of(*plugin));
    }
    for (const auto* plugin : plugins_) {
        if (!has(*loaded, plugin)) remove.push_back(plugin->name());
    }
    if (add.empty() && remove.empty()) return {};
    const Role role = config_.settings().role;
    for (const auto& watch : watches(*loaded, role)) {
        if (watch.resource) continue;
        if (auto added = engine_->add_input(watch.table); !added) return added;
    }
    if (auto changed = engine_->change(std::move(add), remove); !changed) return changed;
    for (const auto* plugin : *loaded) {
        const bool known = has(plugins_, plugin) || has(switched_off_, plugin);
        if (node_ && !known) node_->add_claims(*plugin);
        log(LogLevel::info, "plugin", "enabled", {{"plugin", plugin->name()}});
    }
    for (const auto* plugin : plugins_) {
        if (has(*loaded, plugin)) continue;
        switched_off_.push_back(plugin);
        log(LogLevel::info, "plugin", "disabled; its rows are withdrawn", {{"plugin", plugin->name()}});
    }
    plugins_ = *std::move(loaded);
    if (node_) node_->set_rules(writes_of_rules(modules(), role));
    if (!candidacy_ || leads_) kube_->rewatch(watches(plugins_, role));
    return {};
}

void Daemon::stop_all() {
    if (admin_) admin_->stop();
    for (auto& server : http_)
        server->stop();
    if (node_) node_->stop();
    if (kube_) kube_->stop();
    candidacy_.reset();
    if (engine_) engine_->stop();
    node_.reset();
    kube_.reset();
}

}  // namespace weft::daemon
