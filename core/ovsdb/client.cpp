#include "ovsdb/client.hpp"

#include "base/heap.hpp"
#include "ovsdb/session.hpp"

#include <weft/base/log.hpp>

#include <cerrno>
#include <stdexcept>
#include <variant>

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

namespace weft::ovsdb {

struct Client::Command {
    struct Monitors {
        MonitorRequest request;
    };
    struct Transact {
        std::uint64_t id;
        Transaction transaction;
    };
    struct Drop {
        std::string reason;
    };
    struct GiveBack {};
    struct Stop {};
    std::variant<Monitors, Transact, Drop, GiveBack, Stop> what;
};

namespace {

constexpr std::size_t read_size = std::size_t{64} << 10;
/// Bytes read before the loop looks at writing and at commands again.
constexpr std::size_t read_share = std::size_t{1} << 20;
constexpr std::size_t keep_to_write = std::size_t{16} << 10;

Duration thread_cpu() {
    timespec t{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return std::chrono::seconds(t.tv_sec) + std::chrono::nanoseconds(t.tv_nsec);
}

}  // namespace

/// What runs on the client's thread.
class Client::Loop {
  public:
    Loop(Client& client, ClientSettings settings, const Clock& clock)
        : client_(client),
          settings_(std::move(settings)),
          clock_(clock),
          reconnect_(reconnect_settings(settings_), clock.now()),
          framer_(settings_.message_limit),
          session_({settings_.database, settings_.leader_only, settings_.lock}, out_, events_) {}

    void run() {
        while (!stopped_) {
            step(clock_.now());
            flush();
            deliver();
            if (!stopped_) wait();
            take_commands();
        }
    }

  private:
    static ReconnectSettings reconnect_settings(const ClientSettings& settings) {
        ReconnectSettings made = settings.reconnect;
        made.free_attempts = std::max(made.free_attempts, static_cast<int>(settings.remotes.size()));
        return made;
    }

    const Remote& remote() const { return settings_.remotes[remote_ % settings_.remotes.size()]; }

    void step(TimePoint now) {
        switch (reconnect_.run(now)) {
            case Reconnect::Action::none: break;
            case Reconnect::Action::connect: connect(); break;
            case Reconnect::Action::probe: session_.probe(); break;
            case Reconnect::Action::disconnect: drop(reconnect_.reason()); break;
        }
        const Duration silence = settings_.reconnect.probe_interval;
        if (!out_.empty() && up_ && silence > Duration::zero() && now - progress_ > 2 * silence) {
            drop("the server takes no bytes");
        }
    }

    void connect() {
        auto opened = open_transport(remote(), settings_.tls);
        if (!opened) return drop(opened.error().text());
        transport_ = *std::move(opened);
        up_ = false;
        establish();
    }

    void establish() {
        auto done = transport_->establish();
        if (!done) return drop(done.error().text());
        if (!*done) return;
        up_ = true;
        progress_ = clock_.now();
        reconnect_.connected(progress_);
        session_.connected(remote().text());
        const std::lock_guard lock(client_.mutex_);
        ++client_.counters_.connects;
    }

    void drop(const std::string& reason) {
        if (reason != last_reason_) {
            log(session_.synced() ? LogLevel::warn : LogLevel::info, "ovsdb", "no connection",
                {{"database", std::string(settings_.database->name())},
                 {"remote", remote().text()},
                 {"reason", reason}});
        }
        last_reason_ = reason;
        transport_.reset();
        up_ = false;
        framer_.reset();
        out_.clear();
        written_ = 0;
        session_.disconnected(reason);
        reconnect_.failed(clock_.now());
        ++remote_;
    }

    void flush() {
        while (up_ && written_ < out_.size()) {
            const auto io = transport_->write(std::string_view(out_).substr(written_));
            if (io.state == Transport::Io::State::blocked) break;
            if (io.state == Transport::Io::State::closed) return drop(io.why.empty() ? "the server closed" : io.why);
            written_ += io.size;
            bytes_out_ += io.size;
            progress_ = clock_.now();
        }
        if (written_ == out_.size()) {
            out_.clear();
            written_ = 0;
            progress_ = clock_.now();
            if (out_.capacity() > keep_to_write) out_.shrink_to_fit();
        } else if (written_ > out_.size() / 2) {
            out_.erase(0, written_);
            written_ = 0;
        }
    }

    bool paused() const { return client_.inbox_bytes_.load() > client_.inbox_limit_; }

    void wait() {
        pollfd polled[2]{};
        polled[0] = {client_.wake_fd_, POLLIN, 0};
        nfds_t count = 1;
        bool ready = false;
        if (transport_) {
            short wanted = 0;
            client_.reading_paused_ = paused();
            if (up_ && client_.reading_paused_ && !paused()) client_.reading_paused_ = false;
            if (!client_.reading_paused_) wanted |= POLLIN;
            if (transport_->wants_write() || (up_ && !out_.empty())) wanted |= POLLOUT;
            polled[1] = {transport_->fd(), wanted, 0};
            if (wanted != 0) count = 2;
            ready = up_ && !client_.reading_paused_ && (more_ || transport_->has_buffered());
        }
        if (::poll(polled, count, ready ? 0 : timeout()) < 0 && errno != EINTR) throw std::runtime_error("poll failed");
        if (polled[0].revents) {
            std::uint64_t ignored = 0;
            [[maybe_unused]] const auto got = ::read(client_.wake_fd_, &ignored, sizeof(ignored));
        }
        if (!transport_) return;
        if (!up_) {
            if (polled[1].revents) establish();
        } else if (client_.reading_paused_) {
            // The owner is slow, not the server: its silence is ours.
            reconnect_.received(clock_.now());
        } else if (polled[1].revents || ready) {
            read();
        }
    }

    int timeout() const {
        auto due = reconnect_.deadline();
        const Duration silence = settings_.reconnect.probe_interval;
        if (!out_.empty() && up_ && silence > Duration::zero()) {
            const TimePoint stall = progress_ + 2 * silence;
            if (!due || stall < *due) due = stall;
        }
        if (!due) return -1;
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(*due - clock_.now()).count();
        return static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000));
    }

    void read() {
        std::size_t share = 0;
        more_ = false;
        while (up_ && share < read_share) {
            const auto io = transport_->read(framer_.room(read_size));
            if (io.state == Transport::Io::State::blocked) return;
            if (io.state == Transport::Io::State::closed) return drop(io.why.empty() ? "the server closed" : io.why);
            framer_.filled(io.size);
            share += io.size;
            reconnect_.received(clock_.now());
            if (!messages()) return;
        }
        more_ = up_;
    }

    /// Handles the messages that are whole; false when the connection was dropped for one of them.
    bool messages() {
        while (true) {
            auto message = framer_.next();
            if (!message) return drop(message.error().text()), false;
            if (message->empty()) return true;
            bytes_in_ += message->size();
            new_bytes_ += message->size();
            ++messages_in_;
            const bool was_synced = session_.synced();
            if (auto done = session_.message(*message); !done) return drop(done.error().text()), false;
            if (!was_synced && session_.synced()) {
                reconnect_.useful();
                last_reason_.clear();
            }
        }
    }

    void take_commands() {
        std::vector<Command> commands;
        {
            const std::lock_guard lock(client_.mutex_);
            commands.swap(client_.commands_);
        }
        for (auto& command : commands)
            std::visit([this](auto& what) { carry_out(what); }, command.what);
    }
    void carry_out(Command::Monitors& what) { session_.set_monitors(std::move(what.request)); }
    void carry_out(Command::Transact& what) { session_.transact(what.id, what.transaction); }
    void carry_out(Command::Drop& what) {
        if (transport_) drop(what.reason);
    }
    void carry_out(Command::GiveBack&) {
        framer_.give_back_memory();
        session_.give_back_memory();
        HeapKeeper::give_back();
    }
    void carry_out(Command::Stop&) { stopped_ = true; }

    void deliver() {
        {
            const std::lock_guard lock(client_.mutex_);
            client_.counters_.bytes_in = bytes_in_;
            client_.counters_.bytes_out = bytes_out_;
            client_.counters_.messages_in = messages_in_;
            client_.counters_.io_cpu = thread_cpu();
            client_.status_.synced = session_.synced();
            if (transport_) client_.status_.remote = remote().text();
            client_.status_.last_error = session_.synced() ? std::string() : last_reason_;
        }
        if (!events_.empty()) client_.deliver(events_, std::exchange(new_bytes_, 0));
    }

    Client& client_;
    ClientSettings settings_;
    const Clock& clock_;
    Reconnect reconnect_;
    Framer framer_;
    std::string out_;  ///< bytes to send
    std::size_t written_ = 0;
    std::vector<Event> events_;
    Session session_;
    std::unique_ptr<Transport> transport_;
    bool up_ = false;    ///< the transport is established
    bool more_ = false;  ///< reading stopped with bytes left
    bool stopped_ = false;
    std::size_t remote_ = 0;
    TimePoint progress_{};  ///< when bytes last went out, or nothing waited to
    std::string last_reason_;
    std::uint64_t bytes_in_ = 0;
    std::uint64_t bytes_out_ = 0;
    std::uint64_t messages_in_ = 0;
    std::size_t new_bytes_ = 0;
};

Client::Client(ClientSettings settings, std::function<void()> wake, const Clock& clock)
    : wake_(std::move(wake)),
      inbox_limit_(settings.inbox_limit) {
    if (!settings.database || settings.remotes.empty())
        throw std::logic_error("an OVSDB client needs a database and a remote");
    wake_fd_ = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (wake_fd_ < 0) throw std::runtime_error("no eventfd");
    loop_ = std::make_unique<Loop>(*this, std::move(settings), clock);
    thread_ = std::thread([this] {
        // Signals are the main thread's, and OpenSSL writes with write(): no SIGPIPE here.
        sigset_t all;
        ::sigfillset(&all);
        ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
        ::pthread_setname_np(::pthread_self(), "ovsdb");
        loop_->run();
    });
}

Client::~Client() {
    post({Command::Stop{}});
    thread_.join();
    ::close(wake_fd_);
}

void Client::post(Command command) {
    bool first = false;
    {
        const std::lock_guard lock(mutex_);
        first = commands_.empty();
        commands_.push_back(std::move(command));
    }
    const std::uint64_t one = 1;
    if (first) {
        [[maybe_unused]] const auto put = ::write(wake_fd_, &one, sizeof(one));
    }
}

void Client::set_monitors(MonitorRequest request) {
    post({Command::Monitors{std::move(request)}});
}

std::uint64_t Client::transact(Transaction transaction) {
    const std::uint64_t id = next_id_++;
    post({Command::Transact{id, std::move(transaction)}});
    return id;
}

void Client::give_back_memory() {
    post({Command::GiveBack{}});
}

void Client::reconnect(std::string reason) {
    post({Command::Drop{std::move(reason)}});
}

void Client::deliver(std::vector<Event>& events, std::size_t bytes) {
    bool first = false;
    {
        const std::lock_guard lock(mutex_);
        first = inbox_.empty();
        if (first) {
            inbox_.swap(events);
        } else {
            inbox_.insert(inbox_.end(), std::make_move_iterator(events.begin()), std::make_move_iterator(events.end()));
        }
        inbox_bytes_ += bytes;
    }
    events.clear();
    arrived_.notify_all();
    if (first && wake_) wake_();
}

std::vector<Event> Client::take() {
    std::vector<Event> events;
    {
        const std::lock_guard lock(mutex_);
        events.swap(inbox_);
        inbox_bytes_ = 0;
    }
    if (reading_paused_.load()) {
        const std::uint64_t one = 1;
        [[maybe_unused]] const auto put = ::write(wake_fd_, &one, sizeof(one));
    }
    return events;
}

bool Client::wait_for(Duration longest) {
    std::unique_lock lock(mutex_);
    return arrived_.wait_for(lock, longest, [this] { return !inbox_.empty(); });
}

Client::Status Client::status() const {
    const std::lock_guard lock(mutex_);
    return status_;
}

Client::Counters Client::counters() const {
    const std::lock_guard lock(mutex_);
    return counters_;
}

}  // namespace weft::ovsdb
