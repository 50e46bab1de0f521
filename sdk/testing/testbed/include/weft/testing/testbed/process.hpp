#pragma once

#include <weft/base/result.hpp>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sys/types.h>

namespace weft::testing {

using Argv = std::vector<std::string>;
using Environment = std::vector<std::pair<std::string, std::string>>;

/// Full path of a program: as given when it holds a '/', else looked up in PATH and the sbin folders.
Result<std::filesystem::path> find_program(std::string_view name);

/// How a short command runs.
struct RunOptions {
    std::string netns;        ///< name of a network namespace; empty: the caller's
    Environment environment;  ///< added to the caller's environment
    std::string input;        ///< what it reads on stdin
    std::chrono::milliseconds deadline = std::chrono::seconds(60);
};

struct Output {
    int status = 0;  ///< exit code; 128 + signal when a signal ended it
    std::string out;
    std::string err;
};

/// Runs a program to its end. An error only when it could not be started or was killed at the deadline.
Result<Output> run(const Argv& argv, const RunOptions& options = {});
/// The same for commands that must succeed: another exit code than 0 is an error with what was written to stderr.
/// Gives what was written to stdout.
Result<std::string> run_ok(const Argv& argv, const RunOptions& options = {});

/// What a long-lived process is.
struct ProcessSpec {
    std::string name;  ///< for messages
    Argv argv;
    std::string netns;          ///< name of a network namespace; empty: the caller's
    Environment environment;    ///< added to the caller's environment
    std::filesystem::path log;  ///< stdout and stderr are appended to it
    bool keep = false;          ///< outlives us: neither the destructor nor our death ends it
};

/// Starts processes from one thread of its own. A child asks the kernel to be killed with its parent *thread*
/// (PR_SET_PDEATHSIG), so that thread must live as long as the children, whoever asked for them.
class Launcher {
  public:
    Launcher();
    ~Launcher();
    Launcher(const Launcher&) = delete;
    Launcher& operator=(const Launcher&) = delete;

    Result<pid_t> launch(const ProcessSpec& spec);

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

/// A running program in a process group of its own, so that signals reach its children too. Movable; the destructor
/// kills and reaps it. Not for use by several threads at once. The launcher must outlive it.
class Process {
  public:
    static Result<Process> start(Launcher& launcher, ProcessSpec spec);
    Process() = default;
    ~Process();
    Process(Process&&) noexcept;
    Process& operator=(Process&&) noexcept;

    pid_t pid() const { return pid_; }
    const ProcessSpec& spec() const { return spec_; }
    bool running();
    /// How it ended (as Output::status); nothing while it runs or when it was never started.
    std::optional<int> exit_status();
    /// Waits for its end.
    Result<int> wait(std::chrono::milliseconds deadline);

    void signal(int number) const;
    /// kill -9, and reaped when this returns.
    void kill();
    /// SIGTERM; kill -9 when that isn't obeyed in time, which is an error.
    Result<void> stop(std::chrono::milliseconds deadline = std::chrono::seconds(20));
    /// The same program again, killed first when it still runs.
    Result<void> restart();
    /// Stops getting CPU, and goes on.
    void pause() const { signal(SIGSTOP); }
    void resume() const { signal(SIGCONT); }

  private:
    Launcher* launcher_ = nullptr;
    ProcessSpec spec_;
    pid_t pid_ = -1;
    std::optional<int> status_;
};

}  // namespace weft::testing
