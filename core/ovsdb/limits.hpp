#pragma once

#include "ovsdb/table.hpp"

#include <weft/base/json.hpp>
#include <weft/base/result.hpp>

#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

/// What a server's schema allows in a column beyond its type: enums, ranges, how many. A value that weft can write may
/// still be none that this server takes, as an older one knows fewer words.
namespace weft::ovsdb {

struct BaseLimits {
    std::vector<Scalar> allowed;  ///< empty: any
    std::optional<std::int64_t> min_integer, max_integer;
    std::optional<double> min_real, max_real;
    std::optional<std::int64_t> min_length, max_length;  ///< of a string, in characters

    /// Reads RFC 7047's <base-type>.
    static BaseLimits parse(const JsonView& base);
    bool none() const;
    /// The error says what is wrong with the value and what would do.
    Result<void> check(const Scalar& value) const;
    friend bool operator==(const BaseLimits&, const BaseLimits&) = default;
};

struct ColumnLimits {
    unsigned min = 1;
    unsigned max = 1;
    BaseLimits key;
    BaseLimits value;

    /// Reads RFC 7047's <type>.
    static ColumnLimits parse(const JsonView& type);
    /// Every value of the column's C++ type fits.
    bool none(const ColumnInfo& column) const;
    /// Does what this row declares for the column fit? The error names the column.
    Result<void> check(const ColumnInfo& column, const void* row) const;
    /// One member of a set, key of a map, or plain value.
    Result<void> check_member(const ColumnInfo& column, const Scalar& member) const;
    friend bool operator==(const ColumnLimits&, const ColumnLimits&) = default;
};

}  // namespace weft::ovsdb
