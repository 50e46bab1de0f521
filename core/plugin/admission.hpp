#pragma once

#include <weft/base/result.hpp>

#include <map>
#include <optional>
#include <string>
#include <vector>

/// Decides from the bytes of a plugin file whether it may be loaded. Nothing of the file runs before it has passed.
namespace weft::plugin {

/// An open file descriptor, closed on destruction.
class File {
  public:
    File() = default;
    explicit File(int fd) : fd_(fd) {}
    File(File&& other) noexcept;
    File& operator=(File&& other) noexcept;
    ~File();
    int fd() const { return fd_; }
    /// Leaves the descriptor open until the process ends.
    void keep_open() { fd_ = -1; }

  private:
    int fd_ = -1;
};

/// A plugin file that has been admitted. The descriptor is the one that was checked and is the one to be opened, so
/// that the file can't be exchanged in between.
struct Candidate {
    std::string name;
    std::string version;
    std::vector<std::string> needs;
    std::vector<std::string> switches;  ///< "always", or upstream switches that enable it
    std::string gates;                  ///< "pods", or nothing
    std::string path;
    std::string sha256;
    File file;
};

struct AdmissionPolicy {
    std::string fingerprint;                  ///< of this weft
    std::map<std::string, std::string> pins;  ///< plugin → sha256 in hex; others may have any
    std::optional<unsigned> owner;            ///< uid that must own the file; none: root or the own user
};

/// This build's fingerprint.
std::string own_fingerprint();

/// Checks one file: owner and mode, ELF properties, manifest, fingerprint, exports, pin. The error names the file, what
/// was expected, what was found and what to do.
Result<Candidate> admit(const std::string& path, const AdmissionPolicy& policy);

/// Every *.so in `folder`, admitted or not, by plugin file name. A folder that others can write is refused whole.
struct Found {
    std::string stem;  ///< file name without .so
    Result<Candidate> candidate;
};
Result<std::vector<Found>> admit_folder(const std::string& folder, const AdmissionPolicy& policy);

/// Orders `names` so that each comes after what it needs. All failures are listed in one error: unknown needs, cycles.
Result<std::vector<std::string>> load_order(const std::map<std::string, std::vector<std::string>>& needs);

}  // namespace weft::plugin
