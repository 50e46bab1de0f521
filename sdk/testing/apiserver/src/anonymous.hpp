#pragma once

#include "http.hpp"
#include "status.hpp"

namespace weft::apiserver {

/// Who shows neither token nor certificate is system:anonymous, as with the real server. Is this open to them.
bool open_to_anybody(const RequestInfo& info);
/// What anybody is told about everything else.
ApiError forbidden_to_anonymous(std::string_view method, const RequestInfo& info);

}  // namespace weft::apiserver
