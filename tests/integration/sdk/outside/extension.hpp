#pragma once

#include <weft/engine/table.hpp>

/// What pod-groups publishes for other plugins.
namespace pod_groups {

/// A pod that no group takes in: anybody may put such rows.
struct QuietPod {
    static constexpr std::string_view table_name = "pod-groups/QuietPod";
    static constexpr weft::Merge merge = weft::Merge::set_union;

    weft::Key<QuietPod> key;  ///< namespace/name

    static constexpr auto fields() { return std::tuple{weft::field("key", &QuietPod::key)}; }
};

}  // namespace pod_groups
