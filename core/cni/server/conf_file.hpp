#pragma once

#include <weft/base/result.hpp>

#include <string>

namespace weft::cni {

/// What the CNI configuration file says.
struct ConfContent {
    std::string version = "1.1.0";
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
    ConfFile(std::string folder, std::string text);
    const std::string& path() const { return path_; }
    /// Makes the folder if need be, and replaces the file in one step; true when it had to. Equal bytes are left alone.
    Result<bool> write() const;
    /// True when it was there.
    Result<bool> remove() const;

  private:
    std::string folder_;
    std::string path_;
    std::string text_;
};

}  // namespace weft::cni
