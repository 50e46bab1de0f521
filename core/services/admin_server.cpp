#include "services/admin_server.hpp"

#include "services/descriptor.hpp"
#include "services/unix_address.hpp"

#include <weft/base/log.hpp>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace weft::services {

namespace {

using SteadyClock = std::chrono::steady_clock;

std::string reason() {
    return std::generic_category().message(errno);
}

/// Answers on their way from handlers to the server's thread. Outlives the server as long as a handler holds a reply.
struct Mailbox {
    struct Answer {
        std::uint64_t call = 0;
        std::string line;
    };
    std::mutex mutex;
    std::vector<Answer> answers;
    Descriptor wake{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};

    void put(Answer answer) {
        {
            const std::scoped_lock lock(mutex);
            answers.push_back(std::move(answer));
        }
        ring();
    }
    void ring() const {
        const std::uint64_t one = 1;
        if (::write(wake.get(), &one, sizeof(one)) < 0) {
            // The counter is full: it rings already.
        }
    }
    std::vector<Answer> take() {
        std::uint64_t count = 0;
        if (::read(wake.get(), &count, sizeof(count)) < 0) {
            // Nobody rang.
        }
        const std::scoped_lock lock(mutex);
        return std::exchange(answers, {});
    }
};

struct Connection {
    enum class State { reading, waiting, writing };
    Descriptor fd;
    State state = State::reading;
    std::string in;
    std::string out;
    std::size_t sent = 0;
    std::uint64_t call = 0;  ///< the call whose answer it waits for
    TimePoint deadline;
    bool close_after_write = false;
};

}  // namespace

class AdminServer::Impl {
  public:
    Impl(AdminOptions options, Post post) : options_(std::move(options)), post_(std::move(post)) {
        if (!options_.allowed) {
            options_.allowed = [own = ::geteuid()](uid_t uid) { return uid == 0 || uid == own; };
        }
    }
    ~Impl() { stop(); }

    void on(const std::string& call, SlowHandler handler) {
        if (thread_.joinable()) throw std::logic_error("admin calls are registered before the server starts");
        SlowHandler& place = handlers_[call];
        if (place) throw std::logic_error("admin call " + call + " is taken");
        place = std::move(handler);
    }
    Result<void> start();
    void stop();

  private:
    Result<void> listen();
    void run();
    std::vector<pollfd> watched() const;
    int wait_time() const;
    void accept_all();
    void refuse(Connection& connection, const Error& error);
    void read(Connection& connection);
    /// Brings a connection as far as it gets without waiting: requests that have arrived, answers that can be sent.
    void pump(Connection& connection);
    bool next_request(Connection& connection);
    void call(Connection& connection, std::string_view line);
    void deliver();
    /// Sends what the socket takes; all sent, the connection reads again.
    void write(Connection& connection);
    void answer(Connection& connection, std::string line);
    void check_deadlines();
    std::string unknown_call(const std::string& name) const;

    AdminOptions options_;
    Post post_;
    std::map<std::string, SlowHandler, std::less<>> handlers_;
    std::shared_ptr<Mailbox> mailbox_ = std::make_shared<Mailbox>();
    Descriptor listener_;
    std::vector<Connection> connections_;
    std::uint64_t last_call_ = 0;
    std::atomic<bool> stopping_{false};
    std::thread thread_;
};

Result<void> AdminServer::Impl::start() {
    if (auto listening = listen(); !listening) return listening;
    thread_ = std::thread([this] { run(); });
    return {};
}

void AdminServer::Impl::stop() {
    if (!thread_.joinable()) return;
    stopping_ = true;
    mailbox_->ring();
    thread_.join();
    connections_.clear();
    listener_ = Descriptor();
    ::unlink(options_.socket.c_str());
}

Result<void> AdminServer::Impl::listen() {
    const auto fail = [&](const std::string& what) {
        return Error{ErrorKind::invalid, what + ": " + reason(), options_.socket,
                     "check [weft] run-dir and admin-socket"};
    };
    auto address = unix_address(options_.socket);
    if (!address) return std::move(address).error();
    std::error_code ignored;
    std::filesystem::create_directories(std::filesystem::path(options_.socket).parent_path(), ignored);

    Descriptor probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (::connect(probe.get(), address->get(), address->size()) == 0) {
        return Error{ErrorKind::conflict, "another weftd listens here", options_.socket,
                     "stop it, or give this one its own --run-dir"};
    }
    struct stat old {};
    if (::lstat(options_.socket.c_str(), &old) == 0) {
        if (!S_ISSOCK(old.st_mode)) {
            return Error{ErrorKind::invalid, "there is something that is no socket", options_.socket, "remove it"};
        }
        ::unlink(options_.socket.c_str());
    }
    listener_ = Descriptor(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (::bind(listener_.get(), address->get(), address->size()) != 0) return fail("can't make the admin socket");
    // Nobody can connect before listen(), so there is no moment with a wider mode.
    if (::chmod(options_.socket.c_str(), 0600) != 0) return fail("can't protect the admin socket");
    if (::listen(listener_.get(), 16) != 0) return fail("can't listen on the admin socket");
    return {};
}

std::vector<pollfd> AdminServer::Impl::watched() const {
    std::vector<pollfd> fds{{mailbox_->wake.get(), POLLIN, 0}, {listener_.get(), POLLIN, 0}};
    for (const auto& connection : connections_) {
        const auto state = connection.state;
        const int events = state == Connection::State::reading   ? POLLIN
                           : state == Connection::State::writing ? POLLOUT
                                                                 : 0;
        fds.push_back({connection.fd.get(), static_cast<short>(events), 0});
    }
    return fds;
}

int AdminServer::Impl::wait_time() const {
    std::optional<TimePoint> first;
    for (const auto& connection : connections_) {
        if (!first || connection.deadline < *first) first = connection.deadline;
    }
    if (!first) return -1;
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(*first - SteadyClock::now()).count();
    return static_cast<int>(std::clamp<long long>(left + 1, 0, 60'000));
}

void AdminServer::Impl::run() {
    while (!stopping_) {
        auto fds = watched();
        if (::poll(fds.data(), fds.size(), wait_time()) < 0 && errno != EINTR) {
            log(LogLevel::error, "admin", "the admin socket stops", {{"error", reason()}});
            return;
        }
        if (stopping_) return;
        // Connections keep their order until the end of the turn: fds[i + 2] belongs to connections_[i].
        for (std::size_t i = 0; i + 2 < fds.size(); ++i) {
            auto& connection = connections_[i];
            const auto events = fds[i + 2].revents;
            if (connection.state == Connection::State::waiting && (events & (POLLHUP | POLLERR)))
                connection.fd = Descriptor();
            if (connection.state == Connection::State::reading && events != 0) read(connection);
            if (connection.state == Connection::State::writing && events != 0) pump(connection);
        }
        deliver();
        check_deadlines();
        std::erase_if(connections_, [](const Connection& connection) { return !connection.fd; });
        if (fds[1].revents != 0) accept_all();
    }
}

void AdminServer::Impl::accept_all() {
    while (true) {
        Descriptor fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
        if (!fd) return;
        Connection connection;
        connection.fd = std::move(fd);
        connection.deadline = SteadyClock::now() + options_.read_limit;
        ucred peer{};
        socklen_t size = sizeof(peer);
        const bool known = ::getsockopt(connection.fd.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0;
        if (!known || !options_.allowed(peer.uid)) {
            log(LogLevel::warn, "admin", "a peer is refused",
                {{"uid", std::to_string(peer.uid)}, {"pid", std::to_string(peer.pid)}});
            refuse(connection, invalid("only root may speak to weftd", "run weftctl as root"));
        } else if (connections_.size() >= options_.max_connections) {
            refuse(connection, again("too many connections to weftd's admin socket"));
        } else {
            connections_.push_back(std::move(connection));
        }
    }
}

/// One attempt to say why, then the connection is dropped.
void AdminServer::Impl::refuse(Connection& connection, const Error& error) {
    const std::string line = write_error(error) + "\n";
    if (::send(connection.fd.get(), line.data(), line.size(), MSG_NOSIGNAL) < 0) {
        // It won't know why.
    }
    connection.fd = Descriptor();
}

void AdminServer::Impl::read(Connection& connection) {
    char buffer[16 * 1024];
    const auto size = ::recv(connection.fd.get(), buffer, sizeof(buffer), 0);
    if (size == 0 || (size < 0 && errno != EAGAIN && errno != EINTR)) {
        connection.fd = Descriptor();
        return;
    }
    if (size < 0) return;
    connection.in.append(buffer, static_cast<std::size_t>(size));
    pump(connection);
}

void AdminServer::Impl::pump(Connection& connection) {
    while (connection.fd) {
        if (connection.state == Connection::State::reading && !next_request(connection)) return;
        if (connection.state == Connection::State::waiting) return;
        write(connection);
        if (connection.state == Connection::State::writing) return;  // the peer has to read first
    }
}

/// Takes a whole line out of what has arrived; false when there is none yet.
bool AdminServer::Impl::next_request(Connection& connection) {
    const auto end = connection.in.find('\n');
    if (end == std::string::npos && connection.in.size() < max_request_size) return false;
    if (end >= max_request_size) {
        connection.close_after_write = true;
        answer(connection,
               write_error(invalid("the request is larger than " + std::to_string(max_request_size) + " bytes")));
        return true;
    }
    const std::string line = connection.in.substr(0, end);
    connection.in.erase(0, end + 1);
    call(connection, line);
    return true;
}

std::string AdminServer::Impl::unknown_call(const std::string& name) const {
    std::string names;
    for (const auto& [known, handler] : handlers_)
        names += (names.empty() ? "" : ", ") + known;
    return write_error(invalid("weftd knows no call " + json_quote(name), "it knows " + names));
}

void AdminServer::Impl::call(Connection& connection, std::string_view line) {
    auto parsed = parse_request(line);
    if (!parsed) return answer(connection, write_error(parsed.error()));
    const auto handler = handlers_.find(parsed->call);
    if (handler == handlers_.end()) return answer(connection, unknown_call(parsed->call));

    connection.state = Connection::State::waiting;
    connection.call = ++last_call_;
    connection.deadline = SteadyClock::now() + options_.answer_limit;
    // The request belongs to the closure: it may run when this connection, and even this server, is gone.
    auto request = std::make_shared<AdminRequest>(std::move(*parsed));
    AdminReply reply = [mailbox = mailbox_, id = connection.call, request](Result<std::string> result) {
        mailbox->put({id, result ? write_result(*result) : write_error(result.error())});
    };
    post_([handler = handler->second, request, reply] {
        try {
            handler(request->args(), reply);
        } catch (const std::exception& e) {
            reply(broken("call " + request->call + " failed: " + e.what()));
        }
    });
}

void AdminServer::Impl::deliver() {
    for (auto& made : mailbox_->take()) {
        for (auto& connection : connections_) {
            const bool waits =
                connection.fd && connection.state == Connection::State::waiting && connection.call == made.call;
            if (!waits) continue;
            answer(connection, std::move(made.line));
            pump(connection);
        }
    }
}

void AdminServer::Impl::answer(Connection& connection, std::string line) {
    connection.out = std::move(line);
    connection.out.push_back('\n');
    connection.sent = 0;
    connection.state = Connection::State::writing;
    connection.deadline = SteadyClock::now() + options_.write_limit;
}

void AdminServer::Impl::write(Connection& connection) {
    while (connection.sent < connection.out.size()) {
        const auto size = ::send(connection.fd.get(), connection.out.data() + connection.sent,
                                 connection.out.size() - connection.sent, MSG_NOSIGNAL);
        if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
        if (size <= 0) {
            connection.fd = Descriptor();
            return;
        }
        connection.sent += static_cast<std::size_t>(size);
    }
    connection.out = {};
    if (connection.close_after_write) {
        connection.fd = Descriptor();
        return;
    }
    connection.state = Connection::State::reading;
    connection.deadline = SteadyClock::now() + options_.read_limit;
}

void AdminServer::Impl::check_deadlines() {
    const auto now = SteadyClock::now();
    for (auto& connection : connections_) {
        if (!connection.fd || now < connection.deadline) continue;
        if (connection.state != Connection::State::waiting) {
            connection.fd = Descriptor();
            continue;
        }
        connection.close_after_write = true;
        Error late = again("weftd has not answered in time: its engine is busy or hangs");
        late.mend = "try again; /livez and weftd's log say more";
        answer(connection, write_error(late));
        pump(connection);
    }
}

AdminServer::AdminServer(AdminOptions options, Post post)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(post))) {}
AdminServer::~AdminServer() = default;

void AdminServer::on(const std::string& call, Handler handler) {
    impl_->on(call,
              [handler = std::move(handler)](const JsonView& args, const AdminReply& reply) { reply(handler(args)); });
}

void AdminServer::on_slow(const std::string& call, SlowHandler handler) {
    impl_->on(call, std::move(handler));
}

Result<void> AdminServer::start() {
    return impl_->start();
}
void AdminServer::stop() {
    impl_->stop();
}

}  // namespace weft::services
