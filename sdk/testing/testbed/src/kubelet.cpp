#include "container_leftovers.hpp"
#include "process_table.hpp"

#include <weft/testing/testbed/images.hpp>
#include <weft/testing/testbed/kubelet.hpp>
#include <weft/testing/testbed/wait.hpp>

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <stdexcept>

#include <unistd.h>

namespace weft::testing {

namespace {

namespace fs = std::filesystem;

constexpr const char* containerd_namespace = "k8s.io";     // the kubelet's
constexpr const char* loopback = "/usr/lib/cni/loopback";  // containerd asks for it besides the network's plugin
constexpr const char* mark_name = "WEFT_TESTBED_KUBELET";

Result<void> write_file(const fs::path& path, const std::string& text) {
    std::ofstream out(path, std::ios::binary);
    out << text;
    if (!out.flush()) return again("can't write " + path.string());
    return {};
}

std::string quoted(const fs::path& path) {
    return "\"" + path.string() + "\"";
}

fs::path programs_or_default(fs::path given) {
    const char* folder = std::getenv("WEFT_KUBERNETES");
    if (given.empty() && folder != nullptr) given = folder;
    return given;
}

/// What tells a node's processes from those of others, also in its containers.
std::pair<std::string, std::string> mark_of(const fs::path& dir) {
    return {mark_name, dir.string()};
}

std::optional<std::string> why_missing(const fs::path& programs) {
    for (const char* name : {"kubelet", "agnhost"}) {
        if (::access((programs / name).c_str(), X_OK) != 0)
            return "there is no kubelet: no " + (programs / name).string() + " (tests/kubernetes/build " + name + ")";
    }
    for (const char* name : {"containerd", "containerd-shim-runc-v2", "ctr", "runc"}) {
        if (!find_program(name)) return "there is no " + std::string(name) + " (tests/setup.sh installs it)";
    }
    if (::access(loopback, X_OK) != 0) return "there is no " + std::string(loopback) + " (tests/setup.sh installs it)";
    return std::nullopt;
}

}  // namespace

std::optional<std::string> Kubelet::missing(fs::path programs) {
    auto why = why_missing(programs_or_default(std::move(programs)));
    if (why && std::getenv("WEFT_NEED_KUBERNETES") != nullptr) throw std::runtime_error(*why);
    return why;
}

Kubelet::Kubelet(Testbed& testbed, KubeletOptions options) : testbed_(testbed), options_(std::move(options)) {
    options_.programs = programs_or_default(std::move(options_.programs));
}

Kubelet::~Kubelet() {
    if (testbed_.keep()) return;
    kubelet_.kill();
    containerd_.kill();
    const auto mark = mark_of(options_.dir);
    [[maybe_unused]] const auto best_effort = kill_processes_with(mark.first, mark.second, patience);
    remove_container_leftovers(options_.dir);
    unmount_below(options_.dir);
}

Result<std::unique_ptr<Kubelet>> Kubelet::start(Testbed& testbed, KubeletOptions options) {
    std::unique_ptr<Kubelet> node(new Kubelet(testbed, std::move(options)));
    if (const auto why = why_missing(node->options_.programs)) return invalid(*why);
    std::error_code failed;
    for (const char* folder : {"root", "state", "kubelet", "logs", "plugins"}) {
        fs::create_directories(node->options_.dir / folder, failed);
        if (failed) return again("can't make " + (node->options_.dir / folder).string() + ": " + failed.message());
    }
    fs::copy_file(loopback, node->options_.cni_bin_dir / "loopback", fs::copy_options::skip_existing, failed);
    if (failed) return again("can't install the loopback plugin: " + failed.message());
    for (const auto step : {&Kubelet::start_containerd, &Kubelet::import_images, &Kubelet::start_kubelet}) {
        if (auto done = (*node.*step)(); !done) return std::move(done).error().at("kubelet of " + node->options_.node);
    }
    return node;
}

std::string Kubelet::containerd_config() const {
    const auto& dir = options_.dir;
    return "version = 2\n"
           "root = " +
           quoted(dir / "root") + "\nstate = " + quoted(dir / "state") + "\n[grpc]\n  address = " + quoted(socket()) +
           "\n[plugins.\"io.containerd.internal.v1.opt\"]\n  path = " + quoted(dir / "opt") +
           "\n[plugins.\"io.containerd.grpc.v1.cri\"]\n"
           "  sandbox_image = \"" +
           image +
           "\"\n"
           "  stream_server_port = \"0\"\n"
           "  restrict_oom_score_adj = true\n"
           // Below its own folder, where they are found and removed; and no other run's are met.
           "  netns_mounts_under_state_dir = true\n"
           "[plugins.\"io.containerd.grpc.v1.cri\".cni]\n"
           "  bin_dir = " +
           quoted(options_.cni_bin_dir) + "\n  conf_dir = " + quoted(options_.cni_conf_dir) +
           "\n[plugins.\"io.containerd.grpc.v1.cri\".containerd]\n"
           "  snapshotter = \"overlayfs\"\n"
           "[plugins.\"io.containerd.grpc.v1.cri\".containerd.runtimes.runc]\n"
           "  runtime_type = \"io.containerd.runc.v2\"\n"
           "[plugins.\"io.containerd.grpc.v1.cri\".containerd.runtimes.runc.options]\n"
           "  Root = " +
           quoted(dir / "runc") + "\n";
}

Result<void> Kubelet::start_containerd() {
    const auto file = options_.dir / "containerd.toml";
    if (auto written = write_file(file, containerd_config()); !written) return written;
    auto process = testbed_.start({.name = "containerd-" + options_.node,
                                   .argv = {"containerd", "--config", file.string()},
                                   .netns = options_.netns,
                                   .environment = {mark_of(options_.dir)}});
    if (!process) return process.error();
    containerd_ = std::move(*process);
    return wait_containerd();
}

Result<void> Kubelet::wait_containerd() const {
    return wait_for("containerd of " + options_.node, [this]() -> Result<void> {
        auto answer = ctr({"version"});
        if (!answer) return answer.error();
        return {};
    });
}

Result<std::string> Kubelet::ctr(const Argv& arguments) const {
    Argv argv{"ctr", "--address", socket().string(), "--namespace", containerd_namespace};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    return run_ok(argv, {.netns = options_.netns});
}

/// The environment of what runs in containers is the image's: so a run's and a node's can be told from others.
Result<void> Kubelet::import_image(ImageSpec spec) const {
    const auto entry = [](const std::pair<std::string, std::string>& one) { return one.first + "=" + one.second; };
    spec.environment.push_back(entry(mark_of(options_.dir)));
    for (const auto& one : testbed_.marker())
        spec.environment.push_back(entry(one));
    const auto archive = options_.dir / "image.tar";
    if (auto written = write_image(spec, archive); !written) return written.error();
    auto imported = ctr({"images", "import", archive.string()});
    std::error_code ignored;
    fs::remove(archive, ignored);
    if (!imported) return imported.error();
    return {};
}

Result<void> Kubelet::import_images() {
    auto images = options_.images;
    images.push_back({.names = {image},
                      .files = {{options_.programs / "agnhost", "/agnhost"}},
                      .entrypoint = {"/agnhost"},
                      .command = {"pause"},
                      .environment = {"PATH=/:/bin:/usr/bin"}});
    for (auto& spec : images) {
        if (auto imported = import_image(std::move(spec)); !imported) return imported;
    }
    return {};
}

std::string Kubelet::kubelet_config() const {
    const auto& dir = options_.dir;
    return "apiVersion: kubelet.config.k8s.io/v1beta1\n"
           "kind: KubeletConfiguration\n"
           "authentication: {anonymous: {enabled: true}, webhook: {enabled: false}}\n"
           "authorization: {mode: AlwaysAllow}\n"
           "containerRuntimeEndpoint: unix://" +
           socket().string() +
           "\n"
           "volumePluginDir: " +
           (dir / "plugins").string() + "\npodLogsDir: " + (dir / "logs").string() +
           "\n"
           "clusterDNS: [10.96.0.10]\n"
           "clusterDomain: cluster.local\n"
           // What a machine for tests has not, and a network plugin needs not: control groups of the kubelet's own,
           // the right to lower an OOM score, iptables, room on the disk.
           "failCgroupV1: false\n"
           "failSwapOn: false\n"
           "cgroupDriver: cgroupfs\n"
           "cgroupsPerQOS: false\n"
           "enforceNodeAllocatable: []\n"
           "localStorageCapacityIsolation: false\n"
           "oomScoreAdj: 0\n"
           "makeIPTablesUtilChains: false\n"
           "evictionHard: {memory.available: 1Mi, nodefs.available: 0%, nodefs.inodesFree: 0%, imagefs.available: 0%}\n"
           "imageGCHighThresholdPercent: 100\n"
           "imageGCLowThresholdPercent: 99\n"
           "nodeStatusUpdateFrequency: 2s\n"
           "nodeLeaseDurationSeconds: 20\n";
}

Result<void> Kubelet::start_kubelet() {
    const auto file = options_.dir / "kubelet.yaml";
    if (auto written = write_file(file, kubelet_config()); !written) return written;
    std::string addresses;
    for (const auto& address : options_.addresses)
        addresses += (addresses.empty() ? "" : ",") + address.text();
    auto process = testbed_.start(
        {.name = "kubelet-" + options_.node,
         .argv = {(options_.programs / "kubelet").string(), "--config=" + file.string(),
                  "--kubeconfig=" + options_.kubeconfig.string(), "--root-dir=" + (options_.dir / "kubelet").string(),
                  "--cert-dir=" + (options_.dir / "kubelet" / "pki").string(), "--hostname-override=" + options_.node,
                  "--node-ip=" + addresses},
         .netns = options_.netns,
         .environment = {mark_of(options_.dir)}});
    if (!process) return process.error();
    kubelet_ = std::move(*process);
    return {};
}

Result<void> Kubelet::restart_containerd() {
    if (auto done = containerd_.restart(); !done) return done;
    return wait_containerd();
}

Result<NetworkNamespace> Kubelet::netns_of_pod(const std::string& uid) const {
    auto found = ctr({"containers", "list", "--quiet",
                      "labels.\"io.kubernetes.pod.uid\"==\"" + uid + "\",labels.\"io.cri-containerd.kind\"==sandbox"});
    if (!found) return found.error();
    const auto sandbox = found->substr(0, found->find('\n'));
    if (sandbox.empty()) return waiting("containerd has no sandbox of pod " + uid);
    const auto bundle = options_.dir / "state" / "io.containerd.runtime.v2.task" / containerd_namespace / sandbox;
    std::string pid;
    std::ifstream(bundle / "init.pid") >> pid;
    if (pid.empty()) return waiting("the sandbox of pod " + uid + " doesn't run");
    // Whoever asks has a name of their own, which goes with them; what is kept has one for all.
    static std::atomic<int> number = 0;
    const auto mark =
        testbed_.keep() ? sandbox.substr(0, 10) : std::to_string(::getpid()) + "-" + std::to_string(++number);
    const auto name = testbed_.netns_name("k" + mark);
    if (testbed_.keep() && NetworkNamespace::exists(name)) return NetworkNamespace::adopt(name, true);
    if (auto attached = run_ok({"ip", "netns", "attach", name, pid}); !attached) return attached.error();
    return NetworkNamespace::adopt(name, testbed_.keep());
}

}  // namespace weft::testing
