#pragma once

#include "engine/run_times.hpp"

#include <weft/base/clock.hpp>
#include <weft/base/result.hpp>
#include <weft/engine/table.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// What the engine tells about itself.
namespace weft::engine {

struct TickReport {
    std::uint64_t number = 0;
    std::size_t input_changes = 0;  ///< input rows that really changed
    std::size_t runs = 0;           ///< rule instances run
    std::size_t cutoffs = 0;        ///< of these, how many put what they had put before
    std::size_t withdrawn = 0;      ///< instances whose driver went
    std::size_t changes = 0;        ///< net changes of all tables
    Duration took{};
    std::vector<std::string> awaiting;  ///< inputs that are not complete; rules that need them did not run
    std::optional<TimePoint> next_deadline;
};

/// All ticks that had something to do.
struct TickTiming {
    std::uint64_t busy = 0;
    Duration total{};
    RunTimes times;
};

/// Why a rule ran: "Pod", "Pod by node", "first run", "timer".
struct CauseReport {
    std::string what;
    std::uint64_t runs = 0;
};

struct SlowRunReport {
    std::string key;  ///< of the driver row
    std::string cause;
    Duration took{};
};

/// Counters of one rule or operator since it was added.
struct RuleReport {
    std::string module;
    std::string name;
    bool is_operator = false;
    bool ready = false;  ///< its inputs are complete
    std::size_t stratum = 0;
    std::size_t instances = 0;
    std::uint64_t runs = 0;
    std::uint64_t cutoffs = 0;
    std::uint64_t scans = 0;  ///< whole-table reads
    std::uint64_t waits = 0;
    std::uint64_t failures = 0;
    std::uint64_t evaluations = 0;  ///< candidates an operator looked at
    Duration total{};
    Duration slowest{};
    std::string slowest_key;
    std::string slowest_cause;  ///< what had changed: "Node n1", "Pod by node n1", "first run", "timer"
    std::size_t widest = 0;     ///< most instances that one changed row or bucket made run
    std::string widest_cause;
    RunTimes times;
    std::vector<CauseReport> causes;  ///< most runs first
    std::vector<SlowRunReport> slow;  ///< slowest runs of the last half minute to minute
};

/// How a rule or operator hangs between its tables.
struct RuleLinks {
    struct Read {
        std::string table;
        std::string index;  ///< empty for the table itself
    };
    std::string module;
    std::string name;
    bool is_operator = false;
    std::size_t stratum = 0;
    std::string driver;       ///< table; empty for an operator
    std::vector<Read> reads;  ///< an operator's inputs too
    std::vector<std::string> writes;
};

struct TableReport {
    std::string name;
    Merge merge = Merge::exclusive;
    bool input = false;
    bool complete = false;  ///< of an input
    bool ready = false;
    std::size_t rows = 0;
    std::size_t conflicts = 0;         ///< rows wanted by more instances than one may own
    std::vector<std::string> writers;  ///< module/rule
    std::vector<std::string> readers;
};

/// Something that verify() found.
struct Difference {
    std::string table;
    std::string key;
    std::string instance;  ///< module/rule/driver key; empty for an operator's or the tables' own faults
    std::string what;
    std::string expected;  ///< JSON of the recomputed row; empty for none
    std::string found;
};

/// One thing that an instance has read.
struct ReadReport {
    enum class Kind : std::uint8_t { row, bucket, scan };
    Kind kind = Kind::row;
    std::string table;
    std::string index;  ///< of a bucket
    std::string key;    ///< row key or bucket value
    bool present = false;
    std::size_t rows = 0;             ///< that were there: of a bucket or a table
    ObjectRef object;                 ///< of the row, when it stands for one
    std::optional<Duration> changed;  ///< so long ago the row came to be as it is
};

struct OutputReport {
    std::string table;
    std::string key;
    bool seen = false;  ///< this instance's row is the one that is there, or equal to it
};

/// One instance of a rule; of an operator only its name.
struct InstanceReport {
    std::string module;
    std::string rule;
    bool is_operator = false;
    std::string driver_table;
    std::string driver;  ///< driver key
    ObjectRef object;    ///< of the driver row
    std::string state;   ///< of its status, empty when all is well
    std::string what;
    Error error;                ///< `what` in its parts
    std::int64_t since_ms = 0;  ///< of the status
    std::vector<ReadReport> reads;
    std::vector<OutputReport> outputs;
};

struct OwnerReport : InstanceReport {
    bool owns = false;  ///< the row that is seen is this one's (or equal to it, in a set_union)
};

struct Explanation {
    bool known = false;  ///< there is such a table
    bool present = false;
    bool input = false;
    bool complete = false;  ///< of an input: absence means something
    RowPtr row;
    ObjectRef object;
    std::optional<Duration> changed;      ///< so long ago it came, changed or went
    std::vector<OwnerReport> owners;      ///< the owner first
    std::vector<InstanceReport> drives;   ///< the instances that have it as their driver
    std::vector<InstanceReport> readers;  ///< some of those that have read it or its absence, without their reads
    std::size_t all_readers = 0;
};

}  // namespace weft::engine
