#include "appliers/ovsdb/plan.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <map>
#include <utility>

namespace weft::appliers::ovsdb {

Plan::Entry& Plan::entry_of(const Item& item) {
    if (const auto at = index_.find(&item); at != index_.end()) return entries_[at->second];
    const auto number = static_cast<std::uint32_t>(entries_.size());
    Entry& made = entries_.emplace_back(Entry{item, {}, {}, number, true});
    index_.emplace(&made.item, number);
    return made;
}

void Plan::add(const Item& item, Phase phase, weft::ovsdb::Transaction operation) {
    const std::uint64_t position = (std::uint64_t{static_cast<unsigned>(phase)} << 32) | next_operation_++;
    Entry& entry = entry_of(item);
    entry.operations.emplace_back(position, std::move(operation));
    entry.only_adds = entry.only_adds && phase == Phase::insert;
}

void Plan::add(const Item& item, MemberEdit edit) {
    Entry& entry = entry_of(item);
    entry.only_adds = entry.only_adds && edit.insert;
    entry.members.push_back(std::move(edit));
}

void Plan::join(const Item& a, const Item& b) {
    joins_.emplace_back(a, b);
}

std::uint32_t Plan::find_root(std::uint32_t entry) {
    while (entries_[entry].root != entry) {
        entries_[entry].root = entries_[entries_[entry].root].root;
        entry = entries_[entry].root;
    }
    return entry;
}

std::vector<Group> Plan::groups() && {
    for (const auto& [a, b] : joins_) {
        const auto left = index_.find(&a);
        const auto right = index_.find(&b);
        if (left == index_.end() || right == index_.end()) continue;
        const auto one = find_root(left->second);
        const auto other = find_root(right->second);
        entries_[std::max(one, other)].root = std::min(one, other);
    }
    index_.clear();  // it looks into the items, which go now

    std::vector<Group> out;
    std::vector<decltype(Entry::operations)> operations;  // by group
    std::vector<std::uint32_t> number(entries_.size());   // of its group, for each root
    for (std::uint32_t i = 0; i < entries_.size(); ++i) {
        Entry& entry = entries_[i];
        const std::uint32_t root = find_root(i);
        if (root == i) {  // the smallest of its group, so it comes first
            number[i] = static_cast<std::uint32_t>(out.size());
            out.push_back({{}, std::move(entry.members), {}, true});
            operations.push_back(std::move(entry.operations));
        } else {
            const auto into = [](auto& from, auto& to) { std::move(from.begin(), from.end(), std::back_inserter(to)); };
            into(entry.members, out[number[root]].members);
            into(entry.operations, operations[number[root]]);
        }
        Group& group = out[number[root]];
        group.items.push_back(std::move(entry.item));
        group.only_adds = group.only_adds && entry.only_adds;
    }
    for (std::size_t i = 0; i < out.size(); ++i) {
        auto& sorted = operations[i];
        std::sort(sorted.begin(), sorted.end(), [](const auto& x, const auto& y) { return x.first < y.first; });
        for (auto& operation : sorted) {
            if (out[i].operations.empty()) {
                out[i].operations = std::move(operation.second);
            } else {
                out[i].operations.append(operation.second);
            }
        }
    }
    return out;
}

std::vector<std::vector<Group>> pack(std::vector<Group> groups, std::size_t most) {
    std::vector<std::vector<Group>> out;
    std::size_t size = 0;
    for (auto& group : groups) {
        const std::size_t more = group.operations.operations().size() + group.members.size();
        if (out.empty() || size + more > most) {
            out.emplace_back();
            size = 0;
        }
        size += more;
        out.back().push_back(std::move(group));
    }
    return out;
}

void append_members(const std::vector<Group>& groups, weft::ovsdb::Transaction& transaction) {
    using weft::ovsdb::Scalar;
    struct Edits {
        const weft::ovsdb::TableInfo* table = nullptr;
        std::map<const weft::ovsdb::ColumnInfo*, std::array<std::vector<Scalar>, 2>> columns;  ///< leaving, coming
    };
    std::map<Uuid, Edits> rows;
    for (const Group& group : groups) {
        for (const MemberEdit& edit : group.members) {
            auto& row = rows[edit.row];
            row.table = edit.table;
            row.columns[edit.column][edit.insert ? 1 : 0].push_back(edit.member);
        }
    }
    for (auto& [uuid, row] : rows) {
        weft::ovsdb::Mutations mutations;
        for (auto& [column, edits] : row.columns) {
            for (auto& members : edits) {
                std::sort(members.begin(), members.end());
                members.erase(std::unique(members.begin(), members.end()), members.end());
            }
            for (Scalar& member : edits[0])
                mutations.erase(*column, std::move(member));
            for (Scalar& member : edits[1])
                mutations.insert(*column, std::move(member));
        }
        transaction.mutate(*row.table, uuid, mutations);
    }
}

}  // namespace weft::appliers::ovsdb
