#pragma once

#include "ovsdb/monitor.hpp"
#include "ovsdb/transaction.hpp"
#include "ovsdb/update.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

namespace weft::ovsdb {

/// The database is connected and its schema is good; the contents follow as the next event, an Update.
struct Connected {
    std::string remote;
    std::shared_ptr<const Capabilities> capabilities;
    bool resumed = false;  ///< the server goes on where the last connection ended: the update that follows is no reset
};

/// The connection is gone; another attempt is made. The Replies of what was in flight follow, all of them lost.
struct Disconnected {
    std::string reason;
};

/// The server can't be used: its schema lacks what weft needs. Tried again, but told only once.
struct Refused {
    Error error;
};

/// The database's lock was won or lost; only with ClientSettings::lock.
struct LockChanged {
    bool held = false;
};

/// What became of a transaction.
struct Reply {
    std::uint64_t id = 0;
    Outcome outcome;
    std::vector<Operation> operations;
};

/// What a client tells its owner, in the order in which it happened. The update that a transaction of ours caused comes
/// before its Reply.
using Event = std::variant<Connected, Update, Reply, LockChanged, Disconnected, Refused>;

}  // namespace weft::ovsdb
