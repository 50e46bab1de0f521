#include "cni/server/conf_file.hpp"

#include "appliers/netlink/netns.hpp"

#include <weft/base/json.hpp>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include <fcntl.h>
#include <sys/stat.h>

namespace weft::cni {

namespace {

using netlink::Fd;
using netlink::kernel_error;

constexpr const char* file_name = "10-ovn-kubernetes.conf";

bool holds(const std::string& path, const std::string& text) {
    const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) return false;
    std::string there(text.size() + 1, '\0');
    const ssize_t size = ::read(fd.get(), there.data(), there.size());
    return size == static_cast<ssize_t>(text.size()) && there.compare(0, text.size(), text) == 0;
}

}  // namespace

std::string ConfContent::text() const {
    JsonWriter w;
    w.object([&] {
        w.member("cniVersion", version);
        w.member("name", "ovn-kubernetes");
        w.member("type", type);
        w.key("ipam").object([] {});
        w.key("dns").object([] {});
        if (!log_file.empty()) w.member("logFile", log_file);
        w.member("logLevel", log_level);
        w.member("logfile-maxsize", log_max_size);
        w.member("logfile-maxbackups", log_max_backups);
        w.member("logfile-maxage", log_max_age);
        w.key("runtimeConfig").object([] {});
        w.member("weftSocket", socket);
    });
    return w.take();
}

ConfFile::ConfFile(std::string folder, std::string text)
    : folder_(std::move(folder)),
      path_(folder_ + "/" + file_name),
      text_(std::move(text)) {}

Result<bool> ConfFile::write() const {
    std::error_code code;
    std::filesystem::create_directories(folder_, code);
    if (code) return kernel_error("cannot make " + folder_ + " for the CNI configuration", code.value());
    if (holds(path_, text_)) return false;
    std::string temporary = folder_ + "/ovnkube-XXXXXX";
    const Fd fd(::mkostemp(temporary.data(), O_CLOEXEC));
    if (!fd) return kernel_error("cannot write the CNI configuration in " + folder_, errno);
    const bool written = ::write(fd.get(), text_.data(), text_.size()) == static_cast<ssize_t>(text_.size()) &&
                         ::fchmod(fd.get(), 0644) == 0 && ::fsync(fd.get()) == 0 &&
                         ::rename(temporary.c_str(), path_.c_str()) == 0;
    if (!written) {
        const int failed = errno;
        ::unlink(temporary.c_str());
        return kernel_error("cannot write " + path_, failed);
    }
    return true;
}

Result<bool> ConfFile::remove() const {
    if (::unlink(path_.c_str()) == 0) return true;
    if (errno == ENOENT || errno == ENOTDIR) return false;
    return kernel_error("cannot remove " + path_, errno);
}

}  // namespace weft::cni
