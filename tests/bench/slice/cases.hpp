#pragma once

#include "bed.hpp"
#include "floor.hpp"
#include "report.hpp"

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <optional>

/// The rows of the table. Each leaves the bed as the next one wants it.
namespace weft::bench {

/// What weftd needed for all pods at once; floors are known only later.
struct Bulk {
    double committed_wall = 0;  ///< from the first event to the last switch port
    double annotated_wall = 0;
    double released_wall = 0;  ///< until the API server has them
    double server_cpu = 0;
    double cpu = 0;
    double transactions = 0;
    double patches = 0;
    double idle_mib = 0, full_mib = 0, peak_mib = 0, after_mib = 0;
};
Result<Bulk> measure_bulk(Bed& bed, std::size_t pods);
void report_bulk(const Bulk& bulk, const Floor& floor, std::size_t pods, Report& report);

/// weftd stops and starts again among its pods.
Result<void> measure_restart(Bed& bed, Report& report);

struct Idle {
    double created = 0, deleted = 0;  ///< medians, from the pod's event to the row as another client sees it
    double cpu = 0;                   ///< of a pod created and deleted
    double transactions = 0, patches = 0, runs = 0;
    std::optional<double> echo_runs;
    std::map<std::string, double> runs_by_rule;
};
Result<Idle> measure_idle(Bed& bed);
void report_idle(const Idle& idle, const Floor& floor, Report& report);

/// All pods go; RssAnon then.
Result<double> measure_afterwards(Bed& bed);
/// All pods are there (again) and have what they need.
Result<void> create_all(Bed& bed, std::size_t pods);

struct Churn {
    double events = 0;
    double cpu = 0, transactions = 0, runs = 0;  ///< an event
    double before_mib = 0, after_mib = 0;
};
/// A tenth of the pods in a minute goes and others come, for a while.
Result<Churn> measure_churn(Bed& bed, std::size_t pods, std::chrono::seconds during);
void report_churn(const Churn& churn, const Floor& floor, std::size_t pods, Report& report);

/// A node among many.
struct Many {
    std::size_t nodes = 250;
    std::size_t pods = 60'000;  ///< on the others; 0: not measured
    bool joins = true;
};
/// Needs a bed of its own.
Result<void> measure_many(testing::Testbed& testbed, const std::filesystem::path& bin_dir, const Many& what,
                          Report& report);

/// Runs bench-engine.
Result<void> measure_engine(const std::filesystem::path& bin_dir, Report& report);

/// The CNI program by itself.
Result<void> measure_shim(const std::filesystem::path& bin_dir, Report& report);
/// A burst of pods on a node with everything: needs no Bed, and brings up a cluster of its own.
Result<void> measure_cni(testing::Testbed& testbed, const std::filesystem::path& bin_dir, std::size_t pods,
                         Report& report);

/// A Deployment scaled up on two nodes with real kubelets, and the runtime's share of that; a cluster of its own, too.
Result<void> measure_kubelets(testing::Testbed& testbed, const std::filesystem::path& bin_dir, std::size_t pods,
                              Report& report);

}  // namespace weft::bench
