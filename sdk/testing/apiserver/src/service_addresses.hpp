#pragma once

#include "json.hpp"
#include "status.hpp"

#include <weft/base/ip.hpp>

#include <map>
#include <set>
#include <string>
#include <vector>

namespace weft::apiserver {

/// Gives Services their cluster addresses and node ports, as clients of Services rely on. The first range is the
/// cluster's default family.
class ServiceAddresses {
  public:
    explicit ServiceAddresses(std::vector<IpPrefix> ranges) : ranges_(std::move(ranges)) {}

    /// Completes a new or changed Service; takes over what it asks for. The error names the field that can't be had.
    std::vector<FieldError> assign(Json& service);
    /// `service` as it was stored.
    void release(const Json& service);
    /// Marks what a stored Service holds.
    void adopt(const Json& service);

  private:
    std::vector<FieldError> assign_addresses(Json& spec);
    std::vector<FieldError> assign_ports(Json& spec);
    std::string next_address(const IpPrefix& range);
    std::int64_t next_port();
    const IpPrefix* range_of(std::string_view family) const;

    std::vector<IpPrefix> ranges_;
    std::set<std::string> addresses_;
    std::map<IpPrefix, std::int64_t> last_;  ///< given out in each range
    std::set<std::int64_t> ports_;
};

}  // namespace weft::apiserver
