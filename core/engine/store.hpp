#pragma once

#include "containment/run_board.hpp"
#include "engine/cells.hpp"

#include <weft/base/hash.hpp>
#include <weft/engine/table.hpp>

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace weft::engine {

class Table;

/// Who is to blame for what an index's function does: the first rule that reads it.
struct IndexUser {
    std::string module;
    containment::RunSlot* slot = nullptr;
    std::uint16_t label = 0;  ///< on the board
};

/// Rows of a table by a text computed from them. Two plugins may each have an index of one name: what counts is the
/// function.
class Index {
  public:
    Index(Table& table, const IndexSpec& spec, IndexUser user)
        : table_(table),
          name_(spec.name),
          of_(spec.of),
          user_(std::move(user)) {}

    Table& table() const { return table_; }
    const std::string& name() const { return name_; }
    /// Empty when the function threw; then `thrown` says what.
    std::string of(const RowPtr& row, std::string* thrown = nullptr) const;
    const IndexUser& user() const { return user_; }
    bool is(const IndexSpec& spec) const { return of_ == spec.of && name_ == spec.name; }

    IdSet buckets;
    std::size_t users = 0;                                     ///< rules that read it
    std::map<std::string, std::string, std::less<>> troubles;  ///< by row that it threw on: what

  private:
    Table& table_;
    std::string name_;
    std::string (*of_)(const void* row);
    IndexUser user_;
};

/// A cell that was touched in this tick, and the row it had before.
struct Logged {
    CellId cell = 0;
    std::uint32_t stamp = 0;  ///< when the cell changed: before this tick, and from settling on perhaps in it
    RowPtr before;
    bool list_changed = false;  ///< of an `ordered` table: something in the list did, perhaps not its first row
};

class Table {
  public:
    Table(std::uint16_t id, const TableSpec& spec) : id_(id), name_(spec.name), type_(spec.type), merge_(spec.merge) {}

    std::uint16_t id() const { return id_; }
    const std::string& name() const { return name_; }
    const RowType& type() const { return *type_; }
    Merge merge() const { return merge_; }
    void retype(const TableSpec& spec) { type_ = spec.type, merge_ = spec.merge; }

    IdSet cells;
    std::size_t rows = 0;       ///< cells that are present
    std::size_t conflicts = 0;  ///< cells with losers
    SourceId scan = 0;          ///< source of those who read all
    std::vector<std::unique_ptr<Index>> indexes;
    std::vector<Logged> log;      ///< touched in this tick
    std::vector<Logged> changes;  ///< of these, what really changed; filled when the table is settled
    bool changes_sorted = false;

    // What the graph says about it.
    bool input = false;
    bool answers = false;  ///< an input that an adapter fills
    bool complete = false;
    bool ready = false;
    std::size_t level = 0;
    std::vector<std::uint16_t> drives;  ///< rules driven by its rows

  private:
    friend class Store;
    std::uint16_t id_;
    std::string name_;
    const RowType* type_;
    Merge merge_;
    std::vector<CellId> sorted_;  ///< all present cells, when sorted_valid_
    bool sorted_valid_ = false;
};

/// All tables with their rows, indexes, instances and links. Knows how to keep them consistent, nothing of when and
/// why. Reading is safe beside other readers; everything else belongs to the engine thread alone.
class Store {
  public:
    Store();
    Store(const Store&) = delete;
    Store& operator=(const Store&) = delete;
    ~Store();

    Slab<Cell> cells;
    Slab<Source> sources;
    Slab<Bucket> buckets;
    Slab<Instance> instances;

    // Tables
    Table* find_table(std::string_view name) const;
    Table& table(const TableSpec& spec);
    Table& table(std::uint16_t id) const { return *tables_[id]; }
    const std::vector<std::unique_ptr<Table>>& tables() const { return tables_; }
    Index& index(Table& table, const IndexSpec& spec, const IndexUser& user);
    void drop_index(Index& index);
    /// The text that a row is found by from now on. A function that throws leaves the row out of its index.
    std::string index_text(Index& index, const RowPtr& row);
    void forget_trouble(Index& index, std::string_view key);
    bool index_troubles_changed = false;  ///< since somebody set it to false

    // Cells
    std::string_view key(CellId cell) const { return cells[cell].holder.key(); }
    CellId find(const Table& table, std::string_view key) const;
    /// The cell of a key, made when there is none.
    CellId obtain(Table& table, std::string_view key);
    CellId obtain(Table& table, const RowPtr& row);
    /// What readers see from now on; an empty pointer for nothing. Logged, with the first row of the tick.
    void show(CellId cell, RowPtr row);
    Logged& log(CellId cell);
    /// The row of a cell that many read, laid out; null for the others. Safe for readers.
    const OpenRow* warm(CellId cell) const {
        const SourceId source = cells[cell].source;
        return source != 0 && sources[source].warm ? &warm_.at(cell) : nullptr;
    }
    /// Present cells in key order; kept until the table's set of keys changes. Safe for readers.
    const std::vector<CellId>& sorted(Table& table);
    void sort_changes(Table& table);

    // Indexes
    BucketId find_bucket(const Index& index, std::string_view value) const;
    BucketId obtain_bucket(Index& index, std::string_view value);
    void bucket_insert(Index& index, std::string_view value, CellId cell);
    void bucket_erase(Index& index, std::string_view value, CellId cell);

    // Links
    SourceId source_of_cell(CellId cell);
    SourceId source_of_bucket(BucketId bucket);
    SourceId source_of_scan(Table& table);
    void link(InstanceId instance, SourceId source);
    /// Cuts the reads of an instance from `first` on.
    void unlink(InstanceId instance, std::uint32_t first = 0);
    InstanceId add_instance(std::uint16_t node, CellId driver);
    /// The instance must have no reads and no outputs.
    void remove_instance(InstanceId instance);
    InstanceId find_instance(std::uint16_t node, CellId driver) const;

    /// Gives the system the pages of cells and their like on which none is left.
    void give_back_memory();
    /// Ends a tick: forgets the logs and frees what nobody needs any more.
    void sweep();

  private:
    static std::uint32_t hash(std::string_view text) { return static_cast<std::uint32_t>(hash_bytes(text)); }
    CellId make(Table& table, std::uint32_t hash, RowPtr holder);
    void sweep_cell(CellId cell);
    void sweep_bucket(BucketId bucket);
    void forget_source(SourceId& source);
    void heat(SourceId source);

    std::vector<std::unique_ptr<Table>> tables_;
    std::unordered_map<std::string, std::uint16_t, StringHash, std::equal_to<>> by_name_;
    std::unordered_map<CellId, OpenRow> warm_;
    std::vector<CellId> loose_cells_;      ///< perhaps not needed any more
    std::vector<BucketId> loose_buckets_;  ///< the same
    std::mutex sorting_;                   ///< readers on several threads may want one table sorted
};

}  // namespace weft::engine
