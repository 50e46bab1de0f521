#pragma once

#include "traffic.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace weft::testing {

/// What a fault did.
struct FaultRow {
    std::string fault;
    bool with_weft = true;    ///< false: the same fault while no weftd ran, so what it lost OVN itself lost
    Loss flows;               ///< of all flows together; the longest gap of any
    std::size_t changed = 0;  ///< database rows of before that are gone or different
    std::size_t stale = 0;    ///< database rows that nothing asks for
    double seconds = 0;       ///< from the mend until weft and OVN were done
    std::string note;
};

/// What all faults did, for people and as JSON.
class FaultTable {
  public:
    void add(FaultRow row) { rows_.push_back(std::move(row)); }
    /// Adds to the note of the last row.
    void note(const std::string& text) { rows_.back().note += (rows_.back().note.empty() ? "" : "; ") + text; }
    std::string text() const;
    std::string json() const;

  private:
    std::vector<FaultRow> rows_;
};

}  // namespace weft::testing
