#pragma once

#include "cni.hpp"
#include "pod_object.hpp"

#include <weft/base/ip.hpp>
#include <weft/base/result.hpp>

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace weft::testing {

/// What runs of a pod on this node, and the file that remembers it.
struct Sandbox {
    std::string pod_namespace;
    std::string pod_name;
    std::string pod_uid;
    std::string container_id;
    std::string netns;      ///< empty for hostNetwork pods
    bool complete = false;  ///< ADD succeeded
    std::vector<Ip> addresses;
    std::string cni_result;  ///< as printed by the plugin

    /// A new one, with names of its own.
    static Sandbox make(const PodObject& pod, const std::string& netns_prefix);
    static Result<Sandbox> load(const std::filesystem::path& file);
    static std::filesystem::path file_of(const std::filesystem::path& folder, const std::string& uid);
    /// Written whole or not at all.
    Result<void> save(const std::filesystem::path& folder) const;

    CniAttachment attachment() const;
    std::string title() const { return pod_namespace + "/" + pod_name; }
};

/// What processes of a pod carry in their environment.
std::pair<std::string, std::string> pod_mark(const std::filesystem::path& state_dir, const std::string& uid);

}  // namespace weft::testing
