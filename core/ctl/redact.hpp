#pragma once

#include <string>
#include <string_view>

namespace weft::ctl {

/// The text without what must not leave the machine: private keys (PEM, also in base64 or inside of JSON), tokens,
/// passwords and what else stands behind a name that says so, user and password in URLs. In its place stands
/// "(removed)". Paths of files stay: where a key lies is no secret.
std::string redacted(std::string_view text);

}  // namespace weft::ctl
