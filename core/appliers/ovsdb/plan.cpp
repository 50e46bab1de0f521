#include "appliers/ovsdb/plan.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <map>
#include <utility>

namespace weft::appliers::ovsdb {

Plan::Entry& Plan::entry_of(const Item& item) {
    const auto [at, fresh] = index_.try_emplace(item, static_cast<std::uint32_t>(entries_.size()));
    if (fresh) entries_.push_back({item, {}, {}, at->second});
    return entries_[at->second];
}

void Plan::add(const Item& item, Phase phase, weft::ovsdb::Transaction operation) {
    const std::uint64_t position = (std::uint64_t{static_cast<unsigned>(phase)} << 32) | next_operation_++;
    entry_of(item).operations.emplace_back(position, std::move(operation));
}

void Plan::add(const Item& item, MemberEdit edit) {
    entry_of(item).members.push_back(std::move(edit));
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
        const auto left = index_.find(a);
        const auto right = index_.find(b);
        if (left == index_.end() || right == index_.end()) continue;
        const auto one = find_root(left->second);
        const auto other = find_root(right->second);
        entries_[std::max(one, other)].root = std::min(one, other);
    }
    std::vector<std::vector<std::uint32_t>> members(entries_.size());
    for (std::uint32_t i = 0; i < entries_.size(); ++i)
        members[find_root(i)].push_back(i);

    std::vector<Group> out;
    for (const auto& of_root : members) {
        if (of_root.empty()) continue;
        Group group;
        std::vector<std::pair<std::uint64_t, weft::ovsdb::Transaction>> operations;
        for (const auto i : of_root) {
            group.items.push_back(std::move(entries_[i].item));
            std::move(entries_[i].operations.begin(), entries_[i].operations.end(), std::back_inserter(operations));
            std::move(entries_[i].members.begin(), entries_[i].members.end(), std::back_inserter(group.members));
        }
        std::sort(operations.begin(), operations.end(), [](const auto& x, const auto& y) { return x.first < y.first; });
        for (const auto& operation : operations)
            group.operations.append(operation.second);
        out.push_back(std::move(group));
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
