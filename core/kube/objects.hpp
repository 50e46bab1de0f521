#pragma once

#include <weft/plugin/plugin.hpp>
#include <weft/tables/object.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// The objects that weft itself reads, narrowed to the rows of tables/kube.hpp, and how any resource is addressed.
namespace weft::kube {

/// The resources that core brings along: their tables are tables::Node, tables::Namespace and tables::Pod.
/// Rows keep the annotations under `more` prefixes too.
ResourceSpec node_resource(std::vector<std::string> more = {});
ResourceSpec namespace_resource(std::vector<std::string> more = {});
ResourceSpec pod_resource(std::vector<std::string> more = {});

/// What tables::read_metadata gives.
Result<tables::Metadata> metadata_of(JsonView object);

/// True for annotations that rows keep, whatever else they keep.
bool keeps_annotation(std::string_view name);

/// What every object has.
struct ObjectMeta {
    std::string_view name;
    std::string_view ns;
    std::string_view uid;
    std::string_view resource_version;
    bool has_annotations = false;

    /// "ns/name", or the name of a cluster-scoped object.
    std::string identity() const { return ns.empty() ? std::string(name) : std::string(ns) + "/" + std::string(name); }
};
/// Views into `object`; what is missing or of another type is empty.
ObjectMeta meta_of(JsonView object);

/// A resource version as a number, 0 when it is none. They grow with every change of the resource.
std::uint64_t version_number(std::string_view resource_version);

/// Annotations of metadata under the prefixes that rows keep, or an error that names the field.
Result<std::vector<std::pair<std::string, std::string>>> kept_annotations(JsonView metadata);

/// "/api/v1/pods", "/apis/k8s.ovn.org/v1/namespaces/web/egressfirewalls": the collection; all namespaces when `ns` is
/// empty.
std::string collection_path(const ResourceSpec& resource, std::string_view ns = {});
/// One object or its subresource ("status").
std::string object_path(const ResourceSpec& resource, std::string_view ns, std::string_view name,
                        std::string_view subresource = {});
/// For query values and path segments.
std::string percent_encode(std::string_view text);

}  // namespace weft::kube
