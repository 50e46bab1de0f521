#pragma once

#include "base/block_allocator.hpp"
#include "ovsdb/table.hpp"

#include <weft/base/hash.hpp>
#include <weft/base/uuid.hpp>
#include <weft/ovsdb/column.hpp>

#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace weft::appliers::ovsdb {

/// Which rows of one OVSDB table are ours, and under which key: what the claims say, kept up to date with the database.
class Ledger {
  public:
    using Rows = std::unordered_map<BlockString, Uuid, StringHash, std::equal_to<>,
                                    BlockAllocator<std::pair<const BlockString, Uuid>>>;

    explicit Ledger(const weft::ovsdb::TableInfo& table) : table_(&table) {}

    const weft::ovsdb::TableInfo& table() const { return *table_; }
    /// `plugin`: whose claim it is; empty: nobody's in particular.
    void add_claim(weft::ovsdb::ClaimSpec claim, std::string plugin = {}) {
        claims_.push_back(std::move(claim));
        plugins_.push_back(std::move(plugin));
    }
    void remove_claim(std::string_view name);

    /// The claim that covers a row, or null.
    const weft::ovsdb::ClaimSpec* claim_on(const void* row) const;

    /// The plugin that alone claims a row which `plugin` wants to put; empty when there is none such. Claims that only
    /// adopt keep nobody out.
    std::string claimed_by_other(const void* row, std::string_view plugin) const;

    /// Takes note of a row of the database and returns its key; empty when it is not ours. A second row with a key that
    /// is taken is a double: it is remembered as such and has to go.
    std::string learn(const OpenRow& row);
    /// The row is gone, or has changed into something that `learn` sees next. Returns the key it had.
    std::string forget(const OpenRow& row);
    void clear();

    /// The row under `key`; the zero UUID when there is none.
    Uuid find(std::string_view key) const;
    const Rows& rows() const { return rows_; }
    std::vector<std::pair<std::string, Uuid>>& doubles() { return doubles_; }

  private:
    const weft::ovsdb::TableInfo* table_;
    std::vector<weft::ovsdb::ClaimSpec> claims_;
    std::vector<std::string> plugins_;  ///< of each claim
    Rows rows_;
    std::vector<std::pair<std::string, Uuid>> doubles_;
};

}  // namespace weft::appliers::ovsdb
