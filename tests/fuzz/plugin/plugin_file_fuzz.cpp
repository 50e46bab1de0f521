#include "plugin/admission.hpp"
#include "plugin/elf.hpp"

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/// A plugin file of anybody: read as ELF, and judged as the loader does. The seeds are small shared objects with a
/// manifest for the fingerprint "fuzz" (good: admitted but for what is missing to be a program), one damaged.
namespace {

using namespace weft;

/// One file, overwritten for every input: admission takes paths.
class Scratch {
  public:
    Scratch() : path_("/dev/shm/weft-fuzz-plugin-" + std::to_string(::getpid()) + ".so") {
        fd_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        if (fd_ < 0) std::abort();
    }
    ~Scratch() {
        ::close(fd_);
        ::unlink(path_.c_str());
    }
    const std::string& write(std::string_view bytes) const {
        if (::ftruncate(fd_, 0) != 0) std::abort();
        if (::pwrite(fd_, bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) std::abort();
        return path_;
    }

  private:
    std::string path_;
    int fd_ = -1;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const Scratch scratch;
    static const plugin::AdmissionPolicy policy{.fingerprint = "fuzz", .pins = {{"pinned", "00"}}, .owner = {}};
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    const auto facts = plugin::read_elf(bytes);
    const auto candidate = plugin::admit(scratch.write(bytes), policy);
    if (!candidate) {
        if (candidate.error().what.empty() || candidate.error().where.empty()) std::abort();
        return 0;
    }
    // What is admitted has been read, and is what a plugin has to be.
    if (!facts || facts->has_search_path || facts->has_text_relocations || facts->has_static_tls) std::abort();
    if (facts->exports.size() < 3 || candidate->name.empty() || candidate->sha256.size() != 64) std::abort();
    return 0;
}
