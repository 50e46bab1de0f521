#pragma once

#include "bed.hpp"
#include "report.hpp"

#include <weft/base/json.hpp>

#include <cstddef>
#include <string>

/// The least that the work can cost: floor A is weft's own OVSDB layer committing rows that were built before, in
/// batches of 100; floor B is that, and parsing the same watch, and one PATCH a pod through the same HTTP library.
/// Measured in a process of its own, so that nothing else is in its CPU time.
namespace weft::bench {

struct Floor {
    double ovsdb_wall = 0, ovsdb_cpu = 0;  ///< A
    double parse_wall = 0, parse_cpu = 0;  ///< the pods as they come by the watch
    double patch_wall = 0, patch_cpu = 0;  ///< a PATCH each, and their echo by the watch
    double one_insert = 0, one_erase = 0;  ///< medians: one row committed, until another client sees it
    double cpu() const { return ovsdb_cpu + parse_cpu + patch_cpu; }
};

/// The child process: bench-slice --floor NB-REMOTE API PODS OUT-FILE; API is what Bed::way() gives.
int floor_main(const std::string& north, const std::string& way, std::size_t pods, const std::string& out);

/// The child process that only lists pods, as many as there are: bench-slice --list-floor API PODS OUT-FILE.
int list_floor_main(const std::string& way, std::size_t pods, const std::string& out);
/// Runs it: parse_wall and parse_cpu. weftd must not run.
Result<Floor> measure_list_floor(Bed& bed, std::size_t pods);
/// one_insert and one_erase alone, among a thousand rows.
Result<Floor> measure_single_commits(Bed& bed);

/// Runs it; weftd must not run, and there must be no pods.
Result<Floor> measure_floor(Bed& bed, std::size_t pods);

}  // namespace weft::bench
