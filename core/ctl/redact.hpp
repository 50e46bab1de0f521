#pragma once

#include <weft/engine/row.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace weft::ctl {

/// The text without what must not leave the machine: private keys (PEM, also in base64 or inside of JSON), tokens,
/// passwords and what else stands behind a name that says so, user and password in URLs. In its place stands
/// "(removed)". Paths of files stay: where a key lies is no secret.
std::string redacted(std::string_view text);

/// The same in place: what has to go is overwritten, and nothing moves.
void redact_in_place(char* text, std::size_t size);

/// The same for a packed row, which stays one. One that is none is overwritten as a whole.
void redact_row(const RowType& type, char* bytes, std::size_t size);

}  // namespace weft::ctl
