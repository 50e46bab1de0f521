#include "annotations.hpp"

#include <weft/base/text.hpp>
#include <weft/ovn/annotations.hpp>

#include <algorithm>
#include <charconv>

namespace weft::default_network {

namespace {

/// The largest tunnel key that a port of the transit switch can have.
constexpr std::uint32_t largest_node_id = 32767;

constexpr const char* remove_it = "remove the annotation: it is written anew";

Result<JsonDocument> parse_object(std::string_view annotation, std::string_view text) {
    auto document = JsonDocument::parse(text);
    if (!document) return malformed(annotation, document.error().what, remove_it);
    if (!document->root().is_object()) return malformed(annotation, "no JSON object: " + quoted(text), remove_it);
    return document;
}

Result<IpPrefix> parse_prefix(std::string_view annotation, JsonView value) {
    const auto text = value.string();
    auto prefix = IpPrefix::parse(text.value_or(""));
    if (!text || !prefix) return malformed(annotation, "no address with a prefix length: " + quoted(value), remove_it);
    return prefix;
}

}  // namespace

std::string annotation_field(std::string_view annotation) {
    return "metadata.annotations[" + std::string(annotation) + "]";
}

Error malformed(std::string_view annotation, std::string what, std::string mend) {
    return {ErrorKind::invalid, std::move(what), annotation_field(annotation), std::move(mend)};
}

std::string quoted(std::string_view text) {
    constexpr std::size_t most = 80;
    std::string shown = json_quote(beginning(text, most));
    if (text.size() > most) shown += "…";
    return shown;
}

std::string quoted(JsonView value) {
    const auto text = value.string();
    return text ? quoted(*text) : quoted(std::string_view(value.dump()));
}

Result<std::vector<IpPrefix>> parse_subnets(std::string_view text) {
    const auto annotation = ovn::annotation::node_subnets;
    const auto document = parse_object(annotation, text);
    if (!document) return document.error();
    const JsonView entry = document->root()[ovn::annotation::default_network_key];
    std::vector<JsonView> values;
    if (entry.is_array()) {
        entry.each([&](JsonView value) { values.push_back(value); });
    } else if (entry.is_string()) {
        values.push_back(entry);
    } else if (entry) {
        return malformed(annotation, "\"default\" is neither a string nor a list: " + quoted(entry), remove_it);
    }
    std::vector<IpPrefix> subnets;
    for (const JsonView value : values) {
        const auto subnet = parse_prefix(annotation, value);
        if (!subnet) return subnet.error();
        subnets.push_back(subnet->network());
    }
    return subnets;
}

Result<std::vector<IpPrefix>> parse_address_pair(std::string_view annotation, std::string_view text) {
    const auto document = parse_object(annotation, text);
    if (!document) return document.error();
    std::vector<IpPrefix> addresses;
    for (const auto& [name, family] : {std::pair{"ipv4", Family::v4}, {"ipv6", Family::v6}}) {
        const JsonView value = document->root()[name];
        if (!value || value.string_or("-").empty()) continue;
        const auto address = parse_prefix(annotation, value);
        if (!address) return address.error();
        if (address->family() != family) {
            return malformed(annotation, std::string("\"") + name + "\" is of the other family: " + address->text(),
                             remove_it);
        }
        addresses.push_back(*address);
    }
    return addresses;
}

Result<std::uint32_t> parse_node_id(std::string_view text) {
    std::uint32_t id = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), id);
    if (code != std::errc{} || end != text.data() + text.size() || id == 0 || id > largest_node_id) {
        return malformed(ovn::annotation::node_id,
                         "no number from 1 to " + std::to_string(largest_node_id) + ": " + quoted(text), remove_it);
    }
    return id;
}

Result<std::vector<Ip>> parse_encap_ips(std::string_view text) {
    const auto annotation = ovn::annotation::encap_ips;
    const auto document = JsonDocument::parse(text);
    if (!document || !document->root().is_array()) {
        return malformed(annotation, "no JSON list: " + quoted(text), remove_it);
    }
    std::vector<Ip> ips;
    std::optional<Error> error;
    document->root().each([&](JsonView value) {
        const auto ip = Ip::parse(value.string_or(""));
        if (ip) {
            ips.push_back(*ip);
        } else {
            error = malformed(annotation, "no IP address: " + quoted(value), remove_it);
        }
    });
    if (error) return *error;
    return ips;
}

Result<std::optional<Mac>> parse_management_mac(std::string_view text) {
    const auto annotation = ovn::annotation::management_macs;
    const auto document = parse_object(annotation, text);
    if (!document) return document.error();
    const JsonView entry = document->root()[ovn::annotation::default_network_key];
    if (!entry) return std::optional<Mac>();
    const auto mac = Mac::parse(entry.string_or(""));
    if (!mac || mac->is_multicast() || mac->is_zero()) {
        return malformed(annotation, "no MAC of an interface: " + quoted(entry),
                         "remove the annotation: the MAC is derived from the address");
    }
    return std::optional<Mac>(*mac);
}

std::string sorted_json_list(std::vector<std::string> texts) {
    std::sort(texts.begin(), texts.end());
    texts.erase(std::unique(texts.begin(), texts.end()), texts.end());
    JsonWriter w;
    w.array([&] {
        for (const auto& text : texts)
            w.value(text);
    });
    return w.take();
}

std::string json_list(const std::vector<IpPrefix>& prefixes) {
    JsonWriter w;
    w.array([&] {
        for (const auto& prefix : prefixes)
            w.value(prefix.text());
    });
    return w.take();
}

std::string address_pair(const std::vector<IpPrefix>& addresses) {
    JsonWriter w;
    w.object([&] {
        for (const auto& address : addresses)
            w.member(address.is_v4() ? "ipv4" : "ipv6", address.text());
    });
    return w.take();
}

}  // namespace weft::default_network
