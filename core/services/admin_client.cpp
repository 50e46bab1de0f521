#include "services/admin_client.hpp"

#include "services/descriptor.hpp"
#include "services/unix_address.hpp"

#include <algorithm>
#include <cerrno>
#include <optional>
#include <system_error>

#include <poll.h>
#include <sys/socket.h>

namespace weft::services {

namespace {

using SteadyClock = std::chrono::steady_clock;
constexpr std::size_t max_reply_size = std::size_t{256} << 20;

Error connect_error(const std::string& socket) {
    switch (errno) {
        case ENOENT:
            return {ErrorKind::again,
                    "is weftd running? no socket at " + socket,
                    {},
                    "start weftd, or name its socket with --socket or --run-dir"};
        case ECONNREFUSED:
            return {ErrorKind::again, "weftd is not running: nobody listens at " + socket, {}, "start weftd"};
        case EACCES: return {ErrorKind::invalid, "no permission to use " + socket, {}, "run weftctl as root"};
        default: return {ErrorKind::again, "can't reach weftd: " + std::generic_category().message(errno), socket, {}};
    }
}

/// A conversation with a deadline.
class Talk {
  public:
    Talk(Descriptor fd, TimePoint deadline) : fd_(std::move(fd)), deadline_(deadline) {}

    Result<void> send(std::string_view text) {
        while (!text.empty()) {
            if (auto ready = wait_for(POLLOUT); !ready) return ready;
            const auto size = ::send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL);
            if (size < 0 && (errno == EAGAIN || errno == EINTR)) continue;
            if (size < 0) return {};  // weftd may have closed with an error on its way: read it
            text.remove_prefix(static_cast<std::size_t>(size));
        }
        return {};
    }

    Result<std::string> receive_line() {
        std::string line;
        while (line.size() <= max_reply_size) {
            if (auto ready = wait_for(POLLIN); !ready) return std::move(ready).error();
            char buffer[64 * 1024];
            const auto size = ::recv(fd_.get(), buffer, sizeof(buffer), 0);
            if (size < 0 && (errno == EAGAIN || errno == EINTR)) continue;
            if (size <= 0) return again("weftd closed the connection without an answer; its log may say why");
            line.append(buffer, static_cast<std::size_t>(size));
            if (line.back() == '\n') {
                line.pop_back();
                return line;
            }
        }
        return broken("weftd's reply is larger than 256 MiB");
    }

  private:
    Result<void> wait_for(short events) {
        while (true) {
            const auto left =
                std::chrono::duration_cast<std::chrono::milliseconds>(deadline_ - SteadyClock::now()).count();
            pollfd fd{fd_.get(), events, 0};
            const int ready = ::poll(&fd, 1, static_cast<int>(std::clamp<long long>(left, 0, 60'000)));
            if (ready > 0) return {};
            if (ready < 0 && errno != EINTR)
                return again("can't reach weftd: " + std::generic_category().message(errno));
            if (SteadyClock::now() >= deadline_)
                return again("weftd does not answer; it may be starting, busy or hanging");
        }
    }

    Descriptor fd_;
    TimePoint deadline_;
};

}  // namespace

Result<JsonDocument> admin_call(const std::string& socket, std::string_view call, std::string_view args_json,
                                Duration limit) {
    auto address = unix_address(socket);
    if (!address) return std::move(address).error();
    Descriptor fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (::connect(fd.get(), address->get(), address->size()) != 0) return connect_error(socket);
    Talk talk(std::move(fd), SteadyClock::now() + limit);
    const std::string request = write_request(call, args_json) + "\n";
    if (request.size() > max_request_size) return invalid("the request is too large");
    if (auto sent = talk.send(request); !sent) return std::move(sent).error();
    auto line = talk.receive_line();
    if (!line) return std::move(line).error();
    return parse_reply(*line);
}

}  // namespace weft::services
