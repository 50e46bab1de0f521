#include "integration/ovsdb/harness.hpp"

#include <weft/ovsdb/nb.hpp>
#include <weft/testing/testbed/process.hpp>

#include <cstring>
#include <fstream>
#include <stdexcept>

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace weft::test {

using namespace std::chrono_literals;

TempDir::TempDir() {
    std::string pattern = "/tmp/weft-ovsdb-XXXXXX";
    if (!::mkdtemp(pattern.data())) throw std::runtime_error("no temporary folder");
    path_ = pattern;
}

TempDir::~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

std::string schema_path(const std::string& name) {
    return std::string(WEFT_SOURCE_DIR) + "/core/ovsdb/schemas/" + name;
}

namespace {

void run(const std::vector<std::string>& argv) {
    if (auto done = testing::run_ok(argv); !done) throw std::runtime_error(done.error().text());
}

}  // namespace

// ---------------------------------------------------------------------------------------------------------------------

struct Server::Running {
    testing::Launcher launcher;
    testing::Process process;
};

Server::Server(const TempDir& dir, const Named& named)
    : database_(dir / (named.name + ".db")),
      socket_(dir / (named.name + ".sock")),
      raft_("unix:" + (dir / (named.name + ".raft"))),
      log_(dir / (named.name + ".log")),
      running_(std::make_unique<Running>()) {}

Server::Server(const TempDir& dir, const std::string& schema, std::vector<std::string> arguments)
    : Server(dir, Named{"db"}) {
    arguments_ = std::move(arguments);
    run({"ovsdb-tool", "create", database_, schema_path(schema)});
    start();
}

std::unique_ptr<Server> Server::cluster_member(const TempDir& dir, const std::string& name, const std::string& schema,
                                               const Server* first) {
    std::unique_ptr<Server> server(new Server(dir, Named{name}));
    if (first) {
        run({"ovsdb-tool", "join-cluster", server->database_, "OVN_Northbound", server->raft_, first->raft_});
    } else {
        run({"ovsdb-tool", "create-cluster", server->database_, schema_path(schema), server->raft_});
    }
    server->start();
    return server;
}

void Server::start() {
    std::vector<std::string> argv = {"ovsdb-server", "--no-chdir", "--remote=punix:" + socket_,
                                     "--unixctl=" + socket_ + ".ctl"};
    argv.insert(argv.end(), arguments_.begin(), arguments_.end());
    argv.push_back(database_);
    auto process = testing::Process::start(
        running_->launcher,
        {.name = "ovsdb-server", .argv = std::move(argv), .netns = {}, .environment = {}, .log = log_});
    if (!process) throw std::runtime_error(process.error().text());
    running_->process = *std::move(process);
}

Server::~Server() = default;

void Server::kill9() {
    running_->process.kill();
}

void Server::stop_reading() {
    running_->process.pause();
}

void Server::go_on() {
    running_->process.resume();
}

// ---------------------------------------------------------------------------------------------------------------------

Owner::Owner(const ovsdb::DatabaseInfo& db, const std::string& remotes, ovsdb::MonitorRequest request)
    : Owner(db, remotes, std::move(request), Options()) {}

Owner::Owner(const ovsdb::DatabaseInfo& db, const std::string& remotes, ovsdb::MonitorRequest request, Options options)
    : database(db),
      replica(db) {
    ovsdb::ClientSettings settings;
    settings.database = &db;
    settings.remotes = *ovsdb::Remote::parse_list(remotes);
    settings.tls = std::move(options.tls);
    settings.leader_only = options.leader_only;
    settings.lock = std::move(options.lock);
    settings.reconnect.min_backoff = 10ms;
    settings.reconnect.max_backoff = 200ms;
    settings.reconnect.probe_interval = options.probe_interval;
    settings.inbox_limit = options.inbox_limit;
    settings.message_limit = options.message_limit;
    client = std::make_unique<ovsdb::Client>(std::move(settings), nullptr);
    client->set_monitors(std::move(request));
}

bool Owner::until(const std::function<bool()>& done) {
    const auto deadline = std::chrono::steady_clock::now() + 180s;
    while (!done()) {
        if (std::chrono::steady_clock::now() > deadline) {
            ADD_FAILURE() << "not within three minutes; last disconnect: " << last_disconnect;
            return false;
        }
        client->wait_for(20ms);
        for (auto& event : client->take())
            handle(event);
    }
    return true;
}

void Owner::handle(ovsdb::Event& event) {
    if (auto* connected = std::get_if<ovsdb::Connected>(&event)) {
        ++connects;
        resumed = connected->resumed;
        capabilities = connected->capabilities;
        order.emplace_back("connected");
    } else if (auto* update = std::get_if<ovsdb::Update>(&event)) {
        auto changes = replica.apply(std::move(*update));
        ASSERT_TRUE(changes.ok()) << changes.error().text();
        std::move(changes->rows.begin(), changes->rows.end(), std::back_inserter(row_changes));
        std::move(changes->members.begin(), changes->members.end(), std::back_inserter(member_changes));
        synced = true;
        order.emplace_back("update");
    } else if (auto* reply = std::get_if<ovsdb::Reply>(&event)) {
        outcomes[reply->id] = reply->outcome;
        order.emplace_back("reply");
    } else if (auto* lock = std::get_if<ovsdb::LockChanged>(&event)) {
        locked = lock->held;
        order.emplace_back("lock");
    } else if (auto* disconnected = std::get_if<ovsdb::Disconnected>(&event)) {
        synced = false;
        last_disconnect = disconnected->reason;
        order.emplace_back("disconnected");
    } else if (auto* refusal = std::get_if<ovsdb::Refused>(&event)) {
        EXPECT_FALSE(refused.has_value()) << "told twice";
        refused = refusal->error;
        order.emplace_back("refused");
    }
}

ovsdb::Outcome Owner::commit(ovsdb::Transaction transaction) {
    const auto id = client->transact(std::move(transaction));
    until([&] { return outcomes.contains(id); });
    return outcomes[id];
}

std::optional<ovsdb::Outcome> Owner::outcome(std::uint64_t id) const {
    const auto at = outcomes.find(id);
    return at == outcomes.end() ? std::nullopt : std::optional(at->second);
}

const ovsdb::RefResolver& no_references() {
    struct None final : ovsdb::RefResolver {
        Uuid uuid_of(std::string_view, std::string_view) const override { return {}; }
    };
    static const None none;
    return none;
}

Ports::Ports(Owner& owner) : switch_uuid(Uuid::random()), owner_(owner) {}

void Ports::make_switch() {
    ovsdb::Transaction t;
    const nb::LogicalSwitch row{.name = "n1"};
    const auto& table = owner_.table("Logical_Switch");
    ASSERT_TRUE(t.insert(table, switch_uuid, &row, table.all_columns(), no_references()).ok());
    const auto outcome = owner_.commit(std::move(t));
    ASSERT_TRUE(outcome.ok()) << outcome.text();
}

void Ports::add(ovsdb::Transaction& t, const std::string& name, const Uuid& uuid) const {
    const nb::LogicalSwitchPort row{
        .addresses = {"0a:58:0a:80:00:03 10.128.0.3"}, .external_ids = {{"pod", "true"}}, .name = name};
    const auto& table = owner_.table("Logical_Switch_Port");
    ASSERT_TRUE(t.insert(table, uuid, &row, table.all_columns(), no_references()).ok());
    ovsdb::Mutations m;
    m.insert(*owner_.table("Logical_Switch").column("ports"), ovsdb::Scalar(uuid));
    t.mutate(owner_.table("Logical_Switch"), switch_uuid, m);
}

// ---------------------------------------------------------------------------------------------------------------------

namespace {

int unix_socket(const std::string& path, sockaddr_un& address) {
    address = {};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
    return ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

}  // namespace

FakePeer::FakePeer(const std::string& socket, std::function<void(int fd)> serve) {
    sockaddr_un address{};
    listener_ = unix_socket(socket, address);
    ::unlink(socket.c_str());
    if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0 || ::listen(listener_, 8) != 0) {
        throw std::runtime_error("cannot listen on " + socket);
    }
    thread_ = std::thread([this, serve = std::move(serve)] { loop(serve); });
}

FakePeer::~FakePeer() {
    stop_ = true;
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
}

void FakePeer::loop(const std::function<void(int fd)>& serve) {
    std::vector<std::thread> connections;
    while (!stop_) {
        const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        if (fd < 0) continue;
        ++accepted_;
        connections.emplace_back([fd, &serve] {
            serve(fd);
            ::close(fd);
        });
    }
    for (auto& c : connections)
        c.join();
}

Proxy::Proxy(const std::string& socket, std::string server_socket)
    : server_socket_(std::move(server_socket)),
      peer_(socket, [this](int fd) { serve(fd); }) {}

void Proxy::serve(int fd) {
    sockaddr_un address{};
    const int server = unix_socket(server_socket_, address);
    const int cuts = cuts_;
    if (::connect(server, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0) {
        std::vector<char> bytes(65536);
        pollfd polled[2] = {{fd, POLLIN, 0}, {server, POLLIN, 0}};
        while (cuts == cuts_) {
            if (::poll(polled, 2, 10) <= 0) continue;
            if (polled[0].revents) {
                const auto got = ::recv(fd, bytes.data(), bytes.size(), 0);
                if (got <= 0) break;
                to_server_ += static_cast<std::uint64_t>(got);
                if (::send(server, bytes.data(), static_cast<std::size_t>(got), MSG_NOSIGNAL) != got) break;
            }
            if (polled[1].revents) {
                const auto got = ::recv(server, bytes.data(), bytes.size(), 0);
                if (got <= 0) break;
                if (swallowing_ == cuts) {
                    swallowed_ += static_cast<std::uint64_t>(got);
                    continue;
                }
                to_client_ += static_cast<std::uint64_t>(got);
                if (::send(fd, bytes.data(), static_cast<std::size_t>(got), MSG_NOSIGNAL) != got) break;
            }
        }
    }
    ::close(server);
}

std::size_t resident_bytes() {
    std::ifstream in("/proc/self/status");
    std::string word;
    while (in >> word) {
        if (word == "RssAnon:") {
            std::size_t kib = 0;
            in >> kib;
            return kib * 1024;
        }
    }
    return 0;
}

}  // namespace weft::test
