#include "child.hpp"

#include <weft/testing/testbed/namespace.hpp>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <map>

#include <fcntl.h>
#include <linux/close_range.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace weft::testing {

namespace {

std::vector<std::string> merged_environment(const Environment& added) {
    std::map<std::string, std::string> all;
    for (char** entry = environ; *entry != nullptr; ++entry) {
        const std::string text = *entry;
        const auto equals = text.find('=');
        if (equals != std::string::npos) all[text.substr(0, equals)] = text.substr(equals + 1);
    }
    // This machine's way out is none to the servers of a test.
    for (const char* proxy : {"HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"})
        all.erase(proxy);
    for (const auto& [name, value] : added)
        all[name] = value;
    std::vector<std::string> lines;
    lines.reserve(all.size());
    for (const auto& [name, value] : all)
        lines.push_back(std::string(name).append("=").append(value));
    return lines;
}

std::vector<char*> pointers(const std::vector<std::string>& strings) {
    std::vector<char*> result;
    result.reserve(strings.size() + 1);
    for (const auto& text : strings)
        result.push_back(const_cast<char*>(text.c_str()));
    result.push_back(nullptr);
    return result;
}

void default_signals() {
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    for (int number = 1; number < NSIG; ++number)
        ::signal(number, SIG_DFL);
}

}  // namespace

void Fd::reset() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
}

Error system_error(const std::string& what, int number) {
    return again(what + ": " + std::strerror(number));
}

int status_of(int wait_status) {
    return WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 128 + WTERMSIG(wait_status);
}

Result<ChildImage> ChildImage::make(const Argv& argv, const Environment& added, const std::string& netns) {
    if (argv.empty()) return broken("a process needs a program to run");
    auto program = find_program(argv.front());
    if (!program) return program.error();
    ChildImage image;
    image.program_ = program->string();
    image.arguments_ = argv;
    image.environment_ = merged_environment(added);
    if (!netns.empty()) {
        const auto path = NetworkNamespace::path_of(netns);
        image.netns_ = Fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
        if (!image.netns_.valid()) return system_error("can't open network namespace " + path.string(), errno);
    }
    return image;
}

Result<pid_t> ChildImage::spawn(int in, int out, int err, Bond bond) const {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return system_error("can't make a pipe", errno);
    Fd reader(ends[0]);
    Fd writer(ends[1]);
    auto arguments = pointers(arguments_);
    auto environment = pointers(environment_);
    const pid_t parent = ::getpid();
    const pid_t pid = ::fork();
    if (pid < 0) return system_error("can't fork", errno);
    if (pid == 0) become({in, out, err}, bond, parent, writer.get(), arguments.data(), environment.data());
    writer.reset();
    // Exec closes the pipe; only a child that failed before that writes its error number.
    int number = 0;
    ssize_t got = 0;
    do
        got = ::read(reader.get(), &number, sizeof number);
    while (got < 0 && errno == EINTR);
    if (got == 0) return pid;
    int status = 0;
    ::waitpid(pid, &status, 0);
    return system_error("can't run " + program_, number);
}

// After fork in a program with threads: only system calls from here on, no allocation.
void ChildImage::become(const std::array<int, 3>& standard, Bond bond, pid_t parent, int report, char** arguments,
                        char** environment) const {
    const auto fail = [report](int number) {
        [[maybe_unused]] const auto written = ::write(report, &number, sizeof number);
        ::_exit(127);
    };
    if (bond == Bond::survives) {
        if (::setsid() < 0) fail(errno);
    } else {
        if (::setpgid(0, 0) != 0 || ::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) fail(errno);
        if (::getppid() != parent) ::_exit(127);
    }
    if (netns_.valid() && ::setns(netns_.get(), CLONE_NEWNET) != 0) fail(errno);
    for (int number = 0; number < 3; ++number) {
        if (::dup2(standard[static_cast<std::size_t>(number)], number) < 0) fail(errno);
    }
    default_signals();
    ::syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC);
    ::execve(program_.c_str(), arguments, environment);
    fail(errno);
    ::_exit(127);
}

}  // namespace weft::testing
