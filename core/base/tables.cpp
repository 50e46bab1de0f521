#include <weft/plugin/plugin.hpp>
#include <weft/tables/kube.hpp>

#include <algorithm>

namespace weft {

// The key functions: vtables of SDK types live here, once.
Operator::~Operator() = default;
Adapter::~Adapter() = default;
Plugin::~Plugin() = default;
PluginHandle::~PluginHandle() = default;

namespace tables {

const std::string* find_annotation(const Annotations& annotations, std::string_view name) {
    const auto at = std::lower_bound(annotations.begin(), annotations.end(), name,
                                     [](const auto& entry, std::string_view n) { return entry.first < n; });
    return at != annotations.end() && at->first == name ? &at->second : nullptr;
}

}  // namespace tables
}  // namespace weft
