#include "engine/id_set.hpp"
#include "engine/selection_index.hpp"
#include "engine/slab.hpp"

#include <weft/engine/operator.hpp>

#include <algorithm>

/// The selection operator: keeps the pairs (selector, target) that match.
///
/// A selector looks either into one namespace or into the namespaces of a *group*: selectors with one namespace
/// selector share it. A namespace knows the groups it is in, so a target is held against the selectors of its namespace
/// and of the namespace's groups, each through an index by one equality requirement. A new selector finds its targets
/// the other way round, through an index of the targets by label.
namespace weft::engine {

namespace {

enum Input : std::size_t { selectors_input, targets_input, namespaces_input };

/// A pair, seen from one end: the other end and the position there.
struct PairLink {
    std::uint32_t other = 0;
    std::uint32_t place = 0;
};

struct Target {
    RowPtr row;
    std::uint32_t space = 0;
    SmallVector<PairLink> pairs;
    std::string_view text() const { return row.key(); }
};

struct Selector {
    std::string key;
    LabelSelector targets;
    std::uint32_t space = 0;  ///< one of the two
    std::uint32_t group = 0;
    std::uint32_t indexed_under = 0;
    SmallVector<PairLink> pairs;
    std::string_view text() const { return key; }
};

/// A namespace that has labels, targets or selectors.
struct Space {
    std::string name;
    std::optional<Labels> labels;  ///< of its row
    Ids targets;
    Ids groups;  ///< sorted
    LabelIndex by_label;
    SelectorIndex selectors;  ///< those that name it
};

/// Selectors with one namespace selector.
struct Group {
    std::string text;
    LabelSelector namespaces;
    std::uint32_t indexed_under = 0;
    Ids spaces;
    SelectorIndex selectors;
};

class Selection final : public Operator {
  public:
    explicit Selection(SelectionAccess access) : access_(access) {}

    void run(std::span<const Change> changes, OperatorOut& out) override {
        out_ = &out;
        // Namespaces and selectors first: then each target is held against what is true now.
        for (const std::size_t input : {namespaces_input, selectors_input, targets_input}) {
            for (const Change& change : changes) {
                if (change.input != input) continue;
                if (input == namespaces_input) change_namespace(change);
                if (input == selectors_input) change_selector(change);
                if (input == targets_input) change_target(change);
            }
        }
        out_ = nullptr;
    }

    std::uint64_t evaluations() const override { return evaluations_; }

  private:
    // Finding by key
    template <class T>
    static std::uint32_t find(const Slab<T>& slab, const IdSet& ids, std::string_view key) {
        return ids.find(hash(key), [&](std::uint32_t id) { return slab[id].text() == key; });
    }
    static std::uint32_t hash(std::string_view key) { return static_cast<std::uint32_t>(hash_bytes(key)); }

    Labels labels(const RowPtr& target) const { return access_.target_labels(target.open().get()); }
    std::string namespace_of(const RowPtr& target) const {
        return std::string(access_.target_namespace(target.open().get()));
    }
    bool holds(const LabelSelector& selector, const Labels& of) {
        ++evaluations_;
        return matches(selector, of);
    }

    std::uint32_t obtain_space(std::string_view name) {
        if (const auto at = space_ids_.find(name); at != space_ids_.end()) return at->second;
        const std::uint32_t id = spaces_.make();
        spaces_[id].name = name;
        space_ids_.emplace(name, id);
        return id;
    }
    void release_space(std::uint32_t id) {
        const Space& space = spaces_[id];
        if (space.labels || !space.targets.empty() || !space.selectors.empty()) return;
        space_ids_.erase(space_ids_.find(space.name));
        spaces_.free(id);
    }

    // Pairs
    void pair(std::uint32_t selector_id, std::uint32_t target_id) {
        Selector& selector = selectors_[selector_id];
        Target& target = targets_[target_id];
        selector.pairs.push_back({target_id, target.pairs.size()});
        target.pairs.push_back({selector_id, selector.pairs.size() - 1});
        out_->put(0, access_.make_member(selector.key, target.row.key()));
    }
    void part(std::uint32_t target_id, std::uint32_t place) {
        Target& target = targets_[target_id];
        const PairLink link = target.pairs[place];
        Selector& selector = selectors_[link.other];
        scratch_.assign(selector.key);
        scratch_ += '#';
        scratch_ += target.row.key();
        out_->erase(0, scratch_);
        // The last of each list takes the free place; tell its other end.
        const PairLink last_target = selector.pairs.back();
        selector.pairs[link.place] = last_target;
        targets_[last_target.other].pairs[last_target.place].place = link.place;
        selector.pairs.pop_back();
        const PairLink last_selector = target.pairs.back();
        if (place + 1 != target.pairs.size()) {
            target.pairs[place] = last_selector;
            selectors_[last_selector.other].pairs[last_selector.place].place = place;
        }
        target.pairs.pop_back();
    }
    void part_all(std::uint32_t target_id) {
        while (!targets_[target_id].pairs.empty())
            part(target_id, targets_[target_id].pairs.size() - 1);
    }

    // Namespaces
    void change_namespace(const Change& change) {
        const std::uint32_t id = obtain_space(change.key());
        Space& space = spaces_[id];
        std::optional<Labels> changed;
        if (change.after) {
            changed = *static_cast<const Labels*>(access_.namespace_labels(change.after.open().get()));
        }
        if (changed && space.labels == changed) return;
        if (space.labels) spaces_by_label_.remove(id, *space.labels);
        if (space.labels && !changed) erase_id(known_spaces_, id);
        if (!space.labels && changed) known_spaces_.push_back(id);
        space.labels = std::move(changed);
        Ids now;
        if (space.labels) {
            const Labels& of = *space.labels;
            spaces_by_label_.add(id, of);
            group_index_.candidates(of, [&](std::uint32_t group) {
                if (holds(groups_[group].namespaces, of)) now.push_back(group);
            });
        }
        std::sort(now.begin(), now.end());
        std::vector<std::uint32_t> left, joined;
        std::set_difference(space.groups.begin(), space.groups.end(), now.begin(), now.end(), std::back_inserter(left));
        std::set_difference(now.begin(), now.end(), space.groups.begin(), space.groups.end(),
                            std::back_inserter(joined));
        space.groups = std::move(now);
        for (const std::uint32_t group : left)
            leave_group(id, group);
        for (const std::uint32_t group : joined)
            join_group(id, group);
        release_space(id);
    }
    void leave_group(std::uint32_t space_id, std::uint32_t group) {
        erase_id(groups_[group].spaces, space_id);
        for (const std::uint32_t target : spaces_[space_id].targets) {
            for (std::uint32_t place = targets_[target].pairs.size(); place-- > 0;) {
                if (selectors_[targets_[target].pairs[place].other].group == group) part(target, place);
            }
        }
    }
    void join_group(std::uint32_t space_id, std::uint32_t group) {
        groups_[group].spaces.push_back(space_id);
        for (const std::uint32_t target : spaces_[space_id].targets) {
            const Labels of = labels(targets_[target].row);
            groups_[group].selectors.candidates(of, [&](std::uint32_t selector) {
                if (holds(selectors_[selector].targets, of)) pair(selector, target);
            });
        }
    }

    // Selectors
    void change_selector(const Change& change) {
        if (const std::uint32_t known = find(selectors_, selector_ids_, change.key()); known != 0)
            remove_selector(known);
        if (change.after) add_selector(change.after);
    }
    void remove_selector(std::uint32_t id) {
        Selector& selector = selectors_[id];
        while (!selector.pairs.empty()) {
            const PairLink last = selector.pairs.back();
            part(last.other, last.place);
        }
        if (selector.group != 0) {
            Group& group = groups_[selector.group];
            group.selectors.remove(id, selector.targets, selector.indexed_under);
            if (group.selectors.empty()) remove_group(selector.group);
        } else {
            spaces_[selector.space].selectors.remove(id, selector.targets, selector.indexed_under);
            release_space(selector.space);
        }
        selector_ids_.erase(hash(selector.key), id);
        selectors_.free(id);
    }
    void add_selector(const RowPtr& row) {
        const std::uint32_t id = selectors_.make();
        Selector& selector = selectors_[id];
        const OpenRow open = row.open();
        selector.key = row.key();
        selector.targets = access_.selector_targets(open.get());
        selector_ids_.insert(hash(row.key()), id);
        const std::string& space = access_.selector_namespace(open.get());
        if (space.empty()) {
            selector.group = obtain_group(access_.selector_namespaces(open.get()));
            Group& group = groups_[selector.group];
            selector.indexed_under = group.selectors.add(id, selector.targets);
            for (const std::uint32_t in : group.spaces)
                find_targets(id, in);
        } else {
            selector.space = obtain_space(space);
            selector.indexed_under = spaces_[selector.space].selectors.add(id, selector.targets);
            find_targets(id, selector.space);
        }
    }
    void find_targets(std::uint32_t id, std::uint32_t space_id) {
        const Selector& selector = selectors_[id];
        Space& space = spaces_[space_id];
        const LabelSelector& what = selector.targets;
        const auto consider = [&](std::uint32_t target) {
            if (holds(what, labels(targets_[target].row))) pair(id, target);
        };
        if (selector.indexed_under == SelectorIndex::none) {
            for (const std::uint32_t target : space.targets)
                consider(target);
        } else {
            const Requirement& requirement = what.requirements[selector.indexed_under];
            const auto labels_of = [&](std::uint32_t target) { return labels(targets_[target].row); };
            space.by_label.find(requirement.label, requirement.values, space.targets, labels_of, consider);
        }
    }

    // Groups
    std::uint32_t obtain_group(const LabelSelector& namespaces) {
        std::string text = namespaces.text();
        if (const auto at = group_ids_.find(text); at != group_ids_.end()) return at->second;
        const std::uint32_t id = groups_.make();
        Group& group = groups_[id];
        group.namespaces = namespaces;
        group.indexed_under = group_index_.add(id, namespaces);
        const auto consider = [&](std::uint32_t space) {
            if (!holds(namespaces, *spaces_[space].labels)) return;
            group.spaces.push_back(space);
            Ids& groups = spaces_[space].groups;
            groups.insert(
                static_cast<std::uint32_t>(std::lower_bound(groups.begin(), groups.end(), id) - groups.begin()), id);
        };
        if (group.indexed_under == SelectorIndex::none) {
            for (const std::uint32_t space : known_spaces_)
                consider(space);
        } else {
            const Requirement& requirement = namespaces.requirements[group.indexed_under];
            const auto labels_of = [&](std::uint32_t space) -> const Labels& { return *spaces_[space].labels; };
            spaces_by_label_.find(requirement.label, requirement.values, known_spaces_, labels_of, consider);
        }
        group.text = text;
        group_ids_.emplace(std::move(text), id);
        return id;
    }
    void remove_group(std::uint32_t id) {
        Group& group = groups_[id];
        for (const std::uint32_t space : group.spaces) {
            Ids& groups = spaces_[space].groups;
            groups.erase(
                static_cast<std::uint32_t>(std::lower_bound(groups.begin(), groups.end(), id) - groups.begin()));
        }
        group_index_.remove(id, group.namespaces, group.indexed_under);
        group_ids_.erase(group.text);
        groups_.free(id);
    }

    // Targets
    void change_target(const Change& change) {
        std::uint32_t id = find(targets_, target_ids_, change.key());
        if (id != 0) {
            Target& target = targets_[id];
            const bool stays = change.after && namespace_of(change.after) == spaces_[target.space].name;
            if (stays && labels(change.after) == labels(target.row)) {
                target.row = change.after;  // nothing that a selector can see
                return;
            }
            spaces_[target.space].by_label.remove(id, labels(target.row));
            if (!stays) {
                remove_target(id);
                id = 0;
            }
        }
        if (!change.after) return;
        if (id == 0) {
            id = targets_.make();
            targets_[id].space = obtain_space(namespace_of(change.after));
            spaces_[targets_[id].space].targets.push_back(id);
            target_ids_.insert(hash(change.key()), id);
        }
        targets_[id].row = change.after;
        spaces_[targets_[id].space].by_label.add(id, labels(change.after));
        match(id);
    }
    void remove_target(std::uint32_t id) {
        part_all(id);
        Target& target = targets_[id];
        erase_id(spaces_[target.space].targets, id);
        release_space(target.space);
        target_ids_.erase(hash(target.row.key()), id);
        targets_.free(id);
    }
    /// Holds a target against all selectors that can match it.
    void match(std::uint32_t id) {
        Target& target = targets_[id];
        const Space& space = spaces_[target.space];
        const Labels of = labels(target.row);
        matching_.clear();
        const auto consider = [&](std::uint32_t selector) {
            if (holds(selectors_[selector].targets, of)) matching_.push_back(selector);
        };
        space.selectors.candidates(of, consider);
        for (const std::uint32_t group : space.groups)
            groups_[group].selectors.candidates(of, consider);
        std::sort(matching_.begin(), matching_.end());
        std::vector<std::uint32_t> had;
        for (std::uint32_t place = target.pairs.size(); place-- > 0;) {
            const std::uint32_t selector = target.pairs[place].other;
            if (std::binary_search(matching_.begin(), matching_.end(), selector)) {
                had.push_back(selector);
            } else {
                part(id, place);
            }
        }
        std::sort(had.begin(), had.end());
        for (const std::uint32_t selector : matching_) {
            if (!std::binary_search(had.begin(), had.end(), selector)) pair(selector, id);
        }
    }

    SelectionAccess access_;
    OperatorOut* out_ = nullptr;
    std::uint64_t evaluations_ = 0;
    std::string scratch_;
    std::vector<std::uint32_t> matching_;

    Slab<Target> targets_;
    Slab<Selector> selectors_;
    Slab<Space> spaces_;
    Slab<Group> groups_;
    IdSet target_ids_;
    IdSet selector_ids_;
    ByText<std::uint32_t> space_ids_;
    ByText<std::uint32_t> group_ids_;
    Ids known_spaces_;            ///< those with a row
    LabelIndex spaces_by_label_;  ///< of those
    SelectorIndex group_index_;
};

}  // namespace

}  // namespace weft::engine

namespace weft {

std::unique_ptr<Operator> make_selection(SelectionAccess access) {
    return std::make_unique<engine::Selection>(access);
}

}  // namespace weft
