#include "folder_watch.hpp"

#include "../child.hpp"

#include <array>
#include <cerrno>
#include <thread>

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

namespace weft::testing {

struct FolderWatch::Impl {
    Fd notify;
    Fd stop;
    std::function<void()> changed;
    std::thread thread;

    void run() const {
        for (;;) {
            std::array<pollfd, 2> polled{pollfd{notify.get(), POLLIN, 0}, pollfd{stop.get(), POLLIN, 0}};
            if (::poll(polled.data(), polled.size(), -1) < 0 && errno != EINTR) return;
            if (polled[1].revents != 0) return;
            if (polled[0].revents == 0) continue;
            std::array<char, 4096> events;
            if (::read(notify.get(), events.data(), events.size()) > 0) changed();
        }
    }
};

Result<std::unique_ptr<FolderWatch>> FolderWatch::start(const std::filesystem::path& folder,
                                                        std::function<void()> changed) {
    auto impl = std::make_unique<Impl>();
    impl->notify = Fd(::inotify_init1(IN_CLOEXEC));
    impl->stop = Fd(::eventfd(0, EFD_CLOEXEC));
    impl->changed = std::move(changed);
    constexpr std::uint32_t events = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE;
    if (::inotify_add_watch(impl->notify.get(), folder.c_str(), events) < 0) {
        return system_error("can't watch " + folder.string(), errno);
    }
    impl->thread = std::thread([raw = impl.get()] { raw->run(); });
    return std::unique_ptr<FolderWatch>(new FolderWatch(std::move(impl)));
}

FolderWatch::FolderWatch(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

FolderWatch::~FolderWatch() {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(impl_->stop.get(), &one, sizeof one);
    impl_->thread.join();
}

}  // namespace weft::testing
