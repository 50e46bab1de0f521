#pragma once

#include "base/heap.hpp"
#include "config/config.hpp"
#include "daemon/containment.hpp"
#include "daemon/identity_part.hpp"
#include "daemon/kube_part.hpp"
#include "daemon/loop.hpp"
#include "daemon/node_part.hpp"
#include "engine/engine.hpp"
#include "insight/calls.hpp"
#include "insight/plan.hpp"
#include "plugin/registry.hpp"
#include "record/recorder.hpp"
#include "services/admin_server.hpp"
#include "services/health.hpp"
#include "services/http_server.hpp"
#include "services/metrics.hpp"
#include "services/notifier.hpp"
#include "services/plugin_metrics.hpp"
#include "services/report.hpp"
#include "services/run_lock.hpp"
#include "services/standard_metrics.hpp"

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

/// weftd: puts the parts together for a role and turns the loop.
namespace weft::daemon {

class Daemon {
  public:
    explicit Daemon(config::Config config);
    ~Daemon();

    /// Everything that can be wrong at start is an error here, before anything is touched.
    Result<void> start();
    /// Until a signal, or until the lead of the cluster is lost; returns the exit code.
    int run();

  private:
    Result<void> load_plugins();
    /// Those of `names` that aren't frozen, loaded; what is frozen is told in `frozen`.
    Result<std::vector<const plugin::Loaded*>> load(const std::vector<std::string>& names,
                                                    std::map<std::string, std::string>& frozen) const;
    void set_frozen(std::map<std::string, std::string> frozen);
    void set_gates();
    Result<void> take_claims_of_frozen(const std::string& name);
    Result<void> build_engine();
    Result<void> start_role();
    Result<void> start_recording();  ///< record_part.cpp
    void start_identity();
    Result<void> lead();
    Result<void> start_watching();
    Result<void> start_services();
    Result<void> post_settings();
    void reload();
    /// Nothing changes unless the engine takes the graph as a whole.
    Result<void> change_plugins(std::vector<const plugin::Loaded*> wanted);
    std::vector<std::string> gates_;  ///< plugins that may hold up pods
    std::vector<engine::ModuleSpec> modules() const;
    Result<void> keep_annotations_of(const std::vector<const plugin::Loaded*>& plugins);

    std::optional<TimePoint> turn();
    void update_health();
    void note_first_syncs(const std::vector<std::string>& awaiting);
    void on_signal(int signal);
    void stop_all();

    // status_report.cpp
    std::string status_json() const;
    /// Databases and API server, as they are now.
    std::vector<services::StatusReport::Connection> connections() const;
    std::string plugins_json() const;
    std::string reason_of(const std::string& plugin, bool enabled) const;
    std::string rbac_json() const;
    std::optional<services::StatusReport::Recording> recording_state() const;
    Result<std::string> set_log_level(JsonView args);
    void publish_metrics();
    void publish_subnets();

    // insight_part.cpp
    insight::Surroundings surroundings() const;
    std::vector<insight::IdlePlugin> idle_plugins() const;

    // plan_part.cpp
    void add_plan_calls();
    void plan(JsonView args, const services::AdminReply& reply);
    Result<insight::PlanInput> plan_input(JsonView args) const;
    Result<std::string> switch_plugin(JsonView args);
    Result<std::string> switch_to(const std::string& name, bool on, const std::vector<std::string>& names);
    /// The plugins that a configuration enables, less and more what was switched by hand.
    Result<std::vector<std::string>> plugin_names(const config::Config& config,
                                                  const std::map<std::string, bool>& by_hand) const;

    config::Config config_;
    Loop loop_;
    std::optional<services::RunLock> lock_;
    std::optional<services::PidFile> pid_file_;
    std::unique_ptr<Containment> containment_;  ///< all that runs plugins' code says so on its board
    std::unique_ptr<plugin::Registry> registry_;
    std::vector<const plugin::Loaded*> plugins_;       ///< enabled, in order of their needs
    std::map<std::string, bool> by_hand_;              ///< switched by weftctl, until the next reload
    std::map<std::string, std::string> frozen_;        ///< enabled, but not loaded: why
    std::vector<const plugin::Loaded*> switched_off_;  ///< installed and disabled: only their claims count
    std::vector<std::string> annotation_prefixes_;     ///< what rows keep for plugins
    std::unique_ptr<record::Recorder> recorder_;       ///< sees what the engine does
    std::string recording_trouble_;                    ///< why there is none though there should be
    std::unique_ptr<engine::Engine> engine_;
    std::unique_ptr<Candidacy> candidacy_;  ///< role cluster; kube_ asks it
    std::unique_ptr<KubePart> kube_;
    std::unique_ptr<IdentityPart> identity_;  ///< role node that asks for a certificate; on kube_'s thread
    std::unique_ptr<NodePart> node_;
    services::Metrics metrics_;
    services::PluginMetrics plugin_metrics_{metrics_};
    std::unique_ptr<services::StandardMetrics> standard_metrics_;
    services::Health health_;
    services::Notifier notifier_;
    std::unique_ptr<insight::Calls> insight_;
    std::unique_ptr<services::AdminServer> admin_;
    std::vector<std::unique_ptr<services::HttpServer>> http_;
    WallTime started_;
    TimePoint started_at_;
    bool leads_ = false;
    bool watching_ = false;
    bool told_ready_ = false;
    std::string status_line_ = "starting";
    std::set<std::string> awaited_;  ///< tables whose first list has not come yet
    std::uint64_t ticks_ = 0;
    HeapKeeper heap_;
    int exit_code_ = 0;
};

}  // namespace weft::daemon
