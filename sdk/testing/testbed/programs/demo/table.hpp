#pragma once

#include "steps.hpp"

#include <string>
#include <vector>

namespace weft::demo {

/// Text in columns, each as wide as it has to be.
class Table {
  public:
    explicit Table(std::vector<std::string> header);
    void add(std::vector<std::string> cells, bool good = true);
    /// A line that begins a part of the table.
    void add_heading(std::string text);
    void print(const Steps& steps) const;

  private:
    enum class Kind { header, heading, good, bad };
    struct Line {
        Kind kind;
        std::vector<std::string> cells;
    };
    std::vector<Line> lines_;
};

}  // namespace weft::demo
