#pragma once

#include <weft/base/result.hpp>

#include <string>
#include <string_view>

namespace weft::cni {

/// The newest version of a CNI configuration that a container runtime is known to take, by what its Node says of it
/// ("containerd://1.6.20"): 1.1.0 from containerd 2 on, which asks for STATUS; 1.0.0 otherwise, and when nothing is
/// said.
std::string conf_version_for(std::string_view container_runtime);

/// What the CNI configuration file says.
struct ConfContent {
    std::string version;                       ///< empty: as the container runtime takes it
    std::string type = "ovn-k8s-cni-overlay";  ///< name of the installed shim
    std::string socket;
    std::string log_file;  ///< left out when empty
    std::string log_level = "4";
    int log_max_size = 100;
    int log_max_backups = 5;
    int log_max_age = 5;

    std::string text() const;
};

/// The file that tells the container runtime, and through it the cluster, that this node can serve pods.
class ConfFile {
  public:
    explicit ConfFile(std::string folder);
    const std::string& path() const { return path_; }
    /// Makes the folder if need be, and replaces the file in one step; true when it had to. Equal bytes are left alone.
    Result<bool> write(const std::string& text) const;
    /// True when it was there.
    Result<bool> remove() const;

  private:
    std::string folder_;
    std::string path_;
};

}  // namespace weft::cni
