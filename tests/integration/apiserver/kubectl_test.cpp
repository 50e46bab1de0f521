// The program, and kubectl as its client. Skipped where there is no kubectl.
#include "fixture.hpp"

#include <array>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace weft::testing {
namespace {

namespace fs = std::filesystem;

struct Outcome {
    int code = -1;
    std::string out;
};

std::string find_kubectl() {
    for (const char* path : {"/usr/bin/kubectl", "/usr/local/bin/kubectl", "/bin/kubectl"}) {
        if (::access(path, X_OK) == 0) return path;
    }
    return {};
}

pid_t spawn(const std::vector<std::string>& words, int out_fd) {
    std::vector<char*> argv;
    for (const auto& word : words)
        argv.push_back(const_cast<char*>(word.c_str()));
    argv.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, out_fd, 1);
    posix_spawn_file_actions_adddup2(&actions, out_fd, 2);
    pid_t pid = -1;
    if (posix_spawn(&pid, argv[0], &actions, nullptr, argv.data(), environ) != 0) pid = -1;
    posix_spawn_file_actions_destroy(&actions);
    return pid;
}

std::string read_all(int fd) {
    std::string text;
    std::array<char, 4096> part{};
    for (ssize_t n = 0; (n = ::read(fd, part.data(), part.size())) > 0;)
        text.append(part.data(), static_cast<std::size_t>(n));
    return text;
}

Outcome run(const std::vector<std::string>& words) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return {};
    pid_t pid = spawn(words, ends[1]);
    ::close(ends[1]);
    Outcome outcome;
    outcome.out = read_all(ends[0]);
    ::close(ends[0]);
    int status = 0;
    if (pid > 0 && ::waitpid(pid, &status, 0) == pid) outcome.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return outcome;
}

class Folder {
  public:
    Folder() {
        std::string name = (fs::temp_directory_path() / "weft-apiserver-XXXXXX").string();
        if (::mkdtemp(name.data())) path_ = name;
    }
    ~Folder() {
        std::error_code ignored;
        fs::remove_all(path_, ignored);
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    std::string file(const std::string& name, const std::string& text) const {
        std::ofstream(path_ / name) << text;
        return (path_ / name).string();
    }
    std::string path(const std::string& name) const { return (path_ / name).string(); }

  private:
    fs::path path_;
};

class Kubectl : public ::testing::Test {
  protected:
    void SetUp() override {
        program_ = find_kubectl();
        if (program_.empty()) GTEST_SKIP() << "kubectl is not installed";
        config_ = folder_.file("kubeconfig", server_->kubeconfig());
        cache_ = folder_.path("cache");
    }

    Outcome kubectl(std::vector<std::string> words) {
        words.insert(words.begin(), {program_, "--kubeconfig", config_, "--cache-dir", cache_});
        return run(words);
    }
    /// Output of a command that has to succeed.
    std::string ok(std::vector<std::string> words) {
        std::string line;
        for (const auto& word : words)
            line += " " + word;
        auto outcome = kubectl(std::move(words));
        EXPECT_EQ(outcome.code, 0) << "kubectl" << line << "\n" << outcome.out;
        return outcome.out;
    }

    Folder folder_;
    Server server_{ApiServerOptions{.token = "secret", .tls = true}};
    std::string program_, config_, cache_;
    std::string manifests_ = R"(
apiVersion: v1
kind: Namespace
metadata: {name: red}
---
apiVersion: v1
kind: Node
metadata: {name: n1}
---
apiVersion: v1
kind: Pod
metadata: {name: p1, namespace: red, labels: {app: web}}
spec: {nodeName: n1, containers: [{name: c, image: x}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny, namespace: red}
spec: {podSelector: {}}
)";
};

#define EXPECT_HAS(text, part) EXPECT_NE((text).find(part), std::string::npos) << (text)

TEST_F(Kubectl, CreatesAndShows) {
    auto file = folder_.file("m.yaml", manifests_);
    EXPECT_HAS(ok({"create", "--validate=false", "-f", file}), "pod/p1 created");
    auto pods = ok({"get", "pods", "-A", "-o", "wide"});
    EXPECT_HAS(pods, "STATUS");
    EXPECT_HAS(pods, "Pending");
    EXPECT_HAS(pods, "n1");
    EXPECT_HAS(ok({"get", "nodes"}), "ROLES");
    EXPECT_HAS(ok({"get", "ns"}), "kube-system");
    EXPECT_EQ(ok({"get", "po", "-n", "red", "-l", "app=web", "-o", "name"}), "pod/p1\n");
    EXPECT_EQ(ok({"get", "po", "-n", "red", "--field-selector", "spec.nodeName=n1", "-o",
                  "jsonpath={.items[*].metadata.name}"}),
              "p1");
    EXPECT_HAS(ok({"get", "netpol", "-n", "red", "-o", "yaml"}), "policyTypes");
    EXPECT_HAS(ok({"describe", "pod", "-n", "red", "p1"}), "Node:");
    EXPECT_HAS(ok({"describe", "node", "n1"}), "Name:");
    EXPECT_HAS(ok({"api-resources"}), "endpointslices");
    EXPECT_HAS(ok({"version"}), "v1.32.0");
}

TEST_F(Kubectl, AppliesChangesAndDeletes) {
    auto file = folder_.file("m.yaml", manifests_);
    EXPECT_HAS(ok({"apply", "--validate=false", "-f", file}), "pod/p1 created");
    EXPECT_HAS(ok({"apply", "--validate=false", "-f", file}), "pod/p1 unchanged");
    auto changed = manifests_;
    changed.replace(changed.find("app: web"), 8, "app: dbs");
    EXPECT_HAS(ok({"apply", "--validate=false", "-f", folder_.file("m2.yaml", changed)}), "pod/p1 configured");
    EXPECT_HAS(ok({"apply", "--server-side", "--force-conflicts", "--validate=false", "-f", file}),
               "serverside-applied");
    EXPECT_EQ(ok({"get", "pod", "-n", "red", "p1", "-o", "jsonpath={.metadata.labels.app}"}), "web");
    ok({"annotate", "pod", "-n", "red", "p1", "k8s.ovn.org/x={\"a\":1}"});
    ok({"label", "node", "n1", "k8s.ovn.org/egress-assignable="});
    ok({"label", "node", "n1", "k8s.ovn.org/egress-assignable-"});
    EXPECT_EQ(ok({"get", "pod", "-n", "red", "p1", "-o", "jsonpath={.metadata.annotations.k8s\\.ovn\\.org/x}"}),
              "{\"a\":1}");
    ok({"patch", "pod", "-n", "red", "p1", "--type=json", "-p",
        R"([{"op":"add","path":"/metadata/labels/b","value":"c"}])"});
    EXPECT_HAS(ok({"delete", "pod", "-n", "red", "p1", "--wait=false"}), "deleted");
    EXPECT_HAS(ok({"get", "pods", "-n", "red"}), "Terminating");
    ok({"delete", "pod", "-n", "red", "p1", "--grace-period=0", "--force"});
    EXPECT_HAS(ok({"delete", "ns", "red"}), "deleted");
    auto gone = kubectl({"get", "ns", "red"});
    EXPECT_NE(gone.code, 0);
    EXPECT_HAS(gone.out, "NotFound");
}

TEST_F(Kubectl, ValidatesAgainstTheServerUnlessToldNotTo) {
    auto outcome = kubectl({"apply", "-f", folder_.file("m.yaml", manifests_)});
    // Clients before 1.29 ask for more of OpenAPI than there is.
    if (outcome.code != 0) GTEST_SKIP() << "this kubectl needs --validate=false: " << outcome.out;
    EXPECT_HAS(outcome.out, "created");
}

TEST_F(Kubectl, CreatesTheEverydayKinds) {
    EXPECT_HAS(ok({"create", "ns", "blue"}), "created");
    EXPECT_HAS(ok({"create", "configmap", "m", "--from-literal=a=b"}), "created");
    EXPECT_HAS(ok({"create", "sa", "s"}), "created");
    EXPECT_HAS(ok({"create", "secret", "generic", "s", "--from-literal=a=b"}), "created");
    EXPECT_HAS(ok({"create", "service", "clusterip", "s", "--tcp=80:8080"}), "created");
    EXPECT_HAS(ok({"run", "p", "--image=x"}), "created");
    EXPECT_EQ(ok({"get", "cm", "m", "-o", "jsonpath={.data.a}"}), "b");
    EXPECT_EQ(ok({"get", "secret", "s", "-o", "jsonpath={.data.a}"}), "Yg==");
    EXPECT_EQ(ok({"get", "svc", "s", "-o", "jsonpath={.spec.ports[0].targetPort}"}), "8080");
}

TEST_F(Kubectl, CustomResources) {
    auto definition = folder_.file("crd.yaml", R"(
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: egressips.k8s.ovn.org}
spec:
  group: k8s.ovn.org
  names: {plural: egressips, kind: EgressIP, shortNames: [eip]}
  scope: Cluster
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}}
    additionalPrinterColumns: [{name: Node, type: string, jsonPath: ".status.items[*].node"}]
)");
    ok({"apply", "--validate=false", "-f", definition});
    ok({"wait", "--for", "condition=established", "--timeout=60s", "crd/egressips.k8s.ovn.org"});
    auto object = folder_.file("eip.yaml",
                               "apiVersion: k8s.ovn.org/v1\nkind: EgressIP\nmetadata: {name: e1}\n"
                               "spec: {egressIPs: [1.2.3.4]}\n");
    ok({"apply", "--validate=false", "-f", object});
    auto patched = server_->request("PATCH", "/apis/k8s.ovn.org/v1/egressips/e1/status",
                                    R"({"status":{"items":[{"node":"n7"}]}})", "application/merge-patch+json");
    EXPECT_EQ(patched.code, 200);
    auto shown = ok({"get", "eip"});
    EXPECT_HAS(shown, "NODE");
    EXPECT_HAS(shown, "n7");
    ok({"delete", "crd", "egressips.k8s.ovn.org"});
    EXPECT_NE(kubectl({"get", "eip"}).code, 0);
}

TEST_F(Kubectl, Watches) {
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    server_.pod("before");
    pid_t pid =
        spawn({program_, "--kubeconfig", config_, "--cache-dir", cache_, "get", "pods", "-w", "-o", "name"}, ends[1]);
    ASSERT_GT(pid, 0);
    ::close(ends[1]);
    EXPECT_TRUE(server_.wait_watches(1));
    server_.pod("after");
    std::string text;
    std::array<char, 256> part{};
    for (ssize_t n = 0;
         text.find("pod/after\n") == std::string::npos && (n = ::read(ends[0], part.data(), part.size())) > 0;) {
        text.append(part.data(), static_cast<std::size_t>(n));
    }
    EXPECT_EQ(text, "pod/before\npod/after\n");
    ::kill(pid, SIGTERM);
    int status = 0;
    ::waitpid(pid, &status, 0);
    ::close(ends[0]);
}

TEST(Program, ServesManifestsAndStopsCleanly) {
    Folder folder;
    fs::create_directory(folder.path("manifests"));
    std::ofstream(folder.path("manifests/a.yaml")) << "{apiVersion: v1, kind: Namespace, metadata: {name: red}}";
    std::ofstream(folder.path("manifests/b.json"))
        << R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"m","namespace":"red"}})";
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    pid_t pid = spawn({WEFT_APISERVER, "--listen", "127.0.0.1:0", "--port-file", folder.path("port"), "--kubeconfig",
                       folder.path("kubeconfig"), "--manifests", folder.path("manifests"), "--token", "secret"},
                      ends[1]);
    ::close(ends[1]);
    ASSERT_GT(pid, 0);
    std::string line;
    char c = 0;
    while (::read(ends[0], &c, 1) == 1 && c != '\n')
        line += c;
    ASSERT_TRUE(line.starts_with("serving on http://127.0.0.1:")) << line;
    auto url = line.substr(line.find("http"));
    std::ifstream port(folder.path("port"));
    std::string number;
    port >> number;
    EXPECT_TRUE(url.ends_with(":" + number)) << url << " " << number;
    EXPECT_TRUE(fs::exists(folder.path("kubeconfig")));
    EXPECT_EQ(http("GET", url + "/api/v1/namespaces/red/configmaps/m", {.token = "secret"}).code, 200);
    EXPECT_EQ(http("GET", url + "/api/v1/namespaces/red/configmaps/m").code, 403);
    HttpStream stream(url + "/api/v1/pods?watch=1", {.token = "secret"});
    ::kill(pid, SIGTERM);
    int status = -1;
    EXPECT_EQ(::waitpid(pid, &status, 0), pid);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    EXPECT_TRUE(stream.wait_end());
    ::close(ends[0]);
}

TEST(Program, SaysWhatIsWrong) {
    auto unknown = run({WEFT_APISERVER, "--nonsense"});
    EXPECT_EQ(unknown.code, 2);
    EXPECT_HAS(unknown.out, "nonsense");
    EXPECT_HAS(run({WEFT_APISERVER, "--listen", "x"}).out, "ADDRESS:PORT");
    EXPECT_HAS(run({WEFT_APISERVER, "--manifests", "/nonexistent"}).out, "/nonexistent");
    EXPECT_EQ(run({WEFT_APISERVER, "--help"}).code, 0);
}

}  // namespace
}  // namespace weft::testing
