#pragma once

#include <cstddef>
#include <string>
#include <vector>

/// The rows that OVN-Kubernetes made of the objects in tests/golden/<case>, and which of them weft's default network
/// must make of the same objects.
namespace weft::golden {

/// Rows in a form in which two sides can be compared, sorted.
struct Rows {
    std::vector<std::string> rows;
    std::size_t left_out = 0;
};

/// Of lines with a row each (JSON, without UUIDs) the rows of the east-west half. Left out are those of the gateway, of
/// services and of the routes and policies by way of them, and as members what refers to those. Throws
/// std::runtime_error on a line that is no JSON.
Rows east_west(const std::vector<std::string>& lines);

/// The lines of a file; throws std::runtime_error when there are none.
std::vector<std::string> lines_of(const std::string& path);

/// What one side has and the other hasn't, "-" before what is missing, "+" before what is too much; empty when equal.
std::string difference(const std::vector<std::string>& expected, const std::vector<std::string>& found);

}  // namespace weft::golden
