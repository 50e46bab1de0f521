#include "cni/message.hpp"
#include "cni/spec.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <exception>

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/// weft-cni, what the container runtime calls: checks its input, asks weftd, prints what the specification wants.
namespace weft::cni {
namespace {

/// weftd answers within two minutes, or is dead.
constexpr long patience_ms = 150'000;

long now_ms() {
    timespec time{};
    ::clock_gettime(CLOCK_MONOTONIC, &time);
    return static_cast<long>(time.tv_sec) * 1000 + time.tv_nsec / 1000000;
}

void write_all(int fd, std::string_view text) {
    while (!text.empty()) {
        const ssize_t size = ::write(fd, text.data(), text.size());
        if (size < 0 && errno == EINTR) continue;
        if (size <= 0) return;
        text.remove_prefix(static_cast<std::size_t>(size));
    }
}

/// All of standard input; one byte more than is allowed when it is larger.
std::string read_input() {
    std::string text;
    char buffer[16384];
    while (text.size() <= max_message) {
        const ssize_t size = ::read(STDIN_FILENO, buffer, sizeof(buffer));
        if (size < 0 && errno == EINTR) continue;
        if (size <= 0) break;
        text.append(buffer, static_cast<std::size_t>(size));
    }
    return text;
}

class Descriptor {
  public:
    explicit Descriptor(int fd) : fd_(fd) {}
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    ~Descriptor() {
        if (fd_ >= 0) ::close(fd_);
    }
    int get() const { return fd_; }

  private:
    int fd_;
};

CniError unreachable(Command command, const std::string& path, int code) {
    return {command == Command::status ? Code::not_available : Code::try_again,
            "weftd does not answer at " + path + ": " + std::strerror(code),
            "is weftd running on this node? `weftctl status` and its log say more"};
}

/// Sends the request, then waits for the reply.
Outcome<Reply> ask(const Request& request, const std::string& path) {
    const Command command = request.invocation.command;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof(address.sun_path)) {
        return CniError{Code::invalid_conf, "weftSocket is too long for a unix socket: " + path, {}};
    }
    std::memcpy(address.sun_path, path.data(), path.size());
    const Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (socket.get() < 0)
        return CniError{Code::io_failure, std::string("cannot make a socket: ") + std::strerror(errno), {}};
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
        return unreachable(command, path, errno);
    }
    const std::string message = encode_request(request);
    if (message.size() > max_message) {
        return CniError{Code::invalid_conf, "the configuration and environment are larger than 1 MiB", {}};
    }
    const std::string framed = frame(message);
    for (std::string_view rest = framed; !rest.empty();) {
        const ssize_t sent = ::send(socket.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent <= 0) break;  // it may have answered before it read everything
        rest.remove_prefix(static_cast<std::size_t>(sent));
    }
    FrameReader reader;
    const long deadline = now_ms() + patience_ms;
    char buffer[16384];
    while (reader.state() == FrameReader::State::needs_more) {
        const long left = deadline - now_ms();
        pollfd wait{socket.get(), POLLIN, 0};
        const int ready = left > 0 ? ::poll(&wait, 1, static_cast<int>(left)) : 0;
        if (ready < 0 && errno == EINTR) continue;
        if (ready == 0) return unreachable(command, path, ETIMEDOUT);
        const ssize_t size = ::recv(socket.get(), buffer, sizeof(buffer), 0);
        if (size < 0 && errno == EINTR) continue;
        if (size <= 0) return unreachable(command, path, size < 0 ? errno : ECONNRESET);
        reader.feed({buffer, static_cast<std::size_t>(size)});
    }
    if (reader.state() == FrameReader::State::bad) return reader.error();
    return decode_reply(reader.message());
}

int fail(const Version& version, const CniError& error) {
    write_all(STDOUT_FILENO, error_json(version, error) + "\n");
    return 1;
}

int run() {
    const auto invocation = read_environment([](const char* name) -> const char* { return std::getenv(name); });
    if (!invocation) return fail(newest_version, invocation.error());
    Request request{*invocation, read_input()};
    if (invocation->command == Command::version) {
        write_all(STDOUT_FILENO, version_json(request.conf) + "\n");
        return 0;
    }
    const auto conf = parse_conf(request.conf);
    if (!conf) return fail(newest_version, conf.error());
    if (const auto refused = check_command_version(invocation->command, conf->version)) {
        return fail(conf->version, *refused);
    }
    const auto reply = ask(request, conf->socket.empty() ? std::string(default_socket) : conf->socket);
    if (!reply) return fail(conf->version, reply.error());
    if (reply->error) return fail(conf->version, *reply->error);
    if (invocation->command == Command::add) {
        if (!reply->result) return fail(conf->version, {Code::protocol, "weftd sent no result", {}});
        write_all(STDOUT_FILENO, result_json(conf->version, *reply->result) + "\n");
    }
    return 0;
}

}  // namespace
}  // namespace weft::cni

int main() {
    using namespace weft::cni;
    try {
        return run();
    } catch (const std::exception& e) {
        return fail(newest_version, {Code::io_failure, std::string("weft-cni failed: ") + e.what(), {}});
    }
}
