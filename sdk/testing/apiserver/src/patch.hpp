#pragma once

#include "json.hpp"
#include "status.hpp"

#include <string>
#include <string_view>

namespace weft::apiserver {

/// RFC 6902. Nothing is applied unless all of it can be; the error is 400 for a patch that is none, 422 otherwise.
/// As on the real server, a test against null holds when the member is absent.
Outcome<Json> json_patch(Json document, const Json& patch);

/// RFC 7386.
Json merge_patch(Json document, const Json& patch);

/// Kubernetes' strategic merge for built-in kinds: lists that are known to be maps in disguise are merged by their key.
/// Understands $patch (merge, replace, delete), $retainKeys, $deleteFromPrimitiveList and $setElementOrder.
Outcome<Json> strategic_merge_patch(Json document, const Json& patch, std::string_view kind);

/// The member that identifies the elements of a built-in list, "*" for a set of scalars, nothing for a list that is
/// replaced as a whole. `list` is the member that holds it: ("Pod", "conditions") gives "type".
std::string_view merge_key(std::string_view kind, std::string_view list);

}  // namespace weft::apiserver
