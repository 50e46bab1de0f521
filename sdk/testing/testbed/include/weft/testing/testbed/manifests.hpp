#pragma once

#include <weft/base/result.hpp>
#include <weft/testing/testbed/kube_client.hpp>

#include <filesystem>
#include <string>
#include <vector>

namespace weft::testing {

/// One object of a manifest.
struct Manifest {
    std::string api_version;
    std::string kind;
    std::string object_namespace;  ///< "default" when a namespaced object names none
    std::string name;
    std::string json;

    /// Of the collection: "/api/v1/namespaces/web/pods".
    std::string collection() const;
    std::string path() const { return collection() + "/" + name; }
};

/// The objects of a YAML text with one or more documents.
Result<std::vector<Manifest>> parse_manifests(const std::string& yaml);
/// Those of a file, or of the *.yaml files of a folder in the order of their names.
Result<std::vector<Manifest>> read_manifests(const std::filesystem::path& path);
/// Creates it; merges it into the object that is there.
Result<void> apply(const KubeClient& api, const Manifest& manifest);

}  // namespace weft::testing
