#pragma once

#include "report.hpp"

#include <weft/base/result.hpp>

#include <map>
#include <string>

namespace weft::bench {

/// An earlier run's --json.
using Earlier = std::map<std::string, double>;
Result<Earlier> read_earlier(const std::string& file);

/// Prints what got better or worse, row by row. Times are compared after division by how much slower the floors were
/// than then: the machine's part. A difference below what runs differ by anyway is none.
void print_comparison(const Report& report, const Earlier& earlier);

}  // namespace weft::bench
