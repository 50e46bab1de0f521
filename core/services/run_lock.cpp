#include "services/run_lock.hpp"

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <system_error>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

namespace weft::services {

namespace fs = std::filesystem;

namespace {

std::string reason() {
    return std::generic_category().message(errno);
}

long read_pid(const std::string& file) {
    std::ifstream in(file);
    long pid = 0;
    return in >> pid ? pid : 0;
}

}  // namespace

Result<RunLock> RunLock::take(const std::string& file) {
    std::error_code ignored;
    fs::create_directories(fs::path(file).parent_path(), ignored);
    const int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) return Error{ErrorKind::invalid, "can't make the lock file: " + reason(), file, "check [weft] run-dir"};
    if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
        const long pid = read_pid(file);
        ::close(fd);
        return Error{ErrorKind::conflict,
                     "another weftd runs here" + (pid > 0 ? " (process " + std::to_string(pid) + ")" : ""), file,
                     "stop it, or give this one its own --run-dir"};
    }
    const std::string text = std::to_string(::getpid()) + "\n";
    if (::ftruncate(fd, 0) != 0 || ::write(fd, text.data(), text.size()) < 0) {
        // The number is only for people.
    }
    return RunLock(fd);
}

RunLock::RunLock(RunLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

RunLock::~RunLock() {
    if (fd_ >= 0) ::close(fd_);
}

Result<PidFile> PidFile::write(const std::string& file) {
    const long old = read_pid(file);
    if (old > 0 && old != ::getpid() && fs::exists("/proc/" + std::to_string(old) + "/cmdline")) {
        return Error{ErrorKind::conflict, "process " + std::to_string(old) + " runs", file,
                     "stop it, or use another --pidfile"};
    }
    std::ofstream out(file, std::ios::trunc);
    out << ::getpid() << "\n";
    if (!out.flush())
        return Error{ErrorKind::invalid, "can't write the process id: " + reason(), file, "check --pidfile"};
    return PidFile(file);
}

PidFile::~PidFile() {
    if (!file_.empty() && read_pid(file_) == ::getpid()) ::unlink(file_.c_str());
}

}  // namespace weft::services
