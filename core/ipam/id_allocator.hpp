#pragma once

#include "ipam/number_set.hpp"
#include "ipam/turns.hpp"

#include <weft/base/hash.hpp>
#include <weft/engine/operator.hpp>
#include <weft/tables/ipam.hpp>

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>

namespace weft::ipam {

/// Hands out numbers round-robin. A number stays with its request for as long as the request is there.
class IdAllocator final : public Operator {
  public:
    void run(std::span<const Change> changes, OperatorOut& out) override;
    bool keeps_history() const override { return true; }

  private:
    struct Entry {
        RowPtr request;
        RowPtr lease;
        std::optional<std::uint32_t> id;
        std::string problem;
        std::string warning;

        tables::IdRequest asked() const { return request.as<tables::IdRequest>(); }
    };
    struct Range {
        bool known = false;
        std::uint32_t first = 0;
        NumberSet taken;  ///< numbers less `first`
        std::uint32_t next = 0;
        std::unordered_map<std::uint32_t, std::string> owners;  ///< by number
        std::set<std::string> waiting;

        bool covers(std::uint32_t id) const { return known && id >= first && id - first < taken.limit(); }
    };

    void range_changed(const Change& change);
    void request_changed(const Change& change, OperatorOut& out);
    void give(Range& range, Entry& entry, std::uint32_t id);
    void release(Entry& entry);
    void claim(Entry& entry);
    void complete(Entry& entry);
    void publish(Entry& entry, OperatorOut& out);

    std::unordered_map<std::string, Range, StringHash, std::equal_to<>> ranges_;
    std::unordered_map<std::string, Entry, StringHash, std::equal_to<>> entries_;
    std::set<std::string> dirty_;
};

}  // namespace weft::ipam
