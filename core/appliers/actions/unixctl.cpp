#include "appliers/actions/unixctl.hpp"

#include "appliers/netlink/fd.hpp"
#include "appliers/netlink/netns.hpp"

#include <weft/base/json.hpp>

#include <cerrno>
#include <cstring>
#include <fstream>

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

namespace weft::appliers::actions {

namespace {

constexpr std::size_t most_answer = std::size_t{1} << 20;

Error trouble(const std::string& socket, const std::string& what) {
    return {ErrorKind::again, what, socket, "see whether the daemon behind this socket runs"};
}

/// Waits until the descriptor is ready for `events`.
Result<void> ready(const std::string& socket, int fd, short events, TimePoint deadline) {
    while (true) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::system().now());
        if (left.count() <= 0) return trouble(socket, "no answer in time");
        pollfd waiting{fd, events, 0};
        const int got = ::poll(&waiting, 1, static_cast<int>(left.count()));
        if (got > 0) return {};
        if (got < 0 && errno != EINTR) return trouble(socket, netlink::errno_text(errno));
    }
}

Result<netlink::Fd> dial(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof(address.sun_path)) return invalid("the path of the socket is too long: " + path);
    std::memcpy(address.sun_path, path.data(), path.size());
    netlink::Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd) return trouble(path, netlink::errno_text(errno));
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
        return trouble(path, netlink::errno_text(errno));
    }
    return fd;
}

Result<void> send_all(const std::string& path, int fd, std::string_view bytes, TimePoint deadline) {
    while (!bytes.empty()) {
        if (auto done = ready(path, fd, POLLOUT, deadline); !done) return done;
        const auto sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN && errno != EINTR) return trouble(path, netlink::errno_text(errno));
        if (sent > 0) bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return {};
}

/// The answer is complete when it parses: there is just one on a connection.
Result<JsonDocument> receive(const std::string& path, int fd, TimePoint deadline) {
    std::string answer;
    while (answer.size() < most_answer) {
        if (auto done = ready(path, fd, POLLIN, deadline); !done) return done.error();
        char part[4096];
        const auto got = ::recv(fd, part, sizeof(part), 0);
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;
        if (got < 0) return trouble(path, netlink::errno_text(errno));
        if (got == 0) return trouble(path, "the connection was closed before the answer was complete");
        answer.append(part, static_cast<std::size_t>(got));
        if (answer.find_last_of('}') == std::string::npos) continue;
        if (auto document = JsonDocument::parse(answer)) return document;
    }
    return trouble(path, "the answer is no JSON or has no end");
}

}  // namespace

Result<std::string> unixctl(const std::string& socket, const std::string& method,
                            const std::vector<std::string>& arguments, Duration patience) {
    const TimePoint deadline = Clock::system().now() + patience;
    auto fd = dial(socket);
    if (!fd) return fd.error();
    JsonWriter request;
    request.begin_object().member("id", 0).member("method", std::string_view(method)).key("params").begin_array();
    for (const auto& argument : arguments)
        request.value(argument);
    request.end_array().end_object();
    if (auto sent = send_all(socket, fd->get(), request.text(), deadline); !sent) return sent.error();
    auto answer = receive(socket, fd->get(), deadline);
    if (!answer) return answer.error();
    const JsonView root = answer->root();
    if (const auto error = root["error"].string()) return Error{ErrorKind::invalid, std::string(*error), method, {}};
    return std::string(root["result"].string_or(""));
}

Result<std::string> control_socket(const std::string& folder, const std::string& daemon) {
    const std::string file = folder + "/" + daemon + ".pid";
    std::ifstream in(file);
    unsigned long pid = 0;
    if (!(in >> pid)) {
        return Error{ErrorKind::again, "there is no number of a process", file, "see whether " + daemon + " runs"};
    }
    return folder + "/" + daemon + "." + std::to_string(pid) + ".ctl";
}

}  // namespace weft::appliers::actions
