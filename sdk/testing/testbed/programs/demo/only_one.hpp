#pragma once

#include <weft/base/result.hpp>

#include <chrono>
#include <optional>
#include <string>

#include <sys/types.h>

namespace weft::demo {

/// Held by the one process that brings up or removes the demo of a prefix. It is a unix socket in the kernel's own
/// name space, so that the holder's end, however it comes, leaves nothing behind.
class OnlyOne {
  public:
    /// Nothing when another process holds it.
    static Result<std::optional<OnlyOne>> take(const std::string& prefix);
    /// Takes it from the process that holds it: that one gets SIGTERM, and SIGKILL when it doesn't end in time.
    static Result<OnlyOne> take_over(const std::string& prefix, std::chrono::milliseconds deadline);
    /// The process that holds it.
    static std::optional<pid_t> holder(const std::string& prefix);

    ~OnlyOne();
    OnlyOne(OnlyOne&& other) noexcept;
    OnlyOne& operator=(OnlyOne&& other) noexcept;

  private:
    explicit OnlyOne(int fd) : fd_(fd) {}
    int fd_;
};

}  // namespace weft::demo
