#pragma once

#include "kube/transport.hpp"

#include <weft/tables/kube.hpp>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

/// The requests that the applier sends: what is asked, guarded against what it did not see.
namespace weft::appliers {

/// An object as far as patches need it.
struct Snapshot {
    std::string uid;
    std::uint64_t version = 0;        ///< 0: not known
    bool annotated = false;           ///< has metadata.annotations at all
    bool all_annotations = false;     ///< not just those that rows keep
    tables::Annotations annotations;  ///< sorted
    std::optional<bool> network_unavailable;
};

struct AnnotationChange {
    std::string name;
    std::optional<std::string> before;
    std::optional<std::string> after;
    bool shared = false;  ///< others write sub-keys of it
};

struct ConditionChange {
    std::string type;
    RowPtr after;             ///< a tables::NodeCondition; empty: it should go
    bool transition = false;  ///< the status itself changes
};

/// Ask for no more than metadata back: the rest of an object costs the server and us more than the patch.
inline constexpr std::string_view metadata_only =
    "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json";

/// A JSON patch of pods/status: `test` of the uid, and of each old value, or of the resource version for new ones.
kube::Request pod_patch(std::string_view ns, std::string_view name, const Snapshot& seen,
                        std::span<const AnnotationChange> changes);
/// A strategic merge patch of nodes/status, tied to the uid; and to the resource version when a shared annotation
/// changes.
kube::Request node_patch(std::string_view name, const Snapshot& seen, std::span<const AnnotationChange> annotations,
                         std::span<const ConditionChange> conditions, WallTime now);
/// A look at one object: metadata only, or all of it for its conditions.
kube::Request look(std::string_view kind, std::string_view ns, std::string_view name, bool whole);

}  // namespace weft::appliers
