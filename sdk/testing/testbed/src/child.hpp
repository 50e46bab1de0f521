#pragma once

#include <weft/base/result.hpp>
#include <weft/testing/testbed/process.hpp>

#include <array>
#include <string>
#include <utility>
#include <vector>

#include <sys/types.h>

namespace weft::testing {

/// A file descriptor that closes itself.
class Fd {
  public:
    Fd() = default;
    explicit Fd(int fd) : fd_(fd) {}
    Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Fd& operator=(Fd&& other) noexcept {
        if (this != &other) {
            reset();
            fd_ = std::exchange(other.fd_, -1);
        }
        return *this;
    }
    ~Fd() { reset(); }

    int get() const { return fd_; }
    bool valid() const { return fd_ >= 0; }
    void reset();

  private:
    int fd_ = -1;
};

/// The error number's text behind a description.
Error system_error(const std::string& what, int number);

/// Everything that a child needs between fork and exec, made before the fork because little may be done in between.
class ChildImage {
  public:
    static Result<ChildImage> make(const Argv& argv, const Environment& added, const std::string& netns);

    enum class Bond {
        dies_with_us,  ///< killed when the forking thread ends
        survives,      ///< a session of its own
    };
    /// Forks and execs with the given standard descriptors; gives the pid once the program really runs.
    Result<pid_t> spawn(int in, int out, int err, Bond bond) const;

  private:
    [[noreturn]] void become(const std::array<int, 3>& standard, Bond bond, pid_t parent, int report, char** arguments,
                             char** environment) const;

    std::string program_;
    Argv arguments_;
    std::vector<std::string> environment_;
    Fd netns_;
};

/// Exit code, or 128 + signal, of what waitpid reported.
int status_of(int wait_status);

}  // namespace weft::testing
