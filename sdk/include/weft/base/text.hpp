#pragma once

#include <weft/base/api.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace weft {

/// The beginning of a UTF-8 text, at most `limit` bytes long, that cuts no character in two: what is shown of long
/// texts must stay text, since JSON readers refuse anything else.
inline std::string_view beginning(std::string_view text, std::size_t limit) {
    if (text.size() <= limit) return text;
    while (limit > 0 && (static_cast<unsigned char>(text[limit]) & 0xc0U) == 0x80U)
        --limit;
    return text.substr(0, limit);
}

/// `text` with every byte that is not valid UTF-8 replaced by U+FFFD.
WEFT_API std::string repair_utf8(std::string_view text);

}  // namespace weft
