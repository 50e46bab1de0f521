#pragma once

#include "ipam/subnet_cutter.hpp"
#include "ipam/turns.hpp"

#include <weft/base/hash.hpp>
#include <weft/engine/operator.hpp>
#include <weft/tables/ipam.hpp>

#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

namespace weft::ipam {

/// Cuts ranges into subnets. What a request has, it keeps for as long as the request is there; what it says it holds is
/// honoured when nobody else has it; what is missing is cut from the first range of the family that has room.
class SubnetAllocator final : public Operator {
  public:
    void run(std::span<const Change> changes, OperatorOut& out) override;
    bool keeps_history() const override { return true; }

  private:
    struct Entry {
        RowPtr request;
        RowPtr lease;
        std::vector<IpPrefix> subnets;  ///< what it has now
        std::string problem;
        std::string warning;

        tables::SubnetRequest asked() const { return request.as<tables::SubnetRequest>(); }
    };
    struct Holding {
        IpPrefix subnet;
        std::string owner;
    };
    struct Range {
        std::vector<SubnetCutter> cutters;
        /// By first address; they never overlap.
        std::map<Ip, Holding> held;
        std::set<std::string> waiting;

        const Holding* overlapping(const IpPrefix& subnet) const;
        bool covers(const IpPrefix& subnet) const;
        bool has(Family family) const;
        std::optional<IpPrefix> cut(SubnetCutter& cutter) const;
    };

    void range_changed(const Change& change);
    void request_changed(const Change& change, OperatorOut& out);
    void release(Entry& entry, const IpPrefix& subnet);
    void claim(Entry& entry);
    void keep(Range& range, Entry& entry, const IpPrefix& held);
    void complete(Entry& entry);
    bool add_missing(Range& range, Entry& entry, Family family);
    void publish(Entry& entry, OperatorOut& out);

    std::unordered_map<std::string, Range, StringHash, std::equal_to<>> ranges_;
    std::unordered_map<std::string, Entry, StringHash, std::equal_to<>> entries_;
    std::set<std::string> dirty_;
};

}  // namespace weft::ipam
