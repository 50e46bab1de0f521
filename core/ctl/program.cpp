#include "ctl/program.hpp"

#include <array>
#include <cerrno>
#include <system_error>

#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

namespace weft::ctl {

namespace {

/// Takes what a program says, however much, without a pipe that could fill up.
class MemoryFile {
  public:
    explicit MemoryFile(const char* name) : fd_(::memfd_create(name, MFD_CLOEXEC)) {}
    ~MemoryFile() {
        if (fd_ >= 0) ::close(fd_);
    }
    MemoryFile(const MemoryFile&) = delete;
    MemoryFile& operator=(const MemoryFile&) = delete;

    int fd() const { return fd_; }
    bool write(std::string_view text) const {
        while (!text.empty()) {
            const auto size = ::write(fd_, text.data(), text.size());
            if (size <= 0) return false;
            text.remove_prefix(static_cast<std::size_t>(size));
        }
        return ::lseek(fd_, 0, SEEK_SET) == 0;
    }
    std::string read() const {
        std::string text;
        std::array<char, 65536> buffer{};
        ::lseek(fd_, 0, SEEK_SET);
        for (auto size = ::read(fd_, buffer.data(), buffer.size()); size > 0;
             size = ::read(fd_, buffer.data(), buffer.size()))
            text.append(buffer.data(), static_cast<std::size_t>(size));
        return text;
    }

  private:
    int fd_;
};

}  // namespace

Result<std::optional<ProgramOutput>> run_program(std::vector<std::string> argv, std::string_view input) {
    const MemoryFile in("weft-in"), out("weft-out"), errors("weft-errors");
    if (in.fd() < 0 || out.fd() < 0 || errors.fd() < 0 || !in.write(input))
        return again("no memory for what " + argv[0] + " says: " + std::generic_category().message(errno));
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, in.fd(), STDIN_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions, out.fd(), STDOUT_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions, errors.fd(), STDERR_FILENO);
    std::vector<char*> words;
    words.reserve(argv.size() + 1);
    for (auto& word : argv)
        words.push_back(word.data());
    words.push_back(nullptr);
    pid_t pid = 0;
    const int failed = ::posix_spawnp(&pid, words[0], &actions, nullptr, words.data(), environ);
    ::posix_spawn_file_actions_destroy(&actions);
    if (failed == ENOENT) return std::optional<ProgramOutput>();
    if (failed != 0) return again("can't run " + argv[0] + ": " + std::generic_category().message(failed));
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return std::optional(ProgramOutput{code, out.read(), errors.read()});
}

}  // namespace weft::ctl
