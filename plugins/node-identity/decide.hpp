#pragma once

#include "conditions.hpp"
#include "request.hpp"

#include <weft/engine/rule.hpp>
#include <weft/tables/object_status.hpp>
#include <weft/tables/settings.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace weft::node_identity {

/// What becomes of a request.
struct Verdict {
    enum class Kind : std::uint8_t { ignored, approved, denied } kind = Kind::ignored;
    std::string why;  ///< for people
};

Verdict judge(const SigningRequest& request, const std::vector<Condition>& conditions);

/// Approves or denies each request that is ours to decide. What was decided stays, whatever becomes of this plugin.
struct DecideRequest {
    using Driver = SigningRequest;
    using Reads = Tables<tables::PluginSetting>;
    using Writes = Tables<tables::ObjectStatus>;

    static void derive(const Driver& request, const Reader<Reads>& in, Desired<Writes>& out);
};

}  // namespace weft::node_identity
