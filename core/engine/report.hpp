#pragma once

#include <weft/base/clock.hpp>
#include <weft/engine/row.hpp>

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
};

struct OwnerReport {
    std::string module;
    std::string rule;
    std::string driver_table;
    std::string driver;  ///< driver key
    bool owns = false;   ///< the row that is seen is this one's (or equal to it, in a set_union)
    std::string state;   ///< of its status, empty when all is well
    std::string what;
    std::vector<ReadReport> reads;
};

struct Explanation {
    bool present = false;
    bool input = false;
    RowPtr row;
    std::vector<OwnerReport> owners;  ///< the owner first
};

}  // namespace weft::engine
