#pragma once

#include <weft/base/ip.hpp>
#include <weft/base/json.hpp>
#include <weft/base/mac.hpp>
#include <weft/base/result.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// The texts of node annotations, read and written. An error says which annotation, what is wrong and how to mend it.
namespace weft::default_network {

/// An annotation as the field that an error is about.
std::string annotation_field(std::string_view annotation);
/// An error about an annotation of the object that a rule is run for.
Error malformed(std::string_view annotation, std::string what, std::string mend);
/// `text` in quotes, shortened: for error messages about what users wrote.
std::string quoted(std::string_view text);
/// The same for a JSON value: a string without its own quotes doubled.
std::string quoted(JsonView value);

/// {"default":["10.244.0.0/24","fd00::/64"]}, or a bare string for one subnet; empty without an entry for us.
Result<std::vector<IpPrefix>> parse_subnets(std::string_view text);
/// {"ipv4":"100.88.0.2/16","ipv6":"fd97::2/64"}: addresses, IPv4 first.
Result<std::vector<IpPrefix>> parse_address_pair(std::string_view annotation, std::string_view text);
Result<std::uint32_t> parse_node_id(std::string_view text);
/// ["172.18.0.2"].
Result<std::vector<Ip>> parse_encap_ips(std::string_view text);
/// {"default":"0a:58:…"}; nothing without an entry for us.
Result<std::optional<Mac>> parse_management_mac(std::string_view text);

/// ["a","b"] with the texts of the addresses, sorted as texts.
std::string sorted_json_list(std::vector<std::string> texts);
/// ["10.244.0.0/24","fd00::/64"].
std::string json_list(const std::vector<IpPrefix>& prefixes);
/// {"ipv4":"…","ipv6":"…"} of the addresses, at most one a family.
std::string address_pair(const std::vector<IpPrefix>& addresses);

}  // namespace weft::default_network
