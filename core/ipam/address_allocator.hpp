#pragma once

#include "base/block_allocator.hpp"
#include "ipam/address_book.hpp"
#include "ipam/turns.hpp"

#include <weft/base/hash.hpp>
#include <weft/engine/operator.hpp>
#include <weft/ovsdb/nb.hpp>
#include <weft/tables/ipam.hpp>

#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace weft::ipam {

/// Gives pods their addresses. A lease that holds is never changed: not by a request that says something else later,
/// not by a pool that moved away from it (that is a problem of the request, told until the pool comes back or the
/// request goes). Addresses on switch ports in the database are taken, whoever put them there.
class AddressAllocator final : public Operator {
  public:
    void run(std::span<const Change> changes, OperatorOut& out) override;
    bool keeps_history() const override { return true; }

  private:
    struct Entry {
        RowPtr request;
        RowPtr lease;
        std::vector<Ip, BlockAllocator<Ip>> ips;     ///< what it has, or had before the pool moved away
        bool holds = false;                          ///< the pool's books know it as the owner of `ips`
        std::optional<Mac> mac;                      ///< as wished for when the addresses were given
        bool fixed = false;                          ///< the addresses are those that the request said it has
        std::unique_ptr<const std::string> problem;  ///< most have none

        /// Laid out anew at each call: whoever needs it several times keeps it.
        tables::AddressRequest asked() const { return request.as<tables::AddressRequest>(); }
    };
    using Asked = tables::AddressRequest;
    using Book = AddressBook<Entry>;
    struct Pool {
        bool known = false;
        std::string on_switch;
        std::vector<Book> books;  ///< one a family, in the pool's order
        std::set<std::string> waiting;

        Book* book(const Ip& ip);
        bool may_be_on(const weft::ovsdb::Parent& parent) const;
    };
    struct Port {
        RowPtr row;
        bool spent = false;  ///< a request of this carrier has gone: its addresses are not wished for any more
    };
    using Ports = std::unordered_multimap<std::size_t, Port, std::hash<std::size_t>, std::equal_to<>,
                                          BlockAllocator<std::pair<const std::size_t, Port>>>;

    void pool_changed(const Change& change);
    void request_changed(const Change& change, OperatorOut& out);
    void port_changed(const Change& change);
    void departed_changed(const Change& change);
    void count_port(const RowPtr& port, bool carried);
    void count_departed(Pool& pool, const RowPtr& row, bool carried);
    void count_addresses(Pool& pool, std::span<const Ip> ips, bool carried);
    void wake_waiting();

    Entry& entry_for(const RowPtr& request);
    std::optional<Ports::iterator> find_port(std::string_view name);
    std::vector<Ip> wishes(const Asked& asked);
    bool only_on_own_port(const Asked& asked, const Book& book, std::uint32_t number);
    void hold(Entry& entry, const Asked& asked);
    void wish(Entry& entry, const Asked& asked);
    void complete(Entry& entry, const Asked& asked);
    bool take(Pool& pool, Entry& entry, std::span<const Ip> ips);
    void release(Entry& entry, const Asked& asked);
    void fail(Entry& entry, std::string problem);
    void publish(Entry& entry, OperatorOut& out);

    std::unordered_map<std::string, Pool, StringHash, std::equal_to<>> pools_;
    /// Under the key that stands in `request`.
    std::unordered_map<std::string_view, Entry, StringHash, std::equal_to<>,
                       BlockAllocator<std::pair<const std::string_view, Entry>>>
        entries_;
    Ports ports_;  ///< by the hash of their name, which stands in the row
    std::unordered_map<std::string, RowPtr> departed_;
    std::set<std::string> dirty_;
};

}  // namespace weft::ipam
