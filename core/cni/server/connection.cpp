#include "cni/server/connection.hpp"

#include "cni/server/operation.hpp"

#include <cerrno>

#include <sys/epoll.h>
#include <sys/socket.h>

namespace weft::cni {

Connection::Connection(Hub& hub, Fd socket, std::function<void()> closed)
    : hub_(hub),
      socket_(std::move(socket)),
      closed_(std::move(closed)) {}

void Connection::start() {
    const std::weak_ptr<Connection> weak = weak_from_this();
    deadline_ = hub_.loop.after(hub_.options.receive_deadline, [weak] {
        if (const auto self = weak.lock()) self->refuse({Code::protocol, "the request did not arrive in time", {}});
    });
    hub_.loop.watch(socket_.get(), EPOLLIN | EPOLLRDHUP, [weak](std::uint32_t events) {
        if (const auto self = weak.lock()) self->ready(events);
    });
}

void Connection::close() {
    if (!std::exchange(open_, false)) return;
    hub_.loop.cancel(deadline_);
    hub_.loop.unwatch(socket_.get());
    if (const auto operation = operation_.lock(); operation && waiter_ != 0) operation->leave(waiter_);
    socket_ = Fd();
    const auto closed = std::move(closed_);
    closed();
}

void Connection::ready(std::uint32_t events) {
    if (answering_) {
        if ((events & (EPOLLERR | EPOLLHUP)) != 0) return close();
        if ((events & EPOLLOUT) != 0) write();
        return;
    }
    if (reader_.state() == FrameReader::State::needs_more) {
        read();
    } else if ((events & (EPOLLERR | EPOLLHUP | EPOLLRDHUP)) != 0) {
        close();  // nobody waits for the answer any more
    }
}

bool Connection::still_silent() {
    const auto waits = [this] { return open_ && !answering_ && reader_.state() == FrameReader::State::needs_more; };
    if (waits()) read();
    return waits();
}

void Connection::read() {
    char buffer[65536];
    while (open_ && reader_.state() == FrameReader::State::needs_more) {
        const ssize_t size = ::recv(socket_.get(), buffer, sizeof(buffer), MSG_DONTWAIT);
        if (size < 0 && errno == EINTR) continue;
        if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
        if (size < 0) return close();
        if (size == 0) return refuse({Code::protocol, "the request is cut short", {}});
        reader_.feed({buffer, static_cast<std::size_t>(size)});
    }
    if (reader_.state() == FrameReader::State::bad) return refuse(reader_.error());
    hub_.loop.cancel(deadline_);
    // Only its going away is of interest from now on.
    hub_.loop.change(socket_.get(), EPOLLRDHUP);
    handle(reader_.message());
}

void Connection::handle(std::string_view message) {
    auto request = decode_request(message);
    if (!request) return refuse(request.error());
    auto conf = parse_conf(request->conf);
    if (!conf) return refuse(conf.error());
    if (auto refused = check_command_version(request->invocation.command, conf->version)) return refuse(*refused);
    auto made = make_operation(hub_, *std::move(request), *std::move(conf));
    if (!made) return refuse(made.error());
    const auto self = shared_from_this();
    operation_ = *made;
    waiter_ = (*made)->wait([self](const Reply& reply) {
        self->waiter_ = 0;
        self->answer(reply);
    });
    hub_.submit(*std::move(made));
}

void Connection::refuse(CniError why) {
    if (!open_ || answering_) return;
    hub_.count([](CniMetrics& m) { ++m.refused; });
    answer({std::move(why), {}});
}

void Connection::answer(const Reply& reply) {
    if (!open_ || answering_) return;
    answering_ = true;
    hub_.loop.cancel(deadline_);
    reply_ = frame(encode_reply(reply));
    const std::weak_ptr<Connection> weak = weak_from_this();
    deadline_ = hub_.loop.after(hub_.options.receive_deadline, [weak] {
        if (const auto self = weak.lock()) self->close();
    });
    write();
}

void Connection::write() {
    while (written_ < reply_.size()) {
        const ssize_t sent =
            ::send(socket_.get(), reply_.data() + written_, reply_.size() - written_, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            hub_.loop.change(socket_.get(), EPOLLOUT);
            return;
        }
        if (sent <= 0) return close();
        written_ += static_cast<std::size_t>(sent);
    }
    close();
}

}  // namespace weft::cni
