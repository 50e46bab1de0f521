#pragma once

#include "engine/node.hpp"
#include "engine/store.hpp"

#include <span>
#include <vector>

namespace weft::engine {

/// A row that a run put.
struct NewPut {
    Table* table = nullptr;
    RowPtr row;
};

/// Decides which of several puts is seen, by the merge policy of the table:
///
///   exclusive  the owner keeps the key while it puts it; a key that became free in this tick goes to the smallest
///              (precedence of the driver row, driver key, rule) of those who put it by the tick's end
///   set_union  puts that equal the owner's share the row and inherit it; unequal ones are as above
///   ordered    all are seen, the smallest first
class Owners {
  public:
    Owners(Store& store, const Nodes& nodes) : store_(store), nodes_(nodes) {}

    /// What the instance puts from now on; keys are different. False: all of it was so before.
    bool apply(InstanceId instance, std::span<NewPut> puts);
    void withdraw(InstanceId instance);
    /// The precedence of its driver row has changed: its keys are decided anew where order decides.
    void reorder(InstanceId instance);
    /// The order among instances that put one key.
    bool smaller(InstanceId a, InstanceId b) const;
    /// All puts of a cell, the one that is seen first, then as they would take over.
    std::vector<Put> puts(CellId cell) const;

    /// Instances whose conflicts may have changed, each flagged status_is_due.
    std::vector<InstanceId> due;
    void set_due(InstanceId instance);

  private:
    bool replace(InstanceId instance, std::uint32_t output, RowPtr row);
    void place(InstanceId instance, std::uint32_t output, CellId cell, RowPtr row);
    void leave(InstanceId instance, OutputRef ref);
    void own(InstanceId instance, std::uint32_t output, CellId cell, RowPtr row);
    void displace(CellId cell);
    void take_over(CellId cell);
    void inherit(CellId cell);
    void share_equals(CellId cell);
    void add_sharer(CellId cell, Put put);
    void add_loser(CellId cell, Put put);
    Put take_sharer(CellId cell, std::uint32_t place);
    Put take_loser(CellId cell, std::uint32_t place);
    std::uint32_t least_loser(const Rivals& rivals) const;
    bool before_all_seen(InstanceId instance, const Cell& cell) const;
    void move_output(InstanceId instance, std::uint32_t output);
    Merge merge(const Cell& cell) const { return store_.table(cell.table).merge(); }
    OutputRef& ref(const Put& put) { return store_.instances[put.instance].outputs[put.output]; }

    Store& store_;
    const Nodes& nodes_;
};

}  // namespace weft::engine
