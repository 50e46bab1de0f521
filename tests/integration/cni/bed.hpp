#pragma once

#include "cni/message.hpp"
#include "cni/server/loop.hpp"
#include "cni/server/server.hpp"
#include "cni/server/switch_rows.hpp"
#include "integration/netlink/scratch.hpp"

#include <weft/tables/cni.hpp>

#include <condition_variable>
#include <future>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

/// A CNI server in a network namespace of its own, with real links and a bridge, pods and clients that a test plays.
namespace weft::cni::testing {

using netlink::testing::Signal;

/// Open vSwitch as a test wants it. Answers come from a thread of its own.
class FakeSwitch final : public SwitchPorts {
  public:
    ~FakeSwitch() override { workers_.stop(); }
    void subscribe(SwitchListener* listener) override;
    void apply(std::vector<PortOperation> operations, std::function<void(Result<void>)> done) override;

    // What a test sets.
    void connect(const std::string& datapath_type = "netdev");
    void lose();
    /// New ports get ovn-installed at once; otherwise a test calls install().
    void bind_at_once(bool at_once);
    void install(const std::string& port);
    /// The next transaction that adds a port is refused.
    void refuse_next();
    /// Transactions are neither done nor answered until let_go().
    void hold();
    /// Transactions are done, but not answered until let_go().
    void hold_answers();
    void let_go();
    /// As if somebody else did it.
    void put(SwitchInterface interface);
    void remove(const std::string& port);

    SwitchInterfaces interfaces() const;
    bool has(const std::string& port) const { return interfaces().contains(port); }
    /// Waits until the port is there (or gone).
    bool comes(const std::string& port) {
        return signal.wait([&] { return has(port); });
    }
    bool goes(const std::string& port) {
        return signal.wait([&] { return !has(port); });
    }
    Signal signal;

  private:
    Result<void> take(const std::vector<PortOperation>& operations);
    void answer(const Result<void>& result, const std::function<void(Result<void>)>& done);

    mutable std::mutex mutex_;
    std::mutex telling_;  ///< held while the listener is called
    SwitchListener* listener_ = nullptr;
    bool connected_ = true;
    std::string datapath_ = "netdev";
    SwitchInterfaces interfaces_;
    bool bind_at_once_ = true;
    bool refuse_next_ = false;
    bool held_ = false;
    bool answers_held_ = false;
    std::vector<std::function<void()>> waiting_;
    Workers workers_{1};
};

class FakePods final : public PodSource {
  public:
    void find(const std::string& ns, const std::string& name,
              std::function<void(Result<std::optional<PodFacts>>)> answer) override;
    void local_pods(std::function<void(Result<std::set<std::string>>)> answer) override;
    void put(const std::string& name, PodFacts facts);
    void erase(const std::string& name);
    void set_known(bool known);
    Signal asked;

  private:
    std::mutex mutex_;
    std::map<std::string, PodFacts> pods_;
    bool known_ = true;
};

class FakeProbe final : public ProgressProbe {
  public:
    void stage(const std::string&, const std::string&, const std::string&,
               std::function<void(Progress)> answer) override {
        answer(progress);
    }
    Progress progress{Stage::northbound, Clock::system().now(), "northd is busy"};
};

/// A pod that a test makes: its network namespace and its row.
struct TestPod {
    std::string name;
    std::string container;
    std::string uid;
    netlink::NetNs ns;
    tables::PodInterface interface;

    std::string netns() const { return "/proc/self/fd/" + std::to_string(ns.fd()); }
    std::string host_if() const { return host_interface(container); }
};

class Bed : public netlink::testing::ScratchTest {
  protected:
    void SetUp() override;
    void TearDown() override;

    void start_server();
    void stop_server();

    /// Number `n` gives addresses, MAC and names. Its row is not put yet.
    TestPod make_pod(int n, const std::string& container = {});
    void put(const tables::PodInterface& interface);
    void withdraw(const std::string& key);
    /// Empty `message` means ready.
    void condition(const std::string& key, const std::string& message);

    static Request request(Command command, const TestPod& pod, const std::string& conf_extra = {});
    /// Sends it, waits for the answer.
    Reply ask(const Request& request);
    std::future<Reply> ask_later(const Request& request);
    /// A connected socket.
    Fd connect();
    static std::optional<Reply> read_reply(const Fd& socket);

    /// Runs in the pod's namespace.
    static void in_pod(const TestPod& pod, const std::function<void(netlink::Handle&, const netlink::Link&)>& look);
    bool has_link(const std::string& name);
    bool has_container_end(const TestPod& pod);
    bool waiting_requests(std::size_t count);
    void expect_clean(const TestPod& pod);

    std::string root_;
    ServerOptions options_;
    FakeSwitch switch_;
    FakePods pods_;
    FakeProbe probe_;
    std::map<std::string, RowPtr> rows_;
    std::unique_ptr<Server> server_;
};

}  // namespace weft::cni::testing
