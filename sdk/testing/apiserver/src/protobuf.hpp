#pragma once

#include "json.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace weft::apiserver {

inline constexpr std::string_view protobuf_type = "application/vnd.kubernetes.protobuf";

/// The object in a Kubernetes protobuf body. Just for the kinds that kubectl (from 1.32 on) creates in this form:
/// Namespace, ConfigMap, Secret, ServiceAccount, Service, Deployment, and DeleteOptions; `why` names any other.
std::optional<Json> parse_protobuf(std::string_view bytes, std::string& why);

}  // namespace weft::apiserver
