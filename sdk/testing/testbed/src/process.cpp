#include "child.hpp"

#include <weft/testing/testbed/process.hpp>
#include <weft/testing/testbed/wait.hpp>

#include <cerrno>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace weft::testing {

// One request at a time: starting a process takes a millisecond.
struct Launcher::Impl {
    std::mutex callers;  ///< held by whoever has a request in flight
    std::mutex mutex;
    std::condition_variable changed;
    std::function<void()> request;
    bool stopping = false;
    std::thread thread;

    void serve() {
        std::unique_lock lock(mutex);
        for (;;) {
            changed.wait(lock, [this] { return stopping || request; });
            if (stopping) return;
            request();
            request = nullptr;
            changed.notify_all();
        }
    }

    void call(std::function<void()> work) {
        const std::lock_guard one(callers);
        std::unique_lock lock(mutex);
        request = std::move(work);
        changed.notify_all();
        changed.wait(lock, [this] { return !request; });
    }
};

Launcher::Launcher() : impl_(std::make_unique<Impl>()) {
    impl_->thread = std::thread([impl = impl_.get()] { impl->serve(); });
}

Launcher::~Launcher() {
    {
        const std::lock_guard lock(impl_->mutex);
        impl_->stopping = true;
    }
    impl_->changed.notify_all();
    impl_->thread.join();
}

Result<pid_t> Launcher::launch(const ProcessSpec& spec) {
    const auto image = ChildImage::make(spec.argv, spec.environment, spec.netns);
    if (!image) return image.error();
    const Fd nothing(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    const std::filesystem::path log = spec.log.empty() ? "/dev/null" : spec.log;
    const Fd output(::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
    if (!output.valid()) return system_error("can't write " + log.string(), errno);
    const auto bond = spec.keep ? ChildImage::Bond::survives : ChildImage::Bond::dies_with_us;
    Result<pid_t> pid = broken("not started");
    impl_->call([&] { pid = image->spawn(nothing.get(), output.get(), output.get(), bond); });
    if (!pid) return std::move(pid).error().at(spec.name);
    return pid;
}

Result<Process> Process::start(Launcher& launcher, ProcessSpec spec) {
    auto pid = launcher.launch(spec);
    if (!pid) return pid.error();
    Process process;
    process.launcher_ = &launcher;
    process.spec_ = std::move(spec);
    process.pid_ = *pid;
    return process;
}

Process::~Process() {
    if (!spec_.keep) kill();
}

Process::Process(Process&& other) noexcept
    : launcher_(other.launcher_),
      spec_(std::move(other.spec_)),
      pid_(std::exchange(other.pid_, -1)),
      status_(std::exchange(other.status_, std::nullopt)) {}

Process& Process::operator=(Process&& other) noexcept {
    if (this != &other) {
        if (!spec_.keep) kill();
        launcher_ = other.launcher_;
        spec_ = std::move(other.spec_);
        pid_ = std::exchange(other.pid_, -1);
        status_ = std::exchange(other.status_, std::nullopt);
    }
    return *this;
}

bool Process::running() {
    return pid_ > 0 && !exit_status();
}

std::optional<int> Process::exit_status() {
    if (pid_ > 0 && !status_) {
        int status = 0;
        if (::waitpid(pid_, &status, WNOHANG) == pid_) status_ = status_of(status);
    }
    return status_;
}

Result<int> Process::wait(std::chrono::milliseconds deadline) {
    if (pid_ <= 0) return broken(spec_.name + " was never started");
    if (!wait_until([this] { return exit_status().has_value(); }, deadline)) return again(spec_.name + " still runs");
    return *status_;
}

void Process::signal(int number) const {
    if (pid_ > 0 && !status_) ::kill(-pid_, number);
}

void Process::kill() {
    if (!running()) return;
    signal(SIGKILL);
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    status_ = status_of(status);
}

Result<void> Process::stop(std::chrono::milliseconds deadline) {
    if (!running()) return {};
    signal(SIGTERM);
    if (wait(deadline)) return {};
    kill();
    return again(spec_.name + " did not end when told to and was killed");
}

Result<void> Process::restart() {
    if (launcher_ == nullptr) return broken("a process that was never started can't be restarted");
    kill();
    auto pid = launcher_->launch(spec_);
    if (!pid) return pid.error();
    pid_ = *pid;
    status_.reset();
    return {};
}

}  // namespace weft::testing
