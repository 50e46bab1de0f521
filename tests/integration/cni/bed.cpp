#include "integration/cni/bed.hpp"

#include <cstring>
#include <filesystem>

#include <sys/socket.h>
#include <sys/un.h>

namespace weft::cni::testing {

void FakeSwitch::subscribe(SwitchListener* listener) {
    bool tell = false;
    std::string datapath;
    {
        const std::scoped_lock telling(telling_);
        const std::scoped_lock lock(mutex_);
        listener_ = listener;
        tell = listener != nullptr && connected_;
        datapath = datapath_;
    }
    if (tell) connect(datapath);
}

void FakeSwitch::connect(const std::string& datapath_type) {
    const std::scoped_lock telling(telling_);
    std::vector<SwitchInterface> all;
    {
        const std::scoped_lock lock(mutex_);
        connected_ = true;
        datapath_ = datapath_type;
        for (const auto& [name, interface] : interfaces_)
            all.push_back(interface);
    }
    if (listener_ != nullptr) listener_->switch_connected(datapath_type, std::move(all));
}

void FakeSwitch::lose() {
    const std::scoped_lock telling(telling_);
    {
        const std::scoped_lock lock(mutex_);
        connected_ = false;
    }
    if (listener_ != nullptr) listener_->switch_lost("a test took it away");
}

void FakeSwitch::bind_at_once(bool at_once) {
    const std::scoped_lock lock(mutex_);
    bind_at_once_ = at_once;
}

void FakeSwitch::install(const std::string& port) {
    SwitchInterface interface = interfaces().at(port);
    interface.external_ids["ovn-installed"] = "true";
    put(std::move(interface));
}

void FakeSwitch::refuse_next() {
    const std::scoped_lock lock(mutex_);
    refuse_next_ = true;
}

void FakeSwitch::hold() {
    const std::scoped_lock lock(mutex_);
    held_ = true;
}

void FakeSwitch::hold_answers() {
    const std::scoped_lock lock(mutex_);
    answers_held_ = true;
}

void FakeSwitch::let_go() {
    std::vector<std::function<void()>> waiting;
    {
        const std::scoped_lock lock(mutex_);
        held_ = false;
        answers_held_ = false;
        waiting.swap(waiting_);
    }
    for (auto& job : waiting)
        workers_.post(std::move(job));
}

void FakeSwitch::put(SwitchInterface interface) {
    {
        const std::scoped_lock telling(telling_);
        {
            const std::scoped_lock lock(mutex_);
            interfaces_[interface.name] = interface;
        }
        if (listener_ != nullptr) listener_->interface_changed(std::move(interface));
    }
    signal.poke();
}

void FakeSwitch::remove(const std::string& port) {
    {
        const std::scoped_lock telling(telling_);
        {
            const std::scoped_lock lock(mutex_);
            if (interfaces_.erase(port) == 0) return;
        }
        if (listener_ != nullptr) listener_->interface_gone(port);
    }
    signal.poke();
}

SwitchInterfaces FakeSwitch::interfaces() const {
    const std::scoped_lock lock(mutex_);
    return interfaces_;
}

Result<void> FakeSwitch::take(const std::vector<PortOperation>& operations) {
    bool at_once = false;
    {
        const std::scoped_lock lock(mutex_);
        if (!connected_) return again("not connected");
        const bool adds = std::any_of(operations.begin(), operations.end(),
                                      [](const PortOperation& o) { return std::holds_alternative<AddPort>(o); });
        if (adds && std::exchange(refuse_next_, false)) return invalid("constraint violation", "a test wanted it");
        at_once = bind_at_once_;
    }
    for (const auto& operation : operations) {
        if (const auto* add = std::get_if<AddPort>(&operation)) {
            SwitchInterface interface {
                add->name, add->external_ids, 7, {}
            };
            put(interface);
            if (at_once) install(add->name);
        } else if (const auto* gone = std::get_if<RemovePort>(&operation)) {
            remove(gone->name);
        } else if (const auto* set = std::get_if<SetExternalIds>(&operation)) {
            SwitchInterface interface = interfaces().at(set->name);
            for (const auto& [key, value] : set->set)
                interface.external_ids[key] = value;
            for (const auto& key : set->remove)
                interface.external_ids.erase(key);
            put(std::move(interface));
        }
    }
    return {};
}

void FakeSwitch::apply(std::vector<PortOperation> operations, std::function<void(Result<void>)> done) {
    auto job = [this, operations = std::move(operations), done = std::move(done)] { answer(take(operations), done); };
    {
        const std::scoped_lock lock(mutex_);
        if (held_) {
            waiting_.push_back(std::move(job));
            signal.poke();
            return;
        }
    }
    workers_.post(std::move(job));
}

void FakeSwitch::answer(const Result<void>& result, const std::function<void(Result<void>)>& done) {
    {
        const std::scoped_lock lock(mutex_);
        if (answers_held_) {
            waiting_.emplace_back([result, done] { done(result); });
            return;
        }
    }
    done(result);
}

void FakePods::find(const std::string& ns, const std::string& name,
                    std::function<void(Result<std::optional<PodFacts>>)> answer) {
    std::optional<PodFacts> facts;
    bool known = false;
    {
        const std::scoped_lock lock(mutex_);
        known = known_;
        if (const auto pod = pods_.find(ns + "/" + name); pod != pods_.end()) facts = pod->second;
    }
    if (known) {
        answer(facts);
    } else {
        answer(again("the API server does not answer"));
    }
    asked.poke();
}

void FakePods::local_pods(std::function<void(Result<std::set<std::string>>)> answer) {
    std::set<std::string> uids;
    bool known = false;
    {
        const std::scoped_lock lock(mutex_);
        known = known_;
        for (const auto& [name, facts] : pods_)
            uids.insert(facts.uid);
    }
    if (known) {
        answer(uids);
    } else {
        answer(again("not all pods are known"));
    }
    asked.poke();
}

void FakePods::put(const std::string& name, PodFacts facts) {
    const std::scoped_lock lock(mutex_);
    pods_[name] = std::move(facts);
}

void FakePods::erase(const std::string& name) {
    const std::scoped_lock lock(mutex_);
    pods_.erase(name);
}

void FakePods::set_known(bool known) {
    const std::scoped_lock lock(mutex_);
    known_ = known;
}

void Bed::SetUp() {
    ScratchTest::SetUp();
    if (IsSkipped()) return;
    static int count = 0;
    root_ = "/tmp/weft-cni-" + std::to_string(::getpid()) + "-" + std::to_string(++count);
    std::filesystem::create_directory(root_);
    options_.run_dir = root_ + "/run";
    options_.conf_dir = root_ + "/net.d";
    options_.deadline = std::chrono::seconds(60);
    start_server();
}

void Bed::TearDown() {
    switch_.let_go();
    stop_server();
    if (!root_.empty()) std::filesystem::remove_all(root_);
}

void Bed::start_server() {
    server_ = std::make_unique<Server>(options_, pods_, switch_, probe_);
    const auto started = server_->start();
    ASSERT_TRUE(started) << started.error().text();
    std::vector<Change> all;
    for (const auto& [key, row] : rows_)
        all.push_back({0, {}, row});
    server_->changed(all);
}

void Bed::stop_server() {
    server_.reset();
}

TestPod Bed::make_pod(int n, const std::string& container) {
    const std::string number = std::to_string(n);
    TestPod pod{"web-" + number,
                container.empty() ? "c" + number + "abcdef0123456789abcdef" : container,
                "uid-" + number,
                netlink::testing::make_namespace(),
                {}};
    auto& i = pod.interface;
    i.key = Key<tables::PodInterface>{"default", pod.name, "default"};
    i.pod_uid = pod.uid;
    i.iface_id = "default_" + pod.name;
    const Ip v4 = *Ip::parse("10.244.1." + number);
    i.mac = Mac::of(v4);
    i.addresses = {IpPrefix(v4, 24), *IpPrefix::parse("fd01::" + number + "/64")};
    i.gateways = {*Ip::parse("10.244.1.254"), *Ip::parse("fd01::ff")};
    i.routes = {{*IpPrefix::parse("10.96.0.0/16"), *Ip::parse("10.244.1.254")},
                {*IpPrefix::parse("192.0.2.0/24"), std::nullopt}};
    i.mtu = 1380;
    i.routable_mtu = 1300;
    pods_.put("default/" + pod.name, {pod.uid, false});
    return pod;
}

void Bed::put(const tables::PodInterface& interface) {
    RowPtr row = RowPtr::make(interface);
    const Change change{0, rows_[interface.key.text], row};
    rows_[interface.key.text] = row;
    server_->changed(std::span(&change, 1));
}

void Bed::withdraw(const std::string& key) {
    const Change change{0, rows_.at(key), {}};
    rows_.erase(key);
    server_->changed(std::span(&change, 1));
}

void Bed::condition(const std::string& key, const std::string& message) {
    tables::ServingCondition row;
    row.key.text = key;
    row.ready = message.empty();
    row.message = message;
    const Change change{0, rows_[key], RowPtr::make(row)};
    rows_[key] = change.after;
    server_->changed(std::span(&change, 1));
}

Request Bed::request(Command command, const TestPod& pod, const std::string& conf_extra) {
    return {{command, pod.container, pod.netns(), "eth0",
             "IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=" + pod.name +
                 ";K8S_POD_INFRA_CONTAINER_ID=" + pod.container + ";K8S_POD_UID=" + pod.uid},
            R"({"cniVersion":"1.1.0","name":"ovn-kubernetes","type":"ovn-k8s-cni-overlay")" + conf_extra + "}"};
}

Fd Bed::connect() {
    Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = server_->socket_path();
    std::memcpy(address.sun_path, path.data(), path.size());
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) return Fd();
    return socket;
}

std::optional<Reply> Bed::read_reply(const Fd& socket) {
    FrameReader reader;
    char buffer[4096];
    while (reader.state() == FrameReader::State::needs_more) {
        const ssize_t size = ::recv(socket.get(), buffer, sizeof(buffer), 0);
        if (size <= 0) return std::nullopt;
        reader.feed({buffer, static_cast<std::size_t>(size)});
    }
    auto reply = decode_reply(reader.message());
    if (!reply) return std::nullopt;
    return *reply;
}

Reply Bed::ask(const Request& request) {
    const Fd socket = connect();
    const std::string bytes = frame(encode_request(request));
    EXPECT_EQ(::send(socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
    return read_reply(socket).value_or(Reply{CniError{Code::protocol, "the test got no reply", {}}, {}});
}

std::future<Reply> Bed::ask_later(const Request& request) {
    return std::async(std::launch::async, [this, request] { return ask(request); });
}

void Bed::in_pod(const TestPod& pod, const std::function<void(netlink::Handle&, const netlink::Link&)>& look) {
    const auto done = netlink::inside(pod.ns, [&]() -> Result<void> {
        auto handle = netlink::Handle::open();
        if (!handle) return std::move(handle).error();
        auto link = handle->find_link("eth0");
        if (!link) return std::move(link).error();
        if (!*link) return invalid("no eth0 in the pod");
        look(*handle, **link);
        return {};
    });
    EXPECT_TRUE(done) << done.error().text();
}

bool Bed::has_link(const std::string& name) {
    const auto found = kernel_->find_link(name);
    return found && found->has_value();
}

bool Bed::has_container_end(const TestPod& pod) {
    bool there = false;
    (void)netlink::inside(pod.ns, [&]() -> Result<void> {
        auto handle = netlink::Handle::open();
        if (handle) there = handle->find_link("eth0").value_or({}).has_value();
        return {};
    }).ok();
    return there;
}

bool Bed::waiting_requests(std::size_t count) {
    // The server tells nobody of a request that has just come in; this is the only place where a test asks again.
    for (int i = 0; i < 30000; ++i) {
        if (server_->status().requests == count) return true;
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return false;
}

void Bed::expect_clean(const TestPod& pod) {
    EXPECT_FALSE(switch_.has(pod.host_if())) << "a port is left";
    EXPECT_FALSE(has_link(pod.host_if())) << "a link is left";
    EXPECT_FALSE(has_container_end(pod)) << "the pod's end is left";
}

}  // namespace weft::cni::testing
