#include "child.hpp"

#include <weft/testing/testbed/process.hpp>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <sstream>

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

namespace weft::testing {

namespace {

using Steady = std::chrono::steady_clock;

struct Pipe {
    Fd reader;
    Fd writer;
};

Result<Pipe> make_pipe() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return system_error("can't make a pipe", errno);
    return Pipe{Fd(ends[0]), Fd(ends[1])};
}

/// The parent's side of a running command: feeds stdin and collects what comes out.
class Exchange {
  public:
    Exchange(Fd in, Fd out, Fd err, const std::string& input)
        : in_(std::move(in)),
          out_(std::move(out)),
          err_(std::move(err)),
          input_(input) {
        ::fcntl(in_.get(), F_SETFL, O_NONBLOCK);
        if (input_.empty()) in_.reset();
    }

    /// False at the deadline.
    bool go(Steady::time_point end, Output& output) {
        while (out_.valid() || err_.valid()) {
            const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Steady::now()).count();
            if (left <= 0) return false;
            std::array<pollfd, 3> polled{pollfd{out_.get(), POLLIN, 0}, pollfd{err_.get(), POLLIN, 0},
                                         pollfd{in_.get(), POLLOUT, 0}};
            if (::poll(polled.data(), polled.size(), static_cast<int>(left)) < 0 && errno != EINTR) return false;
            if (polled[0].revents != 0) take(out_, output.out);
            if (polled[1].revents != 0) take(err_, output.err);
            if (polled[2].revents != 0) give();
        }
        return true;
    }

  private:
    static void take(Fd& from, std::string& into) {
        std::array<char, 65536> buffer;
        const auto got = ::read(from.get(), buffer.data(), buffer.size());
        if (got > 0) into.append(buffer.data(), static_cast<std::size_t>(got));
        if (got == 0 || (got < 0 && errno != EINTR)) from.reset();
    }

    void give() {
        const auto written = ::write(in_.get(), input_.data() + given_, input_.size() - given_);
        if (written > 0) given_ += static_cast<std::size_t>(written);
        if (given_ == input_.size() || (written < 0 && errno != EAGAIN && errno != EINTR)) in_.reset();
    }

    Fd in_, out_, err_;
    const std::string& input_;
    std::size_t given_ = 0;
};

std::string joined(const Argv& argv) {
    std::string text;
    for (const auto& word : argv)
        text += (text.empty() ? "" : " ") + word;
    return text.size() > 300 ? text.substr(0, 300) + "…" : text;
}

/// A command that exits closes its pipes; one whose children keep them open is waited for all the same.
int reap(pid_t pid) {
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return status_of(status);
}

}  // namespace

Result<std::filesystem::path> find_program(std::string_view name) {
    if (name.find('/') != std::string_view::npos) {
        if (::access(std::string(name).c_str(), X_OK) == 0) return std::filesystem::path(name);
        return invalid("there is no program " + std::string(name));
    }
    const char* path = std::getenv("PATH");
    std::istringstream folders(std::string(path != nullptr ? path : "/usr/bin:/bin") + ":/usr/sbin:/sbin");
    for (std::string folder; std::getline(folders, folder, ':');) {
        const auto candidate = std::filesystem::path(folder) / name;
        if (::access(candidate.c_str(), X_OK) == 0) return candidate;
    }
    return invalid("there is no program " + std::string(name), "tests/setup.sh installs what is needed");
}

Result<Output> run(const Argv& argv, const RunOptions& options) {
    const auto image = ChildImage::make(argv, options.environment, options.netns);
    if (!image) return image.error();
    auto in = make_pipe();
    auto out = make_pipe();
    auto err = make_pipe();
    if (!in || !out || !err) return again("can't make pipes for " + argv.front());
    const auto pid =
        image->spawn(in->reader.get(), out->writer.get(), err->writer.get(), ChildImage::Bond::dies_with_us);
    if (!pid) return pid.error();
    in->reader.reset();
    out->writer.reset();
    err->writer.reset();
    Output output;
    Exchange exchange(std::move(in->writer), std::move(out->reader), std::move(err->reader), options.input);
    if (!exchange.go(Steady::now() + options.deadline, output)) {
        ::kill(-*pid, SIGKILL);
        reap(*pid);
        return again(joined(argv) + " was killed after " + std::to_string(options.deadline.count()) +
                     " ms: " + output.err);
    }
    output.status = reap(*pid);
    return output;
}

Result<std::string> run_ok(const Argv& argv, const RunOptions& options) {
    auto output = run(argv, options);
    if (!output) return output.error();
    if (output->status == 0) return std::move(output->out);
    const auto& said = output->err.empty() ? output->out : output->err;
    return invalid(joined(argv) + " exited with " + std::to_string(output->status) + ": " + said);
}

}  // namespace weft::testing
