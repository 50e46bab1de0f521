#pragma once

#include <weft/testing/testbed/ovn_node.hpp>

#include <map>
#include <string>

namespace weft::testing {

/// Rows of a node's databases that weft writes, by table and UUID: what weft itself put there, as text. Columns that
/// OVN writes, and those that name other rows, are left out.
using Rows = std::map<std::string, std::string>;

Result<Rows> rows_of(const OvnNode& node);
/// Has the row this name in it? An empty one is in none.
bool names(const std::string& row, const std::string& object);

struct RowChanges {
    std::size_t changed = 0;  ///< of before, gone or different now
    std::size_t stale = 0;    ///< of now, not there before and not wanted since
    std::string text;         ///< which
};

/// Compares. Between the two the object `left` went and `came` came: rows that have such a name in them are expected to
/// go and come with it, and are stale when they stay.
RowChanges compare(const Rows& before, const Rows& now, const std::string& left, const std::string& came);

}  // namespace weft::testing
