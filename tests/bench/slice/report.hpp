#pragma once

#include <optional>
#include <string>
#include <vector>

namespace weft::bench {

/// Of a value's name in JSON when it was measured against kube-apiserver.
inline const std::string kubernetes_prefix = "kubernetes_";

/// What was measured, beside what the same costs OVN-Kubernetes and what weft wants to reach.
class Report {
  public:
    struct Row {
        std::string name;  ///< of the value in JSON
        std::string what;
        double value = 0;  ///< not a number: measured against kube-apiserver alone
        std::string unit;
        std::string ovn_kubernetes;  ///< as measured elsewhere; empty: it wasn't
        std::string target;
        std::optional<double> kubernetes = {};  ///< the same against kube-apiserver and etcd
    };

    void section(const std::string& title) { rows_.push_back({{}, title, 0, {}, {}, {}}); }
    void add(Row row) { rows_.push_back(std::move(row)); }
    /// Puts what was measured against the other server beside it; as a row of its own where there is none.
    void put_beside(const Report& kubernetes);
    void append(const Report& other) { rows_.insert(rows_.end(), other.rows_.begin(), other.rows_.end()); }
    void failed(const std::string& why) { failures_.push_back(why); }
    std::optional<double> value(const std::string& name) const;

    void print() const;
    /// One object: {"name":value,…}, against kube-apiserver {"kubernetes_name":value,…}.
    std::string json() const;
    const std::vector<Row>& rows() const { return rows_; }
    bool complete() const { return failures_.empty(); }

  private:
    std::vector<Row> rows_;
    std::vector<std::string> failures_;
};

}  // namespace weft::bench
