#pragma once

#include <weft/base/result.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace weft::node_identity {

/// Whose requests for which names are approved.
struct Condition {
    std::string common_name_prefix;          ///< before the last ':' of the name
    std::vector<std::string> organizations;  ///< exactly these
    std::vector<std::string> groups;         ///< of which who asks must be; of no other
    std::vector<std::string> user_prefixes;  ///< before the last ':' of who asks

    bool operator==(const Condition&) const = default;
};

/// The node's own weftd: first asked for by the kubelet, then by itself.
Condition own_condition();

/// The conditions in OVN-Kubernetes' format: a JSON list of {commonNamePrefix, organizations, groups, userPrefixes}.
/// Nothing for an empty text.
Result<std::vector<Condition>> parse_conditions(std::string_view text);

}  // namespace weft::node_identity
