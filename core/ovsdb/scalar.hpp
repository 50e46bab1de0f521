#pragma once

#include <weft/base/json.hpp>
#include <weft/base/uuid.hpp>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace weft::ovsdb {

/// OVSDB's atomic types.
enum class Atom : std::uint8_t { none, integer, real, boolean, string, uuid };

std::string_view to_string(Atom atom);

/// One OVSDB atom, type erased. References are their UUID.
using Scalar = std::variant<std::int64_t, double, bool, std::string, Uuid>;

std::string text_of(const Scalar& value);
/// As an OVSDB <atom>: a UUID becomes ["uuid","..."].
void write_scalar(JsonWriter& w, const Scalar& value);
void write_uuid(JsonWriter& w, const Uuid& uuid);

/// Turns the keys in references that rules wrote into the UUIDs that a database wants. The applier implements it: it
/// knows which key is which row, and chooses UUIDs for rows that aren't there yet.
class RefResolver {
  public:
    virtual ~RefResolver();
    /// The row of `table` (an OVSDB table name) under `key`; the zero UUID when there is none.
    virtual Uuid uuid_of(std::string_view table, std::string_view key) const = 0;
};

}  // namespace weft::ovsdb
