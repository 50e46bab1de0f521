#include "cni/server/conf_file.hpp"

#include "appliers/netlink/netns.hpp"

#include <weft/base/json.hpp>

#include <cerrno>
#include <charconv>
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

std::string conf_version_for(std::string_view container_runtime) {
    constexpr std::string_view containerd = "containerd://";
    constexpr int first_with_status = 2;
    if (!container_runtime.starts_with(containerd)) return "1.0.0";
    auto version = container_runtime.substr(containerd.size());
    if (version.starts_with('v')) version.remove_prefix(1);
    int major = 0;
    std::from_chars(version.data(), version.data() + version.size(), major);
    return major >= first_with_status ? "1.1.0" : "1.0.0";
}

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

ConfFile::ConfFile(std::string folder) : folder_(std::move(folder)), path_(folder_ + "/" + file_name) {}

Result<bool> ConfFile::write(const std::string& text) const {
    std::error_code code;
    std::filesystem::create_directories(folder_, code);
    if (code) return kernel_error("cannot make " + folder_ + " for the CNI configuration", code.value());
    if (holds(path_, text)) return false;
    std::string temporary = folder_ + "/ovnkube-XXXXXX";
    const Fd fd(::mkostemp(temporary.data(), O_CLOEXEC));
    if (!fd) return kernel_error("cannot write the CNI configuration in " + folder_, errno);
    const bool written = ::write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
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
