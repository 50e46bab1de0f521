#include "container_leftovers.hpp"

#include <fstream>
#include <string>
#include <vector>

#include <sys/mount.h>
#include <unistd.h>

namespace weft::testing {

namespace fs = std::filesystem;

namespace {

/// A shim's socket is in a folder that all containerds share; the container's folder says which.
void remove_shim_socket(const fs::path& bundle) {
    std::string address;
    std::ifstream(bundle / "address") >> address;
    const std::string scheme = "unix://";
    if (address.starts_with(scheme + "/run/containerd/s/")) ::unlink(address.c_str() + scheme.size());
}

/// Named after the container; one in each hierarchy. The folder around them goes with the last, whose-ever that is.
void remove_control_groups(const std::string& container) {
    std::error_code ignored;
    const auto remove = [&](const fs::path& hierarchy) {
        ::rmdir((hierarchy / "k8s.io" / container).c_str());
        ::rmdir((hierarchy / "k8s.io").c_str());
    };
    remove("/sys/fs/cgroup");
    for (const auto& hierarchy : fs::directory_iterator("/sys/fs/cgroup", ignored))
        remove(hierarchy.path());
}

void remove_log_links(const fs::path& dir) {
    std::error_code ignored;
    for (const auto& link : fs::directory_iterator("/var/log/containers", ignored)) {
        const auto target = fs::read_symlink(link.path(), ignored).string();
        if (target.starts_with(dir.string() + "/")) ::unlink(link.path().c_str());
    }
}

}  // namespace

void unmount_below(const fs::path& dir) {
    std::vector<std::string> points;
    std::ifstream mounts("/proc/self/mounts");
    for (std::string device, point, rest; mounts >> device >> point && std::getline(mounts, rest);) {
        if (point.starts_with(dir.string() + "/")) points.push_back(point);
    }
    for (auto point = points.rbegin(); point != points.rend(); ++point)
        ::umount2(point->c_str(), MNT_DETACH);
}

void remove_container_leftovers(const fs::path& dir) {
    std::error_code ignored;
    const auto tasks = dir / "state" / "io.containerd.runtime.v2.task" / "k8s.io";
    for (const auto& bundle : fs::directory_iterator(tasks, ignored)) {
        remove_shim_socket(bundle.path());
        remove_control_groups(bundle.path().filename().string());
    }
    remove_log_links(dir);
}

}  // namespace weft::testing
