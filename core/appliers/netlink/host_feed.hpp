#pragma once

#include "appliers/netlink/monitor.hpp"

#include <weft/engine/operator.hpp>
#include <weft/tables/net.hpp>

#include <map>
#include <mutex>
#include <set>
#include <span>
#include <string>
#include <vector>

namespace weft::netlink {

/// One input row that came or changed (`row` set) or went.
struct InputChange {
    TableSpec table;
    std::string key;
    RowPtr row;
};

/// Where input rows go: the engine. Any thread.
class Sink {
  public:
    virtual ~Sink() = default;
    virtual void post(std::vector<InputChange> changes) = 0;
    /// All rows of this table that were there at start have been posted.
    virtual void complete(const TableSpec& table) = 0;
};

/// Turns what the monitor hears into HostLink and HostAddress rows; posts only differences. Addresses that a
/// LinkAddress row wants are left out, as are those still under (or refused by) duplicate detection.
class HostFeed final : public KernelListener {
  public:
    explicit HostFeed(Sink& sink) : sink_(sink) {}

    /// LinkAddress changes; any thread.
    void desired_changed(std::span<const Change> changes);

    void links_changed(const KernelView& now, const std::set<std::string>& names) override;
    void kernel_known() override;

  private:
    struct Seen {
        RowPtr link;
        std::vector<tables::HostAddress> addresses;  ///< all, wanted ones too
    };
    void post_difference(const std::set<std::string>& links);
    std::map<std::string, RowPtr, std::less<>> rows_of(const Seen& seen) const;

    Sink& sink_;
    std::mutex mutex_;
    std::set<std::string, std::less<>> wanted_;                                           ///< keys of LinkAddress rows
    std::map<std::string, Seen> seen_;                                                    ///< by link
    std::map<std::string, RowPtr> posted_links_;                                          ///< by link
    std::map<std::string, std::map<std::string, RowPtr, std::less<>>> posted_addresses_;  ///< by link, then key
};

}  // namespace weft::netlink
