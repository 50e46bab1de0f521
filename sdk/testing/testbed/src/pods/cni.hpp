#pragma once

#include <weft/base/ip.hpp>
#include <weft/base/result.hpp>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace weft::testing {

/// A network configuration file as a container runtime reads it.
struct CniConfig {
    std::string text;    ///< as it goes to the plugin's stdin
    std::string plugin;  ///< name of the program

    /// The first *.conf of the folder, by name; nothing when there is none.
    static Result<std::optional<CniConfig>> load(const std::filesystem::path& folder);
};

/// Which sandbox a call is about.
struct CniAttachment {
    std::string container_id;
    std::filesystem::path netns;
    std::string pod_namespace;
    std::string pod_name;
    std::string pod_uid;
};

struct CniResult {
    std::vector<Ip> addresses;
    std::string text;  ///< compact JSON; DEL and CHECK get it as prevResult
};

/// Calls a plugin, as the specification says (ADD, DEL, CHECK).
class CniPlugin {
  public:
    static Result<CniPlugin> find(CniConfig config, const std::vector<std::filesystem::path>& folders);

    Result<CniResult> add(const CniAttachment& attachment) const;
    Result<void> check(const CniAttachment& attachment, const std::string& previous) const;
    Result<void> remove(const CniAttachment& attachment, const std::string& previous) const;

  private:
    Result<std::string> call(const char* command, const CniAttachment& attachment, const std::string& previous) const;

    CniConfig config_;
    std::filesystem::path program_;
};

}  // namespace weft::testing
