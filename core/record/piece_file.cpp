#include "record/piece_file.hpp"

#include <cerrno>
#include <cstdio>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace weft::record {

namespace {

Error trouble(const std::string& what, const std::string& path) {
    const int code = errno;
    const bool full = code == ENOSPC || code == EDQUOT;
    return Error{
        full ? ErrorKind::again : ErrorKind::invalid, what + ": " + std::generic_category().message(code), path,
        full ? "make room and restart weftd" : "set [debug] record to a file that weftd can write, or to nothing"};
}

/// Nothing, or a file.
Result<bool> is_there(const std::string& path) {
    struct stat facts {};
    if (::lstat(path.c_str(), &facts) != 0) {
        if (errno == ENOENT) return false;
        return trouble("can't be used for a recording", path);
    }
    if (S_ISREG(facts.st_mode)) return true;
    return Error{ErrorKind::invalid, "is no ordinary file, so no recording is written there", path,
                 "set [debug] record to another file"};
}

}  // namespace

Result<void> PieceFile::keep_old(const std::string& path) {
    const auto there = is_there(path);
    if (!there) return there.error();
    if (auto old = is_there(path + ".1"); !old) return old.error();
    if (*there && ::rename(path.c_str(), (path + ".1").c_str()) != 0)
        return trouble("the older recording can't be kept", path);
    return {};
}

Result<std::unique_ptr<PieceFile>> PieceFile::make(const std::string& path) {
    const auto there = is_there(path);
    if (!there) return there.error();
    if (*there && ::unlink(path.c_str()) != 0) return trouble("can't be replaced", path);
    const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC | O_APPEND, 0600);
    if (fd < 0) return trouble("can't be made", path);
    return std::unique_ptr<PieceFile>(new PieceFile(path, fd));
}

PieceFile::~PieceFile() {
    ::close(fd_);
}

Result<void> PieceFile::write() {
    const std::string data = encoder_.take();
    for (std::size_t at = 0; at < data.size();) {
        const ssize_t written = ::write(fd_, data.data() + at, data.size() - at);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return trouble("can't be written", path_);  // a reader copes with a torn end
        at += static_cast<std::size_t>(written);
    }
    bytes_ += data.size();
    return {};
}

Result<void> PieceFile::rename(const std::string& path) {
    if (::rename(path_.c_str(), path.c_str()) != 0) return trouble("can't be renamed", path_);
    path_ = path;
    return {};
}

}  // namespace weft::record
