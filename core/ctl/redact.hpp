#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace weft::ctl {

/// The text without what must not leave the machine: private keys (PEM, also in base64 or inside of JSON), tokens,
/// passwords and what else stands behind a name that says so, user and password in URLs. In its place stands
/// "(removed)". Paths of files stay: where a key lies is no secret.
std::string redacted(std::string_view text);

/// The same for bytes in which texts stand among other things, as in a packed row: what has to go is overwritten, and
/// nothing moves.
void redact_in_place(char* bytes, std::size_t size);

/// Does this name something that must not leave the machine, such as "password"?
bool names_secret(std::string_view name);

}  // namespace weft::ctl
