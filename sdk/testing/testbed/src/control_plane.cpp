#include <weft/base/uuid.hpp>
#include <weft/testing/testbed/control_plane.hpp>
#include <weft/testing/testbed/wait.hpp>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <sys/socket.h>
#include <unistd.h>

namespace weft::testing {

namespace {

constexpr int port_attempts = 5;
/// Some six seconds on an idle machine, of which most is the CPU's.
constexpr std::chrono::milliseconds start_patience = std::chrono::minutes(5);

std::string read_file(const std::filesystem::path& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
}

Result<void> write_file(const std::filesystem::path& path, const std::string& text) {
    std::ofstream out(path);
    out << text;
    if (!out.flush()) return again("can't write " + path.string());
    return {};
}

std::string bracketed(const std::string& address) {
    return address.find(':') == std::string::npos ? address : "[" + address + "]";
}

/// One that is free now. Whoever takes it first has it: the caller tries another when that was somebody else.
Result<std::uint16_t> free_port() {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    const bool bound = ::bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                       ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0;
    ::close(fd);
    if (!bound) return again("no TCP port is free");
    return ntohs(address.sin_port);
}

std::string kubeconfig_text(const ApiEndpoint& endpoint) {
    return "apiVersion: v1\nkind: Config\ncurrent-context: test\n"
           "clusters: [{name: test, cluster: {server: \"" +
           endpoint.url + "\", certificate-authority: \"" + endpoint.ca_file +
           "\"}}]\nusers: [{name: admin, user: {token: \"" + endpoint.token +
           "\"}}]\ncontexts: [{name: test, context: {cluster: test, user: admin}}]\n";
}

std::string base64(std::string_view bytes) {
    std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');  // and a zero
    const auto size =
        EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                        reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
    text.resize(static_cast<std::size_t>(size));
    return text;
}

/// The last lines of a log, for an error.
std::string end_of(const std::filesystem::path& log) {
    const auto text = read_file(log);
    constexpr std::size_t most = 1500;
    return text.size() <= most ? text : text.substr(text.size() - most);
}

std::optional<std::string> why_missing(const ControlPlaneOptions& options) {
    auto programs = options.programs;
    if (const char* folder = std::getenv("WEFT_KUBERNETES"); programs.empty() && folder != nullptr) programs = folder;
    if (programs.empty()) return "there is no real Kubernetes: WEFT_KUBERNETES names no folder (ctest sets it)";
    std::vector<const char*> needed{"etcd", "kube-apiserver"};
    if (options.controllers) needed.push_back("kube-controller-manager");
    if (options.scheduler) needed.push_back("kube-scheduler");
    for (const char* name : needed) {
        if (::access((programs / name).c_str(), X_OK) != 0)
            return "there is no real Kubernetes: no " + (programs / name).string() + " (tests/kubernetes/build)";
    }
    return std::nullopt;
}

}  // namespace

std::optional<std::string> ControlPlane::missing(const ControlPlaneOptions& options) {
    auto why = why_missing(options);
    if (why && std::getenv("WEFT_NEED_KUBERNETES") != nullptr) throw std::runtime_error(*why);
    return why;
}

ControlPlane::ControlPlane(Testbed& testbed, ControlPlaneOptions options)
    : testbed_(testbed),
      options_(std::move(options)),
      dir_(testbed.dir() / "kubernetes") {}

Result<std::unique_ptr<ControlPlane>> ControlPlane::start(Testbed& testbed, ControlPlaneOptions options) {
    if (const auto why = why_missing(options)) return invalid(*why);
    if (options.programs.empty()) options.programs = std::getenv("WEFT_KUBERNETES");
    std::unique_ptr<ControlPlane> plane(new ControlPlane(testbed, std::move(options)));
    for (const auto step : {&ControlPlane::write_files, &ControlPlane::start_etcd, &ControlPlane::start_api_server,
                            &ControlPlane::start_controllers}) {
        if (auto done = (*plane.*step)(); !done) return done.error();
    }
    auto own = plane->keys();
    if (!own) return own.error();
    plane->own_keys_ = *std::move(own);
    return plane;
}

std::string ControlPlane::ca_pem() const {
    return read_file(endpoint_.ca_file);
}

Result<void> ControlPlane::write_files() {
    std::error_code failed;
    std::filesystem::create_directories(dir_, failed);
    if (!failed) std::filesystem::permissions(dir_, std::filesystem::perms::owner_all, failed);
    if (failed) return again("can't make " + dir_.string() + ": " + failed.message());
    endpoint_.token = Uuid::random().text();
    endpoint_.netns = options_.netns;
    endpoint_.ca_file =
        options_.ca_file.empty() ? (dir_ / "certificates" / "apiserver.crt").string() : options_.ca_file;
    // Public keys are read from it only in this form, not as PKCS #8.
    auto key = run_ok({"openssl", "ecparam", "-genkey", "-noout", "-name", "prime256v1", "-out",
                       (dir_ / "service-accounts.key").string()});
    if (!key) return key.error();
    return write_file(dir_ / "tokens", endpoint_.token + ",admin,admin,system:masters\n");
}

Result<void> ControlPlane::start_etcd() {
    const auto at = [this](const std::string& name) { return "unix://" + (dir_ / name).string(); };
    auto etcd = testbed_.start(
        {.name = "etcd",
         .argv = {program("etcd"), "--data-dir=" + (dir_ / "etcd").string(), "--unsafe-no-fsync",
                  "--listen-client-urls=" + at("etcd.socket"), "--advertise-client-urls=" + at("etcd.socket"),
                  "--listen-peer-urls=" + at("peer.socket"), "--initial-advertise-peer-urls=" + at("peer.socket"),
                  "--initial-cluster=default=" + at("peer.socket"), "--log-level=warn"},
         .netns = options_.netns});
    if (!etcd) return etcd.error();
    etcd_ = std::move(*etcd);
    return {};
}

Argv ControlPlane::api_server_arguments(std::uint16_t port) const {
    const auto file = [this](const char* name) { return (dir_ / name).string(); };
    Argv argv{program("kube-apiserver"),
              "--etcd-servers=unix://" + file("etcd.socket"),
              "--bind-address=" + options_.address,
              "--secure-port=" + std::to_string(port),
              "--cert-dir=" + file("certificates"),
              "--token-auth-file=" + file("tokens"),
              "--authorization-mode=Node,RBAC",
              "--service-account-issuer=https://kubernetes.default.svc",
              "--service-account-key-file=" + file("service-accounts.key"),
              "--service-account-signing-key-file=" + file("service-accounts.key"),
              "--service-cluster-ip-range=" + options_.service_cidrs,
              "--endpoint-reconciler-type=none",
              "--kubelet-preferred-address-types=InternalIP",
              "--allow-privileged=true",
              "--etcd-compaction-interval=0",  // history is forgotten when a test says so
              "--profiling=false"};
    // Nobody would make the account that every pod is given.
    if (!options_.controllers) argv.push_back("--disable-admission-plugins=ServiceAccount");
    // Goes into its certificate.
    if (!options_.reached_at.empty()) argv.push_back("--advertise-address=" + options_.reached_at);
    argv.insert(argv.end(), options_.arguments.begin(), options_.arguments.end());
    return argv;
}

Result<void> ControlPlane::start_api_server() {
    for (int i = 0; i < port_attempts; ++i) {
        auto port = free_port();
        if (!port) return port.error();
        auto serves = try_port(*port);
        if (!serves) return serves.error();
        if (*serves) return write_file(kubeconfig(), kubeconfig_text(endpoint_));
    }
    return again("every port that was free was taken before kube-apiserver could listen on it");
}

/// False when somebody else has the port.
Result<bool> ControlPlane::try_port(std::uint16_t port) {
    const auto log = testbed_.dir() / "log" / "kube-apiserver.log";
    std::error_code ignored;
    std::filesystem::remove(log, ignored);
    const auto& host = options_.reached_at.empty() ? options_.address : options_.reached_at;
    endpoint_.url = "https://" + bracketed(host) + ":" + std::to_string(port);
    auto server = testbed_.start(
        {.name = "kube-apiserver", .argv = api_server_arguments(port), .netns = options_.netns, .log = log});
    if (!server) return server.error();
    api_server_ = std::move(*server);
    if (auto ready = wait_ready(); !ready) {
        if (!api_server_.running() && end_of(log).find("address already in use") != std::string::npos) return false;
        return std::move(ready).error().at("kube-apiserver:\n" + end_of(log) + "\n");
    }
    return true;
}

Result<void> ControlPlane::wait_ready() {
    const KubeClient client(endpoint_);
    bool ended = false;
    auto ready = wait_for(
        "API server at " + endpoint_.url,
        [&]() -> Result<void> {
            ended = !api_server_.running() || !etcd_.running();
            if (ended) return {};
            auto answer = client.send("GET", "/readyz");
            if (!answer) return answer.error();
            if (!answer->ok()) return again(answer->body);
            // Its own objects, which it makes while it already serves.
            if (auto space = client.get("/api/v1/namespaces/default"); !space) return space.error();
            return {};
        },
        start_patience);
    if (ended) return broken("it ended by itself");
    return ready;
}

Result<void> ControlPlane::start_controllers() {
    const auto start = [this](Process& process, const std::string& name, Argv more) -> Result<void> {
        Argv argv{program(name), "--kubeconfig=" + kubeconfig().string(), "--secure-port=0", "--leader-elect=false"};
        argv.insert(argv.end(), more.begin(), more.end());
        auto started = testbed_.start({.name = name, .argv = std::move(argv), .netns = options_.netns});
        if (!started) return started.error();
        process = std::move(*started);
        return {};
    };
    if (options_.controllers) {
        Argv more{"--service-account-private-key-file=" + (dir_ / "service-accounts.key").string(),
                  "--root-ca-file=" + endpoint_.ca_file, "--use-service-account-credentials=false"};
        more.insert(more.end(), options_.controller_arguments.begin(), options_.controller_arguments.end());
        if (auto done = start(controllers_, "kube-controller-manager", std::move(more)); !done) return done;
    }
    if (options_.scheduler) return start(scheduler_, "kube-scheduler", {});
    return {};
}

KubeClient ControlPlane::etcd_client() const {
    return KubeClient({.url = "http://etcd", .unix_socket = (dir_ / "etcd.socket").string()});
}

Result<void> ControlPlane::compact() {
    const auto etcd = etcd_client();
    auto now = etcd.create("/v3/kv/range", R"({"key":"AA=="})");
    if (!now) return now.error();
    const auto revision = now->root()["header"]["revision"].string_or("");
    auto done = etcd.create("/v3/kv/compaction", R"({"physical":true,"revision":")" + std::string(revision) + R"("})");
    if (!done) return done.error();
    return {};
}

/// Of all objects, as etcd's JSON has them: in base64.
Result<std::set<std::string>> ControlPlane::keys() const {
    // From "/registry/" up to "/registry0".
    auto found = etcd_client().create("/v3/kv/range",
                                      R"({"key":"L3JlZ2lzdHJ5Lw==","range_end":"L3JlZ2lzdHJ5MA==","keys_only":true})");
    if (!found) return found.error();
    std::set<std::string> keys;
    found->root()["kvs"].each([&](JsonView one) { keys.emplace(one["key"].string_or("")); });
    return keys;
}

Result<void> ControlPlane::empty() {
    const auto etcd = etcd_client();
    auto all = keys();
    if (!all) return all.error();
    for (const auto& key : *all) {
        if (own_keys_.contains(key)) continue;
        if (auto gone = etcd.create("/v3/kv/deleterange", R"({"key":")" + key + R"("})"); !gone) return gone.error();
    }
    return {};
}

Result<void> ControlPlane::store(const std::vector<Stored>& objects, std::size_t at_once) {
    at_once = std::clamp<std::size_t>(at_once, 1, 128);  // as many as etcd takes
    const auto etcd = etcd_client();
    for (std::size_t begin = 0; begin < objects.size(); begin += at_once) {
        std::string puts;
        for (std::size_t i = begin; i < std::min(objects.size(), begin + at_once); ++i) {
            puts += (puts.empty() ? "" : ",") + std::string(R"({"requestPut":{"key":")") + base64(objects[i].key) +
                    R"(","value":")" + base64(objects[i].json) + "\"}}";
        }
        if (auto done = etcd.create("/v3/kv/txn", R"({"success":[)" + puts + "]}"); !done) return done.error();
    }
    return {};
}

Result<void> ControlPlane::remove_stored(const std::string& prefix) {
    std::string end = prefix;
    ++end.back();
    auto done = etcd_client().create("/v3/kv/deleterange",
                                     R"({"key":")" + base64(prefix) + R"(","rangeEnd":")" + base64(end) + "\"}");
    return done ? Result<void>() : Result<void>(done.error());
}

Result<void> ControlPlane::restart() {
    if (auto again = api_server_.restart(); !again) return again;
    return wait_ready();
}

Result<void> ControlPlane::roll() {
    auto spec = api_server_.spec();
    spec.log.replace_filename("kube-apiserver-" + Uuid::random().text() + ".log");
    auto next = testbed_.start(spec);
    if (!next) return next.error();
    auto serves = wait_for(
        "another API server at " + endpoint_.url,
        [&]() -> Result<void> {
            if (!next->running()) return broken("it ended:\n" + end_of(spec.log));
            const bool listens = read_file(spec.log).find("Serving securely on") != std::string::npos;
            return listens ? Result<void>() : Result<void>(waiting("it does not listen yet"));
        },
        start_patience);
    if (!serves) return serves;
    if (auto done = api_server_.stop(std::chrono::minutes(2)); !done) return done;
    api_server_ = *std::move(next);
    return wait_ready();
}

}  // namespace weft::testing
