// The CNI server of a running weftd: hostile peers, parts of OVN that are stopped, and the configuration file.
#include "e2e/default-network/fixture.hpp"

#include <cstring>
#include <filesystem>

#include <gmock/gmock.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

namespace weft::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

/// Longer than the two minutes that an ADD may take.
constexpr auto late = std::chrono::minutes(4);

class CniEndToEnd : public ::testing::Test {
  protected:
    void start(std::vector<std::string> nodes) {
        auto started = WeftCluster::start({.nodes = std::move(nodes)});
        WEFT_ASSERT_OK(started);
        weft = *std::move(started);
    }
    ClusterNode& node(const std::string& name) { return weft->cluster().node(name); }
    std::filesystem::path conf_file(const std::string& name) {
        return node(name).cni_conf_dir / "10-ovn-kubernetes.conf";
    }
    Result<void> wait_conf_file(const std::string& name, bool there) {
        return wait_for(conf_file(name).string() + (there ? "" : " to go"), [&]() -> Result<void> {
            return std::filesystem::exists(conf_file(name)) == there ? Result<void>()
                                                                     : Result<void>(waiting("not yet"));
        });
    }
    /// Applies a pod without waiting for it.
    void ask_for(const std::string& name, const std::string& on) {
        WEFT_ASSERT_OK(weft->cluster().apply_text(
            "{apiVersion: v1, kind: Namespace, metadata: {name: red}}\n---\n{apiVersion: v1, kind: Pod, metadata: "
            "{name: " +
            name + ", namespace: red}, spec: {nodeName: " + on + ", containers: [{name: c, image: i}]}}\n"));
    }
    /// What the runtime told about the pod: the error of its ADD.
    Result<std::string> wait_event(const std::string& pod) {
        std::string message;
        auto told = wait_for(
            "an Event about pod " + pod,
            [&]() -> Result<void> {
                const auto events = weft->cluster().api().get("/api/v1/namespaces/red/events");
                if (!events) return events.error();
                events->root()["items"].each([&](JsonView e) {
                    const bool ours = e["involvedObject"]["name"].string_or("") == pod &&
                                      e["reason"].string_or("") == "FailedCreatePodSandBox";
                    if (ours) message = e["message"].string_or("");
                });
                return message.empty() ? Result<void>(waiting("there is none")) : Result<void>();
            },
            late);
        if (!told) return told.error();
        return message;
    }

    std::unique_ptr<WeftCluster> weft;
};

/// The node's CNI socket, as anybody on the node can try to reach it.
class Peer {
  public:
    explicit Peer(const std::filesystem::path& socket) : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strncpy(address.sun_path, socket.c_str(), sizeof(address.sun_path) - 1);
        connected_ = ::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
    }
    ~Peer() { ::close(fd_); }
    Peer(const Peer&) = delete;
    Peer& operator=(const Peer&) = delete;

    bool connected() const { return connected_; }
    void send(const std::string& bytes) const { (void)!::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL); }
    /// Everything that is answered until the server closes.
    std::string answer() const {
        ::shutdown(fd_, SHUT_WR);
        std::string all;
        char buffer[4096];
        for (ssize_t size; (size = ::recv(fd_, buffer, sizeof(buffer), 0)) > 0;)
            all.append(buffer, static_cast<std::size_t>(size));
        return all;
    }

  private:
    int fd_;
    bool connected_ = false;
};

std::string frame(const std::string& body) {
    const auto size = static_cast<std::uint32_t>(body.size());
    std::string out = "WCN\x01";
    for (const int shift : {24, 16, 8, 0})
        out.push_back(static_cast<char>(size >> shift & 0xffU));
    return out + body;
}

TEST_F(CniEndToEnd, HostilePeersGetErrorsAndPodsTheirInterfaces) {
    ASSERT_NO_FATAL_FAILURE(start({"n1"}));
    const auto socket = node("n1").ovn->dir() / "weft" / "cni" / "ovn-cni-server.sock";
    const std::vector<std::pair<std::string, std::string>> bad = {
        {"POST / HTTP/1.1\r\n\r\n", "no weft CNI request"},
        {std::string("WCN\x01\xff\xff\xff\xff", 8), "too large"},
        {frame("not json"), "no JSON object"},
        {frame(std::string("\x00\xff\x80", 3)), "no JSON object"},
        {frame(R"({"command":"DANCE","conf":"{}"})"), "CNI_COMMAND"},
        {frame(std::string(1 << 20, '[')), "no JSON object"},
        {"WCN", "cut short"},
    };
    for (const auto& [bytes, said] : bad) {
        const Peer peer(socket);
        ASSERT_TRUE(peer.connected());
        peer.send(bytes);
        EXPECT_THAT(peer.answer(), HasSubstr(said));
    }
    // More silent ones than the server takes, and slow ones; a pod comes all the same.
    std::vector<std::unique_ptr<Peer>> silent;
    for (int i = 0; i < 600; ++i) {
        silent.push_back(std::make_unique<Peer>(socket));
        if (i % 2 == 0) silent.back()->send("WCN\x01");
    }
    const auto pod = weft->pod("red", "a", "n1");
    WEFT_ASSERT_OK(pod);
    WEFT_ASSERT_OK(wait_reachable(node("n1").ovn->netns(), *pod->address(Family::v4)));
    silent.clear();

    // Another user does not even get to the socket.
    const pid_t child = ::fork();
    if (child == 0) {
        if (::setgid(65534) != 0 || ::setuid(65534) != 0) ::_exit(3);
        const Peer peer(socket);
        ::_exit(peer.connected() ? 1 : 0);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
}

TEST_F(CniEndToEnd, AnAddThatIsLateNamesTheStageAndSinceWhen) {
    ASSERT_NO_FATAL_FAILURE(start({"n1", "n2", "n3"}));
    WEFT_ASSERT_OK(node("n1").ovn->stop(Daemon::northd));
    WEFT_ASSERT_OK(node("n2").ovn->exit_keeping_flows());
    node("n3").ovn->kill(Daemon::nb_db);
    ask_for("without-northd", "n1");
    ask_for("without-controller", "n2");
    ask_for("without-nb", "n3");

    const auto northd = wait_event("without-northd");
    WEFT_ASSERT_OK(northd);
    EXPECT_THAT(*northd, AllOf(HasSubstr("timed out waiting for OVS port binding"),
                               HasSubstr("ovn-northd has made no Port_Binding"),
                               HasSubstr(" s after its switch port was committed")));
    const auto controller = wait_event("without-controller");
    WEFT_ASSERT_OK(controller);
    EXPECT_THAT(*controller, AllOf(HasSubstr("ovn-controller has not bound its port"),
                                   HasSubstr(" s after its switch port was committed")));
    const auto nb = wait_event("without-nb");
    WEFT_ASSERT_OK(nb);
    EXPECT_THAT(*nb, AllOf(HasSubstr("not committed to the OVN northbound database"),
                           HasSubstr(" s after its address was leased"), HasSubstr("OVN northbound: ")));
    // By now the node does not claim to serve pods any more.
    WEFT_ASSERT_OK(wait_conf_file("n3", false));

    WEFT_ASSERT_OK(node("n1").ovn->restart(Daemon::northd));
    WEFT_ASSERT_OK(node("n2").ovn->restart(Daemon::controller));
    WEFT_ASSERT_OK(node("n3").ovn->restart(Daemon::nb_db));
    WEFT_ASSERT_OK(wait_conf_file("n3", true));
    for (const char* pod : {"without-northd", "without-controller", "without-nb"})
        WEFT_ASSERT_OK(weft->cluster().wait_pod("red", pod));
}

TEST_F(CniEndToEnd, TheConfFileGoesWhenWeftdStopsAndStaysWhenItIsKilled) {
    ASSERT_NO_FATAL_FAILURE(start({"n1"}));
    const auto pod = weft->pod("red", "a", "n1");
    WEFT_ASSERT_OK(pod);
    ASSERT_TRUE(std::filesystem::exists(conf_file("n1")));
    node("n1").weftd.kill();
    EXPECT_TRUE(std::filesystem::exists(conf_file("n1")));
    const auto before = std::filesystem::last_write_time(conf_file("n1"));
    WEFT_ASSERT_OK(node("n1").weftd.restart());
    WEFT_ASSERT_OK(weft->pod("red", "b", "n1"));
    EXPECT_EQ(std::filesystem::last_write_time(conf_file("n1")), before) << "it was written again";

    WEFT_ASSERT_OK(node("n1").weftd.stop());
    EXPECT_FALSE(std::filesystem::exists(conf_file("n1")));
    EXPECT_FALSE(std::filesystem::exists(node("n1").ovn->dir() / "weft" / "cni" / "ovn-cni-server.sock"));
    WEFT_ASSERT_OK(wait_reachable(node("n1").ovn->netns(), *pod->address(Family::v4)));
    WEFT_ASSERT_OK(node("n1").weftd.restart());
    WEFT_ASSERT_OK(wait_conf_file("n1", true));
}

}  // namespace
}  // namespace weft::testing
