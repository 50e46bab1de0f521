#pragma once

#include "ovsdb/monitor.hpp"
#include "ovsdb/table.hpp"
#include "ovsdb/transaction.hpp"

#include <cstdint>
#include <string>

namespace weft::appliers::ovsdb {

/// The applier's way to the database server.
class Channel {
  public:
    /// The replica holds all rows, the schema is right and the lock is ours. When not, `why` says what is missing.
    virtual bool writable(std::string& why) const = 0;
    /// The columns of a table that the server has.
    virtual weft::ovsdb::ColumnSet columns(const weft::ovsdb::TableInfo& table) const = 0;
    /// What the server can do; null while that is not known.
    virtual const weft::ovsdb::Capabilities* capabilities() const = 0;
    /// Sends one transaction; its Outcome comes later under the number that is returned.
    virtual std::uint64_t commit(weft::ovsdb::Transaction transaction) = 0;

  protected:
    ~Channel() = default;
};

}  // namespace weft::appliers::ovsdb
