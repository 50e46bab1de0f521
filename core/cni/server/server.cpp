#include "cni/server/server.hpp"

#include "appliers/netlink/netns.hpp"
#include "cni/server/connection.hpp"
#include "cni/server/hub.hpp"

#include <weft/base/log.hpp>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <map>

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

namespace weft::cni {

namespace {

using netlink::kernel_error;

/// The folder is made anew. One that can't be removed (a bind mount) must belong to root and be closed to others.
Result<void> make_private_folder(const std::string& folder, const std::string& socket) {
    ::unlink(socket.c_str());
    ::rmdir(folder.c_str());
    std::error_code code;
    std::filesystem::create_directories(std::filesystem::path(folder).parent_path(), code);
    if (::mkdir(folder.c_str(), 0700) == 0) return {};
    if (errno != EEXIST) return kernel_error("cannot make " + folder, errno);
    struct stat status {};
    if (::lstat(folder.c_str(), &status) != 0) return kernel_error("cannot look at " + folder, errno);
    const bool closed = S_ISDIR(status.st_mode) && status.st_uid == ::geteuid() && (status.st_mode & 07777) == 0700;
    if (!closed) {
        return invalid("the CNI socket's folder " + folder + " is there, and not a folder of root's with mode 0700",
                       "chown root " + folder + " && chmod 0700 " + folder + ", or remove it");
    }
    return {};
}

Result<Fd> listen_on(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof(address.sun_path)) {
        return invalid("the CNI socket's path is too long: " + path, "choose a shorter run-dir");
    }
    std::memcpy(address.sun_path, path.data(), path.size());
    Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket) return kernel_error("cannot make a socket", errno);
    // The folder is closed to others already, so that there is no moment in which the socket is open.
    if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
        ::chmod(path.c_str(), 0600) != 0 || ::listen(socket.get(), SOMAXCONN) != 0) {
        return kernel_error("cannot listen on " + path, errno);
    }
    return socket;
}

}  // namespace

class Server::Impl {
  public:
    Impl(ServerOptions options, PodSource& pods, SwitchPorts& ports, ProgressProbe& probe)
        : hub(std::move(options), pods, ports, probe) {}

    std::string folder() const { return hub.options.run_dir + "/cni"; }
    std::string socket_path() const { return folder() + "/ovn-cni-server.sock"; }

    Result<void> start() {
        if (auto made = make_private_folder(folder(), socket_path()); !made) return made;
        auto socket = listen_on(socket_path());
        if (!socket) return std::move(socket).error();
        listening_ = *std::move(socket);
        if (auto started = hub.start(); !started) return started;
        running_ = true;
        hub.loop.post([this] { hub.loop.watch(listening_.get(), EPOLLIN, [this](std::uint32_t) { accept_all(); }); });
        log(LogLevel::info, "cni", "listening", {{"socket", socket_path()}});
        return {};
    }

    void stop() {
        if (!std::exchange(running_, false)) return;
        hub.stop([this] {
            hub.loop.unwatch(listening_.get());
            ::unlink(socket_path().c_str());
            listening_ = Fd();
        });
        connections_.clear();
    }

    Hub hub;

  private:
    void accept_all() {
        while (true) {
            Fd socket(::accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
            if (!socket) {
                if (errno == EINTR || errno == ECONNABORTED) continue;
                if (errno == EMFILE || errno == ENFILE) rest();
                return;
            }
            take(std::move(socket));
        }
    }

    /// Out of descriptors: the backlog waits.
    void rest() {
        log(LogLevel::error, "cni", "no file descriptors left for CNI requests");
        hub.loop.unwatch(listening_.get());
        hub.loop.after(std::chrono::milliseconds(500), [this] {
            if (listening_) hub.loop.watch(listening_.get(), EPOLLIN, [this](std::uint32_t) { accept_all(); });
        });
    }

    void take(Fd socket) {
        ucred peer{};
        socklen_t size = sizeof(peer);
        const bool known = ::getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0;
        const std::uint64_t id = ++last_connection_;
        const auto connection = std::make_shared<Connection>(hub, std::move(socket), [this, id] {
            // After the call that closed it.
            hub.loop.post([this, id] { connections_.erase(id); });
        });
        connections_.emplace(id, connection);
        connection->start();
        if (!known || peer.uid != hub.options.allowed_uid) {
            log(LogLevel::warn, "cni", "a CNI request of another user was refused",
                {{"uid", std::to_string(peer.uid)}});
            connection->refuse({Code::protocol, "only the container runtime may ask", {}});
        } else if (connections_.size() > hub.options.max_connections) {
            make_room(*connection);
        }
    }

    /// Who has been silent for the longest goes; when all are being served, the new one does.
    void make_room(Connection& newest) {
        for (const auto& [id, connection] : connections_) {
            if (connection.get() == &newest || !connection->still_silent()) continue;
            return connection->refuse(
                {Code::try_again, "too many CNI requests at once; this one was slow to arrive", {}});
        }
        newest.refuse({Code::try_again, "too many CNI requests at once", {}});
    }

    Fd listening_;
    bool running_ = false;
    std::map<std::uint64_t, std::shared_ptr<Connection>> connections_;
    std::uint64_t last_connection_ = 0;
};

Server::Server(ServerOptions options, PodSource& pods, SwitchPorts& ports, ProgressProbe& probe)
    : impl_(std::make_unique<Impl>(std::move(options), pods, ports, probe)) {}

Server::~Server() {
    stop();
}

Result<void> Server::start() {
    return impl_->start();
}
void Server::stop() {
    impl_->stop();
}
void Server::changed(std::span<const Change> changes) {
    impl_->hub.changed(changes);
}
void Server::rows_known() {
    impl_->hub.rows_known();
}
void Server::container_runtime(std::string name) {
    impl_->hub.container_runtime(std::move(name));
}

void Server::gate(const std::string& name, std::string reason) {
    impl_->hub.gate(name, std::move(reason));
}
void Server::condition(const std::string& name, std::string reason) {
    impl_->hub.condition(name, std::move(reason));
}
void Server::pods_changed() {
    impl_->hub.pods_changed();
}
std::string Server::socket_path() const {
    return impl_->socket_path();
}
ServerStatus Server::status() const {
    return impl_->hub.status();
}
CniMetrics Server::metrics() const {
    return impl_->hub.metrics();
}

}  // namespace weft::cni
