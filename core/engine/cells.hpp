#pragma once

#include "engine/id_set.hpp"
#include "engine/slab.hpp"
#include "engine/small_vector.hpp"

#include <weft/engine/row.hpp>

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

/// What the engine's memory is made of. Everything links by 32-bit number, both ways and with the position at the other
/// end, so that a link costs 16 bytes and is cut in constant time however many others there are:
///
///     Instance.reads[i]   = {source, j}    Source.readers[j] = {instance, i}
///     Instance.outputs[i] = {cell, j}      Cell.rivals->…[j] = {instance, i, row}    (or the cell's owner)
namespace weft::engine {

using CellId = std::uint32_t;
using SourceId = std::uint32_t;
using BucketId = std::uint32_t;
using InstanceId = std::uint32_t;

class Store;

/// A row that has only a key: holds the key of a cell without a row, and stands for an erasure in a ChangeSet.
struct KeyOnly {
    static constexpr std::string_view table_name = "";
    Key<KeyOnly> key;
    static constexpr auto fields() { return std::tuple{field("key", &KeyOnly::key)}; }
};
inline RowPtr key_only(std::string_view key) {
    return RowPtr::make(KeyOnly{Key<KeyOnly>(key)});
}
inline bool is_key_only(const RowPtr& row) {
    return row.type().name.empty();
}

/// A row that an instance puts under a key which another instance owns.
struct Put {
    InstanceId instance = 0;
    std::uint32_t output = 0;  ///< position in the instance's outputs
    RowPtr row;
};

struct Rivals {
    std::vector<Put> sharers;  ///< of a set_union: equal to the owner's row
    std::vector<Put> losers;   ///< the rest; in an `ordered` table they are seen as well
    bool empty() const { return sharers.empty() && losers.empty(); }
};

/// One key of one table: what is there, who put it, who depends on it. It exists while there is a row, a reader of its
/// absence, or an instance of a driver row that is just going.
struct Cell {
    RowPtr holder;  ///< the row that readers see; when absent, whatever still knows the key
    std::unique_ptr<Rivals> rivals;
    InstanceId owner = 0;      ///< instance whose row is seen; 0 in input tables
    SourceId source = 0;       ///< 0: nobody reads it
    InstanceId instances = 0;  ///< first of those that it drives
    std::uint32_t hash = 0;
    /// While in_log: its position in the table's log of this tick. Otherwise when its row last changed, as a Stamp.
    std::uint32_t logged = 0;
    std::uint16_t table = 0;
    bool present = false;
    bool fresh : 1 = false;  ///< came to its owner in this tick, so that a smaller one may still take it
    bool in_log : 1 = false;
};

struct ReadLink {
    SourceId source = 0;
    std::uint32_t reader = 0;  ///< position in the source's readers
};
struct ReaderLink {
    InstanceId instance = 0;
    std::uint32_t read = 0;  ///< position in the instance's reads
};

/// Something that can be read, with those who have read it.
struct Source {
    enum class Kind : std::uint8_t { row, bucket, scan };
    SmallVector<ReaderLink> readers;
    std::uint32_t target = 0;  ///< cell, bucket or table
    std::uint32_t stamp = 0;   ///< of the last run that read it: a second read adds no link
    Kind kind = Kind::row;
    bool warm = false;  ///< a row of many readers, kept laid out as well
};

/// Where in its cell an instance's put is.
struct OutputRef {
    static constexpr std::uint32_t owner = 0xffffffff;
    static constexpr std::uint32_t sharer_bit = 0x80000000;

    CellId cell = 0;
    std::uint32_t place = owner;  ///< owner, or a position among the losers, or (with the bit) among the sharers

    bool owns() const { return place == owner; }
    bool shares() const { return place != owner && (place & sharer_bit) != 0; }
    bool loses() const { return (place & sharer_bit) == 0; }
};

/// One rule on one driver row.
struct Instance {
    CellId driver = 0;
    InstanceId next = 0;  ///< of the same driver
    std::uint16_t node = 0;
    bool dirty : 1 = false;
    bool moved : 1 = false;          ///< the precedence of its driver row has changed: lists are in another order
    bool has_trouble : 1 = false;    ///< an entry in Statuses
    bool has_status : 1 = false;     ///< a row in the status table
    bool status_is_due : 1 = false;  ///< listed for the end of the tick
    bool has_deadline : 1 = false;
    bool damped : 1 = false;  ///< its rows change without end: it runs after pauses
    bool held : 1 = false;    ///< such a pause is on; it ends with its deadline
    // These fill what alignment leaves.
    std::uint8_t window = 0;         ///< in which `changes` were counted
    std::uint16_t changes : 15 = 0;  ///< at most most_changes
    std::uint16_t busy : 1 = 0;      ///< there were too many in the window before
    static constexpr std::uint16_t most_changes = 0x7fff;
    SmallVector<ReadLink> reads;
    SmallVector<OutputRef> outputs;
};

struct ByKey {
    const Store* store = nullptr;
    bool operator()(CellId a, CellId b) const;
};

/// Cells in key order: a plain vector while they are few, a tree beyond.
class OrderedCells {
  public:
    void insert(const Store& store, CellId cell);
    void erase(const Store& store, CellId cell);
    bool contains(const Store& store, CellId cell) const;
    std::size_t size() const { return many_ ? many_->size() : few_.size(); }

    template <class Visit>
    void each(Visit&& visit) const {
        if (many_) {
            for (const CellId cell : *many_)
                visit(cell);
        } else {
            for (const CellId cell : few_)
                visit(cell);
        }
    }

  private:
    static constexpr std::uint32_t most_few = 128;
    SmallVector<CellId> few_;
    std::unique_ptr<std::set<CellId, ByKey>> many_;
};

class Index;

/// The rows of a table with one index text. Exists while it has members or readers.
struct Bucket {
    std::string value;
    OrderedCells cells;
    Index* index = nullptr;
    SourceId source = 0;
    std::uint32_t hash = 0;
};

}  // namespace weft::engine
