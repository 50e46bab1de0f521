#pragma once

#include "engine/small_vector.hpp"

#include <weft/base/hash.hpp>
#include <weft/engine/operator.hpp>

#include <algorithm>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

/// The two indexes that keep a selection from looking at everything: of objects by label, of selectors by one of their
/// equality requirements.
namespace weft::engine {

using Ids = SmallVector<std::uint32_t>;

inline void erase_id(Ids& ids, std::uint32_t id) {
    const auto at = std::find(ids.begin(), ids.end(), id);
    if (at == ids.end()) return;
    *at = ids.back();
    ids.pop_back();
}

template <class Value>
using ByText = std::unordered_map<std::string, Value, StringHash, std::equal_to<>>;

/// Objects by (label, value); only of labels that some selector has asked for, as most labels never are.
class LabelIndex {
  public:
    void add(std::uint32_t object, const Labels& labels) {
        for (const auto& [label, value] : labels) {
            if (const auto at = by_label_.find(label); at != by_label_.end()) at->second[value].push_back(object);
        }
    }
    void remove(std::uint32_t object, const Labels& labels) {
        for (const auto& [label, value] : labels) {
            const auto at = by_label_.find(label);
            if (at == by_label_.end()) continue;
            const auto ids = at->second.find(value);
            if (ids == at->second.end()) continue;
            erase_id(ids->second, object);
            if (ids->second.empty()) at->second.erase(ids);
        }
    }
    /// Calls visit(object) for the objects with one of the values; `all` and `labels_of` serve to index a label when it
    /// is first asked for.
    template <class LabelsOf, class Visit>
    void find(const std::string& label, const std::vector<std::string>& values, const Ids& all, LabelsOf&& labels_of,
              Visit&& visit) {
        const auto [at, is_new] = by_label_.try_emplace(label);
        if (is_new) {
            for (const std::uint32_t object : all) {
                for (const auto& [name, value] : labels_of(object)) {
                    if (name == label) at->second[value].push_back(object);
                }
            }
        }
        for (const std::string& value : values) {
            const auto ids = at->second.find(value);
            if (ids == at->second.end()) continue;
            for (const std::uint32_t object : ids->second)
                visit(object);
        }
    }

  private:
    ByText<ByText<Ids>> by_label_;
};

/// Selectors, each under one `in` requirement (that with the fewest selectors so far), or among the rest.
class SelectorIndex {
  public:
    static constexpr std::uint32_t none = 0xffffffff;

    /// Returns the requirement it is indexed under, to be kept for remove().
    std::uint32_t add(std::uint32_t id, const LabelSelector& selector) {
        ++size_;
        std::uint32_t best = none;
        std::size_t best_cost = 0;
        for (std::uint32_t i = 0; i < selector.requirements.size(); ++i) {
            const Requirement& requirement = selector.requirements[i];
            if (requirement.op != Requirement::Op::in) continue;
            std::size_t cost = requirement.values.size();
            for (const std::string& value : requirement.values)
                cost += count(requirement.label, value);
            if (best == none || cost < best_cost) best = i, best_cost = cost;
        }
        if (best == none) {
            rest_.push_back(id);
        } else {
            const Requirement& requirement = selector.requirements[best];
            for (const std::string& value : requirement.values)
                by_label_[requirement.label][value].push_back(id);
        }
        return best;
    }
    void remove(std::uint32_t id, const LabelSelector& selector, std::uint32_t under) {
        --size_;
        if (under == none) return erase_id(rest_, id);
        const Requirement& requirement = selector.requirements[under];
        const auto at = by_label_.find(requirement.label);
        for (const std::string& value : requirement.values) {
            const auto ids = at->second.find(value);
            erase_id(ids->second, id);
            if (ids->second.empty()) at->second.erase(ids);
        }
        if (at->second.empty()) by_label_.erase(at);
    }
    /// Calls visit(id) once for each selector that can match these labels.
    template <class Visit>
    void candidates(const Labels& labels, Visit&& visit) const {
        if (!by_label_.empty()) {
            for (const auto& [label, value] : labels) {
                const auto at = by_label_.find(label);
                if (at == by_label_.end()) continue;
                const auto ids = at->second.find(value);
                if (ids == at->second.end()) continue;
                for (const std::uint32_t id : ids->second)
                    visit(id);
            }
        }
        for (const std::uint32_t id : rest_)
            visit(id);
    }
    bool empty() const { return size_ == 0; }

  private:
    std::size_t count(const std::string& label, const std::string& value) const {
        const auto at = by_label_.find(label);
        if (at == by_label_.end()) return 0;
        const auto ids = at->second.find(value);
        return ids == at->second.end() ? 0 : ids->second.size();
    }

    ByText<ByText<Ids>> by_label_;
    Ids rest_;
    std::size_t size_ = 0;
};

}  // namespace weft::engine
