#include "../process_table.hpp"
#include "cni.hpp"
#include "folder_watch.hpp"
#include "pod_object.hpp"
#include "sandbox.hpp"
#include "work_queue.hpp"

#include <weft/base/log.hpp>
#include <weft/testing/testbed/namespace.hpp>
#include <weft/testing/testbed/pod_runner.hpp>
#include <weft/testing/testbed/process.hpp>

#include <algorithm>
#include <map>
#include <mutex>
#include <set>

namespace weft::testing {

namespace {

using std::chrono::milliseconds;

constexpr std::size_t workers = 16;  // they mostly wait for the plugin
constexpr milliseconds first_retry{250};
constexpr milliseconds longest_retry{8000};
constexpr milliseconds done{0};
constexpr const char* node_key = "";  // no pod has this UID

}  // namespace

class PodRunner::Impl {
  public:
    explicit Impl(PodRunnerOptions options) : options_(std::move(options)), client_(options_.api) {}

    ~Impl() {
        watch_.reset();
        conf_watch_.reset();
        queue_.reset();
        if (options_.keep_pods) return;
        for (const auto& [uid, sandbox] : std::map(sandboxes_))
            [[maybe_unused]] const auto best_effort = tear_down(uid);
    }

    Result<void> start() {
        std::error_code failed;
        std::filesystem::create_directories(options_.state_dir, failed);
        std::filesystem::create_directories(options_.cni_conf_dir, failed);
        load_sandboxes();
        queue_ = std::make_unique<WorkQueue>(workers, [this](const std::string& key) { return work(key); });
        auto watch = FolderWatch::start(options_.cni_conf_dir, [this] { conf_changed(); });
        if (!watch) return watch.error();
        conf_watch_ = std::move(*watch);
        register_node();
        watch_ = std::make_unique<ObjectWatch>(
            options_.api, "/api/v1/pods", "fieldSelector=spec.nodeName%3D" + options_.node,
            ObjectWatch::Handlers{
                [this](JsonView list) { listed(list); },
                [this](std::string_view type, JsonView pod) { changed(type, pod); },
                [](const Error& error) { log(LogLevel::warn, "podrunner", "watch of pods", error); }});
        return {};
    }

    void register_node() {
        {
            const std::lock_guard lock(mutex_);
            registered_ = false;
        }
        queue_->add(node_key);
    }

  private:
    // --- what comes in ---

    void load_sandboxes() {
        for (const auto& entry : std::filesystem::directory_iterator(options_.state_dir)) {
            if (entry.path().extension() != ".json") continue;
            auto sandbox = Sandbox::load(entry.path());
            if (sandbox) {
                sandboxes_.emplace(sandbox->pod_uid, *sandbox);
            } else {
                log(LogLevel::warn, "podrunner", "state file is of no use", sandbox.error());
            }
        }
    }

    void listed(JsonView list) {
        std::map<std::string, PodObject> pods;
        list["items"].each([&](JsonView item) {
            auto pod = PodObject::parse(item);
            pods.emplace(pod.uid, std::move(pod));
        });
        std::set<std::string> touched;
        {
            const std::lock_guard lock(mutex_);
            for (const auto& [uid, pod] : pods_)
                touched.insert(uid);
            for (const auto& [uid, pod] : pods)
                touched.insert(uid);
            for (const auto& [uid, sandbox] : sandboxes_)
                touched.insert(uid);
            pods_ = std::move(pods);
        }
        for (const auto& uid : touched)
            queue_->add(uid);
    }

    void changed(std::string_view type, JsonView object) {
        auto pod = PodObject::parse(object);
        const auto uid = pod.uid;
        {
            const std::lock_guard lock(mutex_);
            if (type == "DELETED") {
                pods_.erase(uid);
            } else {
                pods_.insert_or_assign(uid, std::move(pod));
            }
        }
        queue_->add(uid);
    }

    void conf_changed() {
        queue_->add(node_key);
        const std::lock_guard lock(mutex_);
        for (const auto& [uid, pod] : pods_)
            queue_->add(uid);
        for (const auto& [uid, sandbox] : sandboxes_)
            queue_->add(uid);
    }

    // --- what is done about it ---

    milliseconds work(const std::string& key) {
        const auto result = key == node_key ? write_node() : reconcile(key);
        const std::lock_guard lock(mutex_);
        if (result) {
            retry_.erase(key);
            return done;
        }
        if (result.error().kind != ErrorKind::waiting) log(LogLevel::warn, "podrunner", title(key), result.error());
        auto& pause = retry_[key];
        pause = std::clamp(pause * 2, first_retry, longest_retry);
        // What is waited for (the CNI configuration) comes with a call of its own.
        return result.error().kind == ErrorKind::waiting ? done : pause;
    }

    std::string title(const std::string& uid) const {
        if (const auto pod = pods_.find(uid); pod != pods_.end()) return pod->second.title();
        if (const auto sandbox = sandboxes_.find(uid); sandbox != sandboxes_.end()) return sandbox->second.title();
        return uid == node_key ? "node " + options_.node : "pod with UID " + uid;
    }

    Result<void> write_node() {
        const auto config = CniConfig::load(options_.cni_conf_dir);
        const bool ready = config && config->has_value();
        const NodeObject node{options_.node, options_.addresses, ready,
                              ready ? "" : "no CNI configuration in " + options_.cni_conf_dir.string()};
        bool registered = false;
        {
            const std::lock_guard lock(mutex_);
            registered = registered_;
        }
        if (!registered) {
            const auto made = client_.create("/api/v1/nodes", node_object(node));
            if (!made && made.error().kind != ErrorKind::conflict) return made.error();
        }
        const auto path = "/api/v1/nodes/" + options_.node + "/status";
        if (auto written = client_.strategic_patch(path, node_status(node, timestamp())); !written)
            return written.error();
        const std::lock_guard lock(mutex_);
        registered_ = true;
        return {};
    }

    Result<void> reconcile(const std::string& uid) {
        const auto pod = pod_of(uid);
        if (pod && !pod->deleting && !pod->finished()) return run_pod(*pod);
        if (auto gone = tear_down(uid); !gone) return gone;
        if (pod && pod->deleting) return remove_object(*pod);
        return {};
    }

    Result<void> run_pod(const PodObject& pod) {
        auto sandbox = sandbox_of(pod.uid);
        const bool usable =
            sandbox && sandbox->complete && (pod.host_network || NetworkNamespace::exists(sandbox->netns));
        if (sandbox && !usable) {
            if (auto gone = tear_down(pod.uid); !gone) return gone;
        }
        if (!usable) {
            auto made = make_sandbox(pod);
            if (!made) return made.error();
            sandbox = std::move(*made);
        }
        if (auto serving = run_server(pod, *sandbox); !serving) return serving;
        return write_status(pod.uid, *sandbox);
    }

    std::optional<PodObject> pod_of(const std::string& uid) {
        const std::lock_guard lock(mutex_);
        const auto found = pods_.find(uid);
        return found == pods_.end() ? std::nullopt : std::optional(found->second);
    }

    std::optional<Sandbox> sandbox_of(const std::string& uid) {
        const std::lock_guard lock(mutex_);
        const auto found = sandboxes_.find(uid);
        return found == sandboxes_.end() ? std::nullopt : std::optional(found->second);
    }

    Result<void> remember(const Sandbox& sandbox) {
        {
            const std::lock_guard lock(mutex_);
            sandboxes_.insert_or_assign(sandbox.pod_uid, sandbox);
        }
        return sandbox.save(options_.state_dir);
    }

    Result<Sandbox> make_sandbox(const PodObject& pod) {
        auto sandbox = Sandbox::make(pod, options_.netns_prefix);
        if (pod.host_network) {
            sandbox.complete = true;
            sandbox.addresses = options_.addresses;
            if (auto saved = remember(sandbox); !saved) return saved.error();
            return sandbox;
        }
        auto plugin = find_plugin();
        if (!plugin) return plugin.error();
        // Remembered before anything is made, so that a runner that dies on the way undoes it.
        if (auto saved = remember(sandbox); !saved) return saved.error();
        auto netns = NetworkNamespace::create(sandbox.netns, true);
        if (!netns) return netns.error();
        auto result = plugin->add(sandbox.attachment());
        if (!result) {
            report(pod, result.error());
            [[maybe_unused]] const auto undone = tear_down(pod.uid);
            return result.error();
        }
        sandbox.complete = true;
        sandbox.addresses = result->addresses;
        sandbox.cni_result = result->text;
        if (auto saved = remember(sandbox); !saved) return saved.error();
        return sandbox;
    }

    Result<CniPlugin> find_plugin() const {
        auto config = CniConfig::load(options_.cni_conf_dir);
        if (!config) return config.error();
        if (!config->has_value()) return waiting("no CNI configuration in " + options_.cni_conf_dir.string());
        return CniPlugin::find(std::move(**config), options_.cni_bin_dirs);
    }

    void report(const PodObject& pod, const Error& error) {
        const auto event = pod_event(pod, options_.node, "FailedCreatePodSandBox", error.text(), timestamp());
        const auto sent = client_.create("/api/v1/namespaces/" + pod.pod_namespace + "/events", event);
        if (!sent) log(LogLevel::warn, "podrunner", "event for " + pod.title(), sent.error());
    }

    std::pair<std::string, std::string> mark_of(const std::string& uid) const {
        return pod_mark(options_.state_dir, uid);
    }

    Result<void> run_server(const PodObject& pod, const Sandbox& sandbox) {
        if (options_.server_program.empty() || pod.host_network) return {};
        {
            const std::lock_guard lock(mutex_);
            if (!served_.insert(pod.uid).second) return {};
        }
        // An earlier runner may have started it.
        const auto mark = mark_of(pod.uid);
        if (!processes_with(mark.first, mark.second).empty()) return {};
        auto environment = options_.environment;
        environment.push_back(mark);
        auto started =
            run_ok({options_.server_program.string(), "serve", "--daemon", "--port", std::to_string(pod.port)},
                   {.netns = sandbox.netns, .environment = std::move(environment)});
        if (started) return {};
        const std::lock_guard lock(mutex_);
        served_.erase(pod.uid);
        return started.error();
    }

    /// Of the pod as it is now: the network took its time, and annotated it.
    Result<void> write_status(const std::string& uid, const Sandbox& sandbox) {
        const auto now = pod_of(uid);
        if (!now || now->deleting || now->finished()) return {};
        const PodObject& pod = *now;
        std::vector<std::string> addresses;
        for (const auto& address : sandbox.addresses)
            addresses.push_back(address.text());
        if (pod.phase == "Running" && pod.ready && pod.addresses == addresses) return {};
        const auto status = running_status(pod, options_.addresses, sandbox.addresses, timestamp());
        auto written = client_.strategic_patch(pod.path() + "/status", status);
        if (written) return {};
        // It has changed since: that is on its way here.
        return written.error().kind == ErrorKind::conflict ? waiting(written.error().what) : written.error();
    }

    /// Undoes everything of a pod on this node; nothing to do is no error.
    Result<void> tear_down(const std::string& uid) {
        const auto sandbox = sandbox_of(uid);
        if (!sandbox) return {};
        const auto mark = mark_of(uid);
        if (auto killed = kill_processes_with(mark.first, mark.second, std::chrono::seconds(10)); !killed)
            return killed;
        if (!sandbox->netns.empty()) {
            auto plugin = find_plugin();
            if (!plugin) return plugin.error();
            if (auto removed = plugin->remove(sandbox->attachment(), sandbox->cni_result); !removed) return removed;
            if (auto removed = NetworkNamespace::remove(sandbox->netns); !removed) return removed;
        }
        std::error_code ignored;
        std::filesystem::remove(Sandbox::file_of(options_.state_dir, uid), ignored);
        const std::lock_guard lock(mutex_);
        sandboxes_.erase(uid);
        served_.erase(uid);
        return {};
    }

    Result<void> remove_object(const PodObject& pod) {
        JsonWriter body;
        body.object([&] {
            body.member("apiVersion", "v1").member("kind", "DeleteOptions").member("gracePeriodSeconds", 0);
            body.key("preconditions").object([&] { body.member("uid", pod.uid); });
        });
        auto removed = client_.remove(pod.path(), body.text());
        // A new pod has the name already.
        if (!removed && removed.error().kind == ErrorKind::conflict) return {};
        return removed;
    }

    const PodRunnerOptions options_;
    const KubeClient client_;
    std::mutex mutex_;
    std::map<std::string, PodObject> pods_;     ///< by UID, as the server has them
    std::map<std::string, Sandbox> sandboxes_;  ///< by UID, as they are here
    std::set<std::string> served_;              ///< UIDs whose server is known to run
    std::map<std::string, milliseconds> retry_;
    bool registered_ = false;
    // Destroyed first, in this order: what brings work, then what does it.
    std::unique_ptr<WorkQueue> queue_;
    std::unique_ptr<FolderWatch> conf_watch_;
    std::unique_ptr<ObjectWatch> watch_;
};

PodRunner::PodRunner(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

PodRunner::~PodRunner() = default;

Result<std::unique_ptr<PodRunner>> PodRunner::start(PodRunnerOptions options) {
    auto impl = std::make_unique<Impl>(std::move(options));
    if (auto started = impl->start(); !started) return started.error();
    return std::unique_ptr<PodRunner>(new PodRunner(std::move(impl)));
}

void PodRunner::register_node() {
    impl_->register_node();
}

}  // namespace weft::testing
