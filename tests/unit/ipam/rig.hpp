#pragma once

#include <weft/engine/operator.hpp>

#include <map>
#include <string>
#include <vector>

namespace weft::ipam {

/// Runs an operator as the engine would: rows are put and erased, run() hands all that changed over at once, in
/// (input, key) order, and the output table is kept.
template <class Lease>
class Rig {
  public:
    explicit Rig(const OperatorSpec& spec) : operator_(spec.make()), inputs_(spec.inputs.size()) {}

    template <class Row>
    void put(std::size_t input, Row row) {
        const std::string key = row.key.text;
        pending_.try_emplace({input, key}, current(input, key));
        inputs_[input][key] = RowPtr::make(std::move(row));
    }
    void erase(std::size_t input, const std::string& key) {
        pending_.try_emplace({input, key}, current(input, key));
        inputs_[input].erase(key);
    }
    void run() {
        std::vector<Change> changes;
        for (auto& [at, before] : pending_) {
            Change change{at.first, before, current(at.first, at.second)};
            if (change.before || change.after) changes.push_back(std::move(change));
        }
        pending_.clear();
        puts = 0;
        Out sink(*this);
        operator_->run(changes, sink);
    }
    /// The lease of a request; a default one when there is none.
    Lease lease(const std::string& key) const {
        const auto at = leases.find(key);
        return at == leases.end() ? Lease{} : at->second.template as<Lease>();
    }

    std::map<std::string, RowPtr> leases;
    int puts = 0;  ///< of the last run

  private:
    struct Out final : OperatorOut {
        explicit Out(Rig& to) : rig(to) {}
        void put(std::size_t, RowPtr row) override {
            ++rig.puts;
            const std::string key(row.key());
            rig.leases[key] = std::move(row);
        }
        void erase(std::size_t, std::string_view key) override { rig.leases.erase(std::string(key)); }
        Rig& rig;
    };

    RowPtr current(std::size_t input, const std::string& key) const {
        const auto at = inputs_[input].find(key);
        return at == inputs_[input].end() ? RowPtr() : at->second;
    }

    std::unique_ptr<Operator> operator_;
    std::vector<std::map<std::string, RowPtr>> inputs_;
    std::map<std::pair<std::size_t, std::string>, RowPtr> pending_;
};

}  // namespace weft::ipam
