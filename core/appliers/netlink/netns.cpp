#include "appliers/netlink/netns.hpp"

#include <cerrno>
#include <system_error>
#include <thread>

#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

namespace weft::netlink {

std::string errno_text(int code) {
    return std::generic_category().message(code);
}

Error kernel_error(std::string what, int code) {
    const bool passing = code == EAGAIN || code == EINTR || code == ENOBUFS || code == ENOMEM || code == EBUSY;
    return {passing ? ErrorKind::again : ErrorKind::invalid, std::move(what) + ": " + errno_text(code), {}, {}};
}

Result<NetNs> NetNs::current() {
    return open("/proc/thread-self/ns/net");
}

Result<NetNs> NetNs::open(const std::string& path) {
    Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!fd) {
        const int code = errno;
        Error error = kernel_error("cannot open network namespace \"" + path + "\"", code);
        if (code == ENOENT || code == ENOTDIR) error.kind = ErrorKind::waiting;
        return error;
    }
    struct stat status {};
    if (::fstat(fd.get(), &status) != 0) return kernel_error("cannot stat network namespace \"" + path + "\"", errno);
    if (const int type = ::ioctl(fd.get(), NS_GET_NSTYPE); type != CLONE_NEWNET) {
        // A name whose bind mount is gone is an ordinary empty file: the namespace is as absent as the file could be.
        const bool left_over = type < 0 && S_ISREG(status.st_mode) && status.st_size == 0;
        Error error = invalid("\"" + path + "\" is no network namespace");
        if (left_over) error.kind = ErrorKind::waiting;
        return error;
    }
    NetNs ns;
    ns.fd_ = std::move(fd);
    ns.path_ = path;
    ns.device_ = status.st_dev;
    ns.inode_ = status.st_ino;
    return ns;
}

Result<void> inside(const NetNs& ns, const std::function<Result<void>()>& work) {
    Result<void> outcome;
    const auto body = [&] {
        try {
            if (::setns(ns.fd(), CLONE_NEWNET) != 0) {
                outcome = kernel_error("cannot enter network namespace \"" + ns.path() + "\"", errno);
                return;
            }
            outcome = work();
        } catch (const std::exception& e) {
            outcome = broken(std::string("work inside a network namespace threw: ") + e.what());
        }
    };
    try {
        std::thread(body).join();
    } catch (const std::system_error& e) {
        return again(std::string("cannot start a thread: ") + e.what());
    }
    return outcome;
}

}  // namespace weft::netlink
