#pragma once

#include "services/admin_protocol.hpp"

#include <weft/base/clock.hpp>

#include <string>
#include <string_view>

namespace weft::services {

/// Makes one call to the weftd that listens at `socket`; the document's "result" is the answer. Errors say what to do
/// when nobody listens, the socket may not be used, or weftd does not answer within `limit`.
Result<JsonDocument> admin_call(const std::string& socket, std::string_view call, std::string_view args_json = {},
                                Duration limit = std::chrono::seconds(30));

}  // namespace weft::services
