#include "daemon/daemon.hpp"

#include "daemon/log_levels.hpp"
#include "daemon/plugin_set.hpp"

#include <weft/base/log.hpp>
#include <weft/tables/cni.hpp>
#include <weft/tables/kube.hpp>
#include <weft/tables/net.hpp>
#include <weft/tables/settings.hpp>

#include <algorithm>
#include <array>
#include <csignal>

namespace weft::daemon {

namespace {

kube::AccessSettings access_settings(const config::Settings& settings) {
    const auto& from = settings.kubernetes;
    return {.kubeconfig = from.kubeconfig,
            .apiserver = from.apiserver,
            .token = from.token,
            .token_file = from.token_file,
            .cacert = from.cacert,
            .cacert_data = from.cacert_data,
            .cert_dir = from.cert_dir,
            .bootstrap_kubeconfig = settings.wants_certificate() ? from.bootstrap_kubeconfig : std::string()};
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

double seconds_of(Duration duration) {
    return std::chrono::duration<double>(duration).count();
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
      health_(Clock::system(), [this] { loop_.wake(); }),
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
    auto limits = limits_of(settings);
    if (!limits) return std::move(limits).error();
    auto contained = Containment::begin(settings);
    if (!contained) return std::move(contained).error();
    containment_ = *std::move(contained);
    containment_->watch(*limits);
    standard_metrics_ = std::make_unique<services::StandardMetrics>(metrics_, settings.role);
    services::add_process_metrics(metrics_);
    if (auto done = load_plugins(); !done) return done;
    if (auto done = build_engine(); !done) return done;
    if (auto done = start_services(); !done) return done;
    if (auto done = start_role(); !done) return done;
    publish_metrics();  // so that the first who asks finds them made: later they would lie scattered among rows
    return {};
}

Result<void> Daemon::load_plugins() {
    const auto& settings = config_.settings();
    registry_ =
        std::make_unique<plugin::Registry>(settings.plugin_dir(), admission_policy(settings), &containment_->board());
    auto names = enabled_plugins(config_, *registry_);
    if (!names) return names.error();
    std::map<std::string, std::string> frozen;
    auto loaded = load(*names, frozen);
    if (!loaded) return loaded.error();
    plugins_ = *std::move(loaded);
    set_frozen(std::move(frozen));
    // Of plugins that are installed and off only the claims matter: what they had put has to go. One that is broken is
    // left alone with its rows.
    for (const auto& entry : registry_->list()) {
        const bool on = std::find(names->begin(), names->end(), entry.name) != names->end();
        if (on || !entry.problem.empty()) continue;
        // One that can't even be loaded is left alone too; others need no more than to say what they claim.
        if (const auto record = containment_->quarantine().frozen(entry.name); record && record->part == "load")
            continue;
        auto off = registry_->load({entry.name});
        if (off) switched_off_.push_back(off->front());
    }
    if (auto kept = keep_annotations_of(plugins_); !kept) return kept;
    for (const auto* plugin : plugins_) {
        log(LogLevel::info, "plugin", "loaded", {{"plugin", plugin->name()}, {"version", plugin->version()}});
    }
    return {};
}

Result<std::vector<const plugin::Loaded*>> Daemon::load(const std::vector<std::string>& names,
                                                        std::map<std::string, std::string>& frozen) const {
    std::map<std::string, std::vector<std::string>> needs;
    std::map<std::string, std::string> hashes;
    for (const auto& entry : registry_->list()) {
        needs[entry.name] = entry.needs;
        if (!entry.sha256.empty()) hashes[entry.name] = entry.sha256;
    }
    for (const auto& name : containment_->quarantine().note_files(hashes))
        log(LogLevel::info, "plugin", "another file: not frozen any more", {{"plugin", name}});
    auto allowed = runnable(names, needs, containment_->quarantine());
    frozen = std::move(allowed.frozen);
    auto loaded = registry_->load(allowed.names);
    if (!loaded) return loaded;
    if (auto claimed = check_claims(*loaded, config_.settings().role); !claimed) return claimed.error();
    return loaded;
}

void Daemon::set_frozen(std::map<std::string, std::string> frozen) {
    for (const auto& [name, why] : frozen) {
        if (frozen_.contains(name)) continue;
        log(LogLevel::error, "plugin", "frozen: it does not run, and its rows stay as they are",
            {{"plugin", name}, {"why", why}});
    }
    frozen_ = std::move(frozen);
    set_gates();
}

/// What can't run and says so, or of which the configuration says so, holds up pods.
void Daemon::set_gates() {
    if (!node_) return;
    std::map<std::string, std::string> closed;
    for (const auto& entry : registry_->list()) {
        const auto why = frozen_.find(entry.name);
        if (why == frozen_.end()) continue;
        if (config_.plugin_gates(entry.name).value_or(entry.gates) == "pods") closed[entry.name] = why->second;
    }
    for (const auto& name : gates_) {
        if (!closed.contains(name)) node_->gate(name, "");
    }
    gates_.clear();
    for (const auto& [name, why] : closed) {
        node_->gate(name, why);
        gates_.push_back(name);
    }
}

/// What rows keep has to be there before a plugin's rules see them: from half the facts they would undo what is right.
Result<void> Daemon::keep_annotations_of(const std::vector<const plugin::Loaded*>& plugins) {
    auto prefixes = annotation_prefixes_;
    for (const auto* plugin : plugins) {
        for (const auto& prefix : plugin->declared().annotation_prefixes) {
            if (std::ranges::find(prefixes, prefix) == prefixes.end()) prefixes.push_back(prefix);
        }
    }
    if (prefixes == annotation_prefixes_) return {};
    if (kube_) {
        if (auto kept = kube_->keep_annotations(prefixes); !kept) return kept;
    }
    annotation_prefixes_ = std::move(prefixes);
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
    if (auto started = start_recording(); !started) return started;
    options.tap = recorder_.get();
    options.flap_limit = settings.weft.flap_limit;
    options.board = &containment_->board();
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
    auto access = kube::choose_access(access_settings(settings));
    if (!access) return access.error();
    const bool is_node = settings.role == Role::node;
    KubePart::Options kube_options{*access, is_node ? settings.node_name : std::string(), {}, annotation_prefixes_};
    if (!is_node) {
        candidacy_ = std::make_unique<Candidacy>(
            *access, elector_options(settings),
            kube::Elector::Events{
                [this] { loop_.post([this] { (void)lead(); }); },
                [this](const std::string& why) {
                    loop_.post([this, why] {
                        if (!leads_) return;
                        log(LogLevel::warn, "daemon", "the lead is lost; starting over", {{"why", why}});
                        exit_code_ = 1;
                        loop_.stop();
                    });
                },
                [this] { loop_.wake(); }});
        kube_options.may_write = [this] { return candidacy_->may_write(); };
    }
    kube_ = std::make_unique<KubePart>(std::move(kube_options), *engine_);
    if (!is_node) {
        candidacy_->start();
        return {};
    }
    std::vector<const plugin::Loaded*> all = plugins_;
    all.insert(all.end(), switched_off_.begin(), switched_off_.end());
    NodePart::PodObserver observer{
        [this](std::string_view command, bool failed, Duration took) {
            standard_metrics_->cni_request_duration(std::string(command), failed).observe(seconds_of(took));
        },
        [this](std::string_view stage, Duration took) {
            standard_metrics_->cni_add_stage_duration(std::string(stage)).observe(seconds_of(took));
        },
        [this](Duration took) { standard_metrics_->pod_creation_latency().observe(seconds_of(took)); }};
    node_ = std::make_unique<NodePart>(settings, modules(), all, *engine_, loop_, *kube_, Clock::system(),
                                       std::move(observer));
    node_->set_rules(writes_of_rules(modules(), Role::node));
    for (const auto* plugin : all)
        node_->add_claims(*plugin);
    set_gates();
    if (auto done = node_->start(); !done) return done;
    if (!settings.wants_certificate()) return start_watching();
    start_identity();
    return {};
}

/// Nothing is asked before there is a certificate: until then weftd does for its pods what it can, and is not ready.
void Daemon::start_identity() {
    const auto& settings = config_.settings();
    const auto& k8s = settings.kubernetes;
    kube_->open();
    identity_ = std::make_unique<IdentityPart>(
        kube_->client(), k8s.bootstrap_kubeconfig,
        kube::NodeCertificateOptions{.node = settings.node_name,
                                     .file = kube::certificate_file(k8s.cert_dir),
                                     .duration = std::chrono::duration_cast<std::chrono::seconds>(k8s.cert_duration)},
        IdentityPart::Events{[this] {
                                 loop_.post([this] {
                                     if (watching_) return;
                                     if (auto done = start_watching(); !done)
                                         log(LogLevel::error, "daemon", "can't watch the cluster", done.error());
                                 });
                             },
                             [this] { loop_.wake(); }});
    identity_->start();
}

Result<void> Daemon::lead() {
    if (leads_) return {};
    leads_ = true;
    log(LogLevel::info, "daemon", "leading the cluster role");
    // What the cluster holds is read only now, after the Lease is ours, so that allocations start from the truth.
    return start_watching();
}

Result<void> Daemon::start_watching() {
    watching_ = true;
    const auto wanted = watches(plugins_, config_.settings().role);
    for (const auto& watch : wanted)
        awaited_.emplace(watch.table.name);
    return kube_->start(wanted);
}

// ---------------------------------------------------------------------------------------------------------------------

int Daemon::run() {
    loop_.run([this] { return turn(); });
    containment_->stopping();
    health_.set_terminating(true);
    notifier_.stopping();
    log(LogLevel::info, "daemon", "stopping; the data plane goes on");
    stop_all();
    containment_->end();
    return exit_code_;
}

std::optional<TimePoint> Daemon::turn() {
    // On a busy node, connections come before telling of them.
    if (node_) {
        kube_->hold_writes(true);
        node_->drain();
    }
    const auto report = engine_->tick();
    ++ticks_;
    if (report.runs > 0 || report.input_changes > 0) {
        standard_metrics_->ticks().add();
        standard_metrics_->tick_duration().observe(seconds_of(report.took));
    }
    if (node_) {
        node_->flush();
        kube_->hold_writes(node_->writing());
    }
    if (heap_.turn(report.runs + report.input_changes, Clock::system().now())) {
        engine_->give_back_memory();
        if (kube_) kube_->give_back_memory();
        if (node_) node_->give_back_memory();
    }
    update_health();
    health_.beat();
    notifier_.beat();
    std::optional<TimePoint> next = report.next_deadline;
    const auto record_next = recorder_ ? recorder_->turn(*engine_) : std::nullopt;
    for (const auto& at :
         {record_next, notifier_.next_beat(), heap_.next(), node_ ? node_->next_deadline() : std::nullopt}) {
        if (at && (!next || *at < *next)) next = at;
    }
    return next;
}

/// How long the first list of a kind took, in upstream's words.
void Daemon::note_first_syncs(const std::vector<std::string>& awaiting) {
    constexpr std::array<std::pair<std::string_view, const char*>, 3> kinds{
        {{"Node", "node"}, {"Namespace", "namespace"}, {"Pod", "pod"}}};
    for (const auto& [table, name] : kinds) {
        const bool awaited = std::find(awaiting.begin(), awaiting.end(), table) != awaiting.end();
        if (awaited || awaited_.erase(std::string(table)) == 0) continue;
        standard_metrics_->controller_sync_duration(name).set(seconds_of(Clock::system().now() - started_at_));
    }
}

void Daemon::update_health() {
    const auto awaiting = engine_->awaiting();
    if (node_) note_first_syncs(awaiting);
    const auto election = candidacy_ ? candidacy_->status() : kube::ElectorStatus();
    const bool standby = candidacy_ && !leads_;
    std::string missing;
    if (standby && election.leads) {
        missing = "the lists of the cluster";  // they are asked for in a moment
    } else if (standby) {
        // Somebody has to lead, be it another; who stands by needs nothing else.
        if (election.holder.empty()) missing = "the Lease" + (election.trouble.empty() ? "" : ": " + election.trouble);
    } else {
        for (const auto& table : awaiting)
            missing += (missing.empty() ? "" : ", ") + table;
    }
    if (identity_) {
        const auto identity = identity_->status();
        health_.set("identity", identity.valid, identity.trouble);
        if (!identity.valid) {
            missing = "this node's certificate: " + identity.trouble + (missing.empty() ? "" : "; then for " + missing);
        }
    }
    health_.set("inputs", missing.empty(), missing);
    std::string status = missing.empty() ? "running" : "waiting for " + missing;
    if (standby && missing.empty()) status = "standby: " + election.holder + " leads";
    if (node_) {
        for (const auto* link : node_->links())
            health_.set(std::string(link->name()), link->ready(), link->trouble());
        const auto cni = node_->cni();
        health_.set("cni", cni.serving, cni.reason);
        if (missing.empty() && !cni.serving) status = "running; can't serve pods: " + cni.reason;
    }
    if (const auto& pod = config_.settings().weft.pod_name; node_ && !pod.empty()) {
        // Of the own node's pods, so known where pods are watched.
        const auto own =
            engine_->find<tables::Pod>(Key<tables::Pod>{config_.settings().kubernetes.ovn_config_namespace, pod});
        health_.set_terminating(own && own->terminating);
    }
    notifier_.status(status);
    status_line_ = std::move(status);
    if (told_ready_ || !health_.is_ready()) return;
    told_ready_ = true;
    const double seconds = seconds_of(Clock::system().now() - started_at_);
    if (node_) {
        standard_metrics_->node_ready_duration().set(seconds);
        standard_metrics_->controller_ready_duration().set(seconds);
    } else {
        standard_metrics_->cluster_manager_ready_duration().set(seconds);
    }
    log(LogLevel::info, "daemon", "ready", {{"seconds", std::to_string(seconds)}});
    notifier_.ready(status_line_);
}

void Daemon::on_signal(int signal) {
    if (signal == SIGHUP) return reload();
    log(LogLevel::info, "daemon", "signal", {{"number", std::to_string(signal)}});
    loop_.stop();
}

void Daemon::reload() {
    notifier_.reloading();
    // Everything is tried on the new configuration before it counts: plugins, their settings, the changed graph.
    std::map<std::string, std::string> frozen;
    auto reloaded = config_.reload([&](const config::Config& next) -> Result<void> {
        auto names = enabled_plugins(next, *registry_);
        if (!names) return names.error();
        auto loaded = load(*names, frozen);
        if (!loaded) return loaded.error();
        auto rows = next.plugin_settings(plugin_schemas(*registry_, *loaded));
        if (!rows) return rows.error();
        for (const auto& [name, why] : frozen_) {
            if (std::find(names->begin(), names->end(), name) != names->end()) continue;
            if (auto taken = take_claims_of_frozen(name); !taken) return taken;
        }
        return change_plugins(*std::move(loaded));
    });
    standard_metrics_->config_reload_ok().set(reloaded ? 1 : 0);
    standard_metrics_->config_reloads().add();
    if (!reloaded) {
        log(LogLevel::error, "config", "reload failed; going on with the old values", reloaded.error());
    } else {
        by_hand_.clear();
        set_frozen(std::move(frozen));
        if (auto limits = limits_of(config_.settings())) containment_->watch(*limits);
        for (const auto& warning : reloaded->warnings)
            log(LogLevel::warn, "config", "reload", warning);
        for (const auto& key : reloaded->changed) {
            log(key.needs_restart ? LogLevel::warn : LogLevel::info, "config",
                key.needs_restart ? "changed, takes effect at the next start" : "changed", {{"key", key.name}});
            if (recorder_) recorder_->note("configuration: " + key.name + " has changed");
        }
        apply_log_levels(config_.settings());
        if (auto done = post_settings(); !done) log(LogLevel::error, "config", "reload is incomplete", done.error());
    }
    if (told_ready_) notifier_.ready(status_line_);
}

/// A plugin that is frozen and now switched off: what it had put has to go, for which it must say what it claims.
Result<void> Daemon::take_claims_of_frozen(const std::string& name) {
    const auto record = containment_->quarantine().frozen(name);
    if (record && record->part == "load") return {};
    const auto loaded = registry_->load({name});
    if (!loaded) return {};  // broken, or without what it needs: left alone with its rows
    if (std::find(switched_off_.begin(), switched_off_.end(), loaded->front()) != switched_off_.end()) return {};
    switched_off_.push_back(loaded->front());
    if (node_) node_->add_claims(*loaded->front());
    log(LogLevel::info, "plugin", "disabled; its rows are withdrawn", {{"plugin", name}});
    return {};
}

Result<void> Daemon::change_plugins(std::vector<const plugin::Loaded*> wanted) {
    std::vector<engine::ModuleSpec> add;
    std::vector<std::string> remove;
    const auto has = [](const std::vector<const plugin::Loaded*>& list, const plugin::Loaded* plugin) {
        return std::find(list.begin(), list.end(), plugin) != list.end();
    };
    for (const auto* plugin : wanted) {
        if (!has(plugins_, plugin)) add.push_back(module_of(*plugin));
    }
    for (const auto* plugin : plugins_) {
        if (!has(wanted, plugin)) remove.push_back(plugin->name());
    }
    if (add.empty() && remove.empty()) return {};
    if (auto kept = keep_annotations_of(wanted); !kept) return kept;
    const Role role = config_.settings().role;
    for (const auto& watch : watches(wanted, role)) {
        if (watch.resource) continue;
        if (auto added = engine_->add_input(watch.table); !added) return added;
    }
    if (auto changed = engine_->change(std::move(add), remove); !changed) return changed;
    for (const auto* plugin : wanted) {
        const bool known = has(plugins_, plugin) || has(switched_off_, plugin);
        if (node_ && !known) node_->add_claims(*plugin);
        if (has(plugins_, plugin)) continue;
        std::erase(switched_off_, plugin);
        log(LogLevel::info, "plugin", "enabled", {{"plugin", plugin->name()}});
    }
    for (const auto* plugin : plugins_) {
        if (has(wanted, plugin)) continue;
        switched_off_.push_back(plugin);
        log(LogLevel::info, "plugin", "disabled; its rows are withdrawn", {{"plugin", plugin->name()}});
    }
    plugins_ = std::move(wanted);
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
    identity_.reset();  // its state machine lives on that thread
    // Given back only when nothing is written any more.
    if (candidacy_) candidacy_->stop();
    if (engine_) engine_->stop();
    if (recorder_) recorder_->stop();
    node_.reset();
    kube_.reset();
    candidacy_.reset();
}

}  // namespace weft::daemon
