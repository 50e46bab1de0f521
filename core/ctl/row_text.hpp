#pragma once

#include <weft/base/clock.hpp>
#include <weft/base/json.hpp>

#include <string>
#include <string_view>
#include <vector>

/// Rows and times as text, for the commands that look into weftd.
namespace weft::ctl {

/// "2026-08-01 12:01:03, 2m10s ago", in UTC; empty for no time.
std::string when_text(std::string_view rfc3339, WallTime now);
/// "2m10s" since then; empty for no time.
std::string age_text(std::string_view rfc3339, WallTime now);

/// The members of a row that are set, one a line, without its key: "  addresses  …".
std::vector<std::string> row_lines(const JsonView& row);
/// What is different between two rows, a line a member: "addresses: … → …".
std::vector<std::string> row_changes(const JsonView& before, const JsonView& after);

/// "NB/ACL k", and the object it stands for if there is one: "default-network/OwnNode . (Node n1)".
std::string row_name(const JsonView& row);

/// "1,234".
std::string grouped(std::uint64_t number);
/// "7 µs", "1.2 ms", "3.4 s".
std::string duration_text(double microseconds);

}  // namespace weft::ctl
