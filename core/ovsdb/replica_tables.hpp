#pragma once

#include "ovsdb/replica.hpp"

#include <weft/base/hash.hpp>

#include <algorithm>
#include <tuple>

/// How a replica keeps its rows; for replica.cpp only.
namespace weft::ovsdb {

struct UuidTraits {
    static std::uint64_t hash(const Uuid& uuid) { return uuid.hash(); }
    static bool is_free(const Uuid& uuid) { return uuid.is_zero(); }
};

/// A row and what is kept beside it.
struct Entry {
    static constexpr std::uint32_t none = ~0U;
    Uuid uuid;
    RowPtr row;
    std::unique_ptr<LargeSet[]> large;  ///< one for each of TableInfo::large
    std::uint32_t change = none;        ///< while an update is applied: which change is this row's
};

struct EntryTraits {
    static std::uint64_t hash(const Entry& entry) { return entry.uuid.hash(); }
    static bool is_free(const Entry& entry) { return entry.uuid.is_zero(); }
};

/// Where an index text leads: the text itself is in the row.
struct Pointer {
    std::uint64_t text_hash = 0;
    Uuid uuid;
};

struct PointerTraits {
    static std::uint64_t hash(const Pointer& pointer) { return pointer.text_hash; }
    static bool is_free(const Pointer& pointer) { return pointer.uuid.is_zero(); }
};

/// "`parent`, a row of `table`, refers to `child` in `column`."
struct DatabaseReplica::Link {
    Uuid child;
    Uuid parent;
    const TableInfo* table = nullptr;
    const ColumnInfo* column = nullptr;
    friend bool operator==(const Link&, const Link&) = default;
};

struct DatabaseReplica::LinkTraits {
    static std::uint64_t hash(const Link& link) { return link.child.hash(); }
    static bool is_free(const Link& link) { return link.child.is_zero(); }
};

struct DatabaseReplica::Table {
    struct Index {
        IndexFunction of;
        FlatTable<Pointer, PointerTraits> pointers;
    };

    explicit Table(const TableInfo& table) : info(table) {
        indexes.push_back({[&table](const void* row) { return table.natural_key_of(row); }, {}});
    }

    Entry* find(const Uuid& uuid) {
        return rows.find(uuid.hash(), [&](const Entry& entry) { return entry.uuid == uuid; });
    }

    Entry& insert(const Uuid& uuid, RowPtr row, const OpenRow& open) {
        Entry& entry = rows.insert({uuid, std::move(row), nullptr, Entry::none});
        index(entry, open);
        return entry;
    }

    void erase(Entry& entry, const OpenRow& open) {
        unindex(entry, open);
        rows.erase(&entry);
    }

    void index(const Entry& entry, const OpenRow& open) {
        for (auto& i : indexes)
            add(i, entry, open);
    }

    void unindex(const Entry& entry, const OpenRow& open) {
        for (auto& i : indexes) {
            const std::string text = i.of(open.get());
            if (text.empty()) continue;
            i.pointers.erase(i.pointers.find(hash_bytes(text), [&](const Pointer& p) { return p.uuid == entry.uuid; }));
        }
    }

    std::size_t add_index(IndexFunction of) {
        auto& made = indexes.emplace_back(Index{std::move(of), {}});
        rows.each([&](const Entry& entry) { add(made, entry, entry.row.open()); });
        return indexes.size() - 1;
    }

    std::vector<RowPtr> bucket(std::size_t number, std::string_view text) {
        const Index& i = indexes[number];
        std::vector<Uuid> uuids;
        i.pointers.find(hash_bytes(text), [&](const Pointer& p) {
            if (p.text_hash == hash_bytes(text)) uuids.push_back(p.uuid);
            return false;
        });
        std::sort(uuids.begin(), uuids.end());
        std::vector<RowPtr> found;
        for (const auto& uuid : uuids) {
            const Entry* entry = find(uuid);
            if (i.of(entry->row.open().get()) == text) found.push_back(entry->row);
        }
        return found;
    }

    std::size_t overhead() const {
        std::size_t bytes = rows.capacity() * sizeof(Entry);
        for (const auto& i : indexes)
            bytes += i.pointers.capacity() * sizeof(Pointer);
        return bytes;
    }

    const TableInfo& info;
    FlatTable<Entry, EntryTraits> rows;
    std::vector<Index> indexes;  ///< the first is the natural key

  private:
    static void add(Index& i, const Entry& entry, const OpenRow& open) {
        const std::string text = i.of(open.get());
        if (!text.empty()) i.pointers.insert({hash_bytes(text), entry.uuid});
    }
};

}  // namespace weft::ovsdb
