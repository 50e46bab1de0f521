#pragma once

#include <weft/base/ip.hpp>
#include <weft/tables/settings.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Texts of addresses, subnets and database servers, read as OVN-Kubernetes reads them and with its messages.
namespace weft::config {

/// "10.128.0.0/14/23,fd01::/48": ranges of pods' addresses. The error begins with no prefix; the caller says which key.
Result<std::vector<tables::ClusterSubnet>> parse_cluster_subnets(std::string_view text);

/// A subnet with the host bits cleared; Go's message when it is none.
Result<IpPrefix> parse_subnet(std::string_view text);

/// "ssl:1.2.3.4:6641,ssl:…", also in the older "ssl://1.2.3.4:6641"; all of one scheme.
Result<std::string> parse_database_address(std::string_view text);

/// "min-max", both ports.
bool is_port_range(std::string_view text);
bool is_dns_label(std::string_view text);
bool is_dns_subdomain(std::string_view text);

/// The subnets of a configuration by what they are for; finds overlaps and families that don't fit together.
class SubnetPlan {
  public:
    enum class Use { service, cluster, join, masquerade, hybrid, transit };

    void add(Use use, IpPrefix subnet) { subnets_.push_back({use, subnet}); }
    struct Clash {
        Use later, earlier;
        std::string text;  ///< "illegal network configuration: cluster subnet "…" overlaps service subnet "…""
    };
    std::optional<Clash> overlap() const;
    /// Nothing when cluster, service and hybrid subnets have the same families.
    std::optional<std::string> family_mismatch() const;
    bool has(Family family) const;

  private:
    struct Entry {
        Use use;
        IpPrefix subnet;
    };
    std::string families_of(Use use) const;
    std::vector<Entry> subnets_;
};

}  // namespace weft::config
