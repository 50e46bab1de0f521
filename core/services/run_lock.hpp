#pragma once

#include <weft/base/result.hpp>

#include <string>
#include <utility>

namespace weft::services {

/// Held as long as this weftd runs: two on one run directory would fight. The kernel drops it with the process.
class RunLock {
  public:
    /// Makes the folder when it is not there.
    static Result<RunLock> take(const std::string& file);
    RunLock(RunLock&& other) noexcept;
    RunLock& operator=(RunLock&&) = delete;
    ~RunLock();

  private:
    explicit RunLock(int fd) : fd_(fd) {}
    int fd_ = -1;
};

/// Writes this process's id to `file`; a live process that is named there is an error. Removed on destruction.
class PidFile {
  public:
    static Result<PidFile> write(const std::string& file);
    PidFile(PidFile&& other) noexcept : file_(std::exchange(other.file_, {})) {}
    PidFile& operator=(PidFile&&) = delete;
    ~PidFile();

  private:
    explicit PidFile(std::string file) : file_(std::move(file)) {}
    std::string file_;
};

}  // namespace weft::services
