#pragma once

#include "appliers/netlink/fd.hpp"

#include <weft/base/result.hpp>

#include <cstdint>
#include <functional>
#include <string>

/// The kernel's networking through rtnetlink, sysctl files and ethtool: a small library for the CNI server and the
/// netlink applier.
namespace weft::netlink {

/// The text of an errno value.
std::string errno_text(int code);
/// An Error that names what was asked, and why the kernel refused. Kind `again` for what may pass by itself.
Error kernel_error(std::string what, int code);

/// An open network namespace. Holding it keeps the namespace alive.
class NetNs {
  public:
    /// The namespace of the calling thread.
    static Result<NetNs> current();
    /// By file: /var/run/netns/NAME or /proc/PID/ns/net. Anything that is no network namespace is refused; a FIFO or a
    /// device is not waited for. A missing file is ErrorKind::waiting.
    static Result<NetNs> open(const std::string& path);

    int fd() const { return fd_.get(); }
    const std::string& path() const { return path_; }
    bool same_as(const NetNs& other) const { return device_ == other.device_ && inode_ == other.inode_; }

  private:
    Fd fd_;
    std::string path_;
    std::uint64_t device_ = 0;
    std::uint64_t inode_ = 0;
};

/// Runs `work` inside `ns` on a thread made for it, and waits. The caller's own namespace is never changed, whatever
/// `work` does; exceptions become a broken Error.
Result<void> inside(const NetNs& ns, const std::function<Result<void>()>& work);

}  // namespace weft::netlink
