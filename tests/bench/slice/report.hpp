#pragma once

#include <optional>
#include <string>
#include <vector>

namespace weft::bench {

/// What was measured, beside what the same costs OVN-Kubernetes and what weft wants to reach.
class Report {
  public:
    struct Row {
        std::string name;  ///< of the value in JSON
        std::string what;
        double value = 0;
        std::string unit;
        std::string ovn_kubernetes;  ///< as measured elsewhere; empty: it wasn't
        std::string target;
    };

    void section(const std::string& title) { rows_.push_back({{}, title, 0, {}, {}, {}}); }
    void add(Row row) { rows_.push_back(std::move(row)); }
    void append(const Report& other) { rows_.insert(rows_.end(), other.rows_.begin(), other.rows_.end()); }
    void failed(const std::string& why) { failures_.push_back(why); }
    std::optional<double> value(const std::string& name) const;

    void print() const;
    /// One object: {"name":value,…}.
    std::string json() const;
    const std::vector<Row>& rows() const { return rows_; }
    bool complete() const { return failures_.empty(); }

  private:
    std::vector<Row> rows_;
    std::vector<std::string> failures_;
};

}  // namespace weft::bench
