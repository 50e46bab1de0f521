#include "pod_network.hpp"

#include "annotations.hpp"

#include <weft/ovn/addressing.hpp>
#include <weft/ovn/annotations.hpp>

#include <algorithm>

namespace weft::default_network {

namespace {

constexpr const char* mend_pod_networks = "remove the annotation before the pod starts, or delete the pod";

/// Reads one entry; the first thing that is wrong counts.
class EntryReader {
  public:
    explicit EntryReader(JsonView entry) : entry_(entry) {}

    Result<PodNetwork> read() {
        PodNetwork network;
        if (!entry_.is_object()) fail("\"default\" is no JSON object: " + quoted(entry_));
        network.ips = list<IpPrefix>("ip_addresses", "ip_address");
        network.gateways = list<Ip>("gateway_ips", "gateway_ip");
        const auto mac = Mac::parse(entry_["mac_address"].string_or(""));
        if (!mac || mac->is_multicast() || mac->is_zero()) {
            fail("mac_address is no MAC of an interface: " + quoted(entry_["mac_address"]));
        } else {
            network.mac = *mac;
        }
        if (network.ips.empty()) fail("ip_addresses is missing or empty");
        entry_["routes"].each([&](JsonView route) { read_route(route, network.routes); });
        network.role = entry_["role"].string_or("primary");
        if (error_) return *error_;
        return network;
    }

  private:
    void fail(std::string what) {
        if (!error_) error_ = malformed(ovn::annotation::pod_networks, std::move(what), mend_pod_networks);
    }

    template <class T>
    std::optional<T> parse(std::string_view name, JsonView value) {
        auto parsed = T::parse(value.string_or(""));
        if (!parsed) return fail(std::string(name) + ": " + parsed.error().what), std::nullopt;
        return *parsed;
    }

    /// A list under its plural name, or one value under the singular one; both must agree.
    template <class T>
    std::vector<T> list(std::string_view plural, std::string_view singular) {
        std::vector<T> values;
        entry_[plural].each([&](JsonView value) {
            if (const auto parsed = parse<T>(plural, value)) values.push_back(*parsed);
        });
        const JsonView one = entry_[singular];
        if (!one) return values;
        const auto parsed = parse<T>(singular, one);
        if (!parsed) return values;
        if (values.empty()) values.push_back(*parsed);
        if (values != std::vector<T>{*parsed}) fail(std::string(singular) + " contradicts " + std::string(plural));
        return values;
    }

    void read_route(JsonView value, std::vector<PodNetwork::Route>& routes) {
        const auto destination = parse<IpPrefix>("routes: dest", value["dest"]);
        if (!destination) return;
        PodNetwork::Route route{*destination, std::nullopt};
        if (destination->length() == 0) return fail("routes: a default route, which gateway_ips is for");
        if (value["nextHop"] && !value["nextHop"].string_or("-").empty()) {
            route.next_hop = parse<Ip>("routes: nextHop", value["nextHop"]);
            if (!route.next_hop) return;
            if (route.next_hop->family() != destination->family()) {
                return fail("routes: nextHop " + route.next_hop->text() + " is of another family than " +
                            destination->text());
            }
        }
        routes.push_back(route);
    }

    JsonView entry_;
    std::optional<Error> error_;
};

/// The elements of a network selection annotation; its short form, a list of names, asks for nothing more.
Result<void> each_selection(const tables::Pod& pod, std::string_view annotation, JsonDocument& document,
                            const std::function<Result<void>(JsonView)>& visit) {
    const std::string* text = tables::find_annotation(pod.annotations, annotation);
    const auto start = text ? text->find_first_not_of(" \t\r\n") : std::string::npos;
    if (start == std::string::npos || ((*text)[start] != '[' && (*text)[start] != '{')) return {};
    if (auto parsed = document.reparse(*text); !parsed || !document.root().is_array()) {
        return malformed(annotation, "no JSON list of network selections: " + quoted(*text),
                         "write it as the Network Plumbing Working Group's specification says");
    }
    std::optional<Error> error;
    document.root().each([&](JsonView element) {
        if (error) return;
        if (auto result = visit(element); !result) error = result.error();
    });
    if (error) return *error;
    return {};
}

}  // namespace

std::string to_json(const PodNetwork& network) {
    JsonWriter w;
    w.reserve(512);  // of two families
    w.begin_object();
    w.key("ip_addresses").array([&] {
        for (const auto& ip : network.ips)
            w.value(ip.text());
    });
    w.member("mac_address", network.mac.text());
    if (!network.gateways.empty()) {
        w.key("gateway_ips").array([&] {
            for (const auto& ip : network.gateways)
                w.value(ip.text());
        });
    }
    if (!network.routes.empty()) {
        w.key("routes").array([&] {
            for (const auto& route : network.routes) {
                w.object([&] {
                    w.member("dest", route.destination.text());
                    if (route.next_hop) w.member("nextHop", route.next_hop->text());
                });
            }
        });
    }
    if (network.ips.size() == 1) {
        w.member("ip_address", network.ips.front().text());
        if (network.gateways.size() == 1) w.member("gateway_ip", network.gateways.front().text());
    }
    if (!network.role.empty()) w.member("role", network.role);
    w.end_object();
    return w.take();
}

Result<std::optional<AnnotatedNetwork>> annotated_network(const tables::Pod& pod) {
    const std::string* text = tables::find_annotation(pod.annotations, ovn::annotation::pod_networks);
    if (!text) return std::optional<AnnotatedNetwork>();
    const auto document = JsonDocument::parse(*text);
    if (!document || !document->root().is_object()) {
        return malformed(ovn::annotation::pod_networks, "no JSON object: " + quoted(*text), mend_pod_networks);
    }
    const JsonView entry = document->root()[ovn::annotation::default_network_key];
    if (!entry) return std::optional<AnnotatedNetwork>();
    auto network = EntryReader(entry).read();
    if (!network) return network.error();
    return std::optional<AnnotatedNetwork>(AnnotatedNetwork{*std::move(network), entry.dump()});
}

Result<Wishes> wishes_of(const tables::Pod& pod) {
    Wishes wishes;
    const auto says = [&](std::string_view name) { return tables::find_annotation(pod.annotations, name) != nullptr; };
    if (!says(ovn::annotation::default_network) && !says(ovn::annotation::networks)) return wishes;
    JsonDocument document;
    bool seen = false;
    auto read = each_selection(pod, ovn::annotation::default_network, document, [&](JsonView element) -> Result<void> {
        const auto annotation = ovn::annotation::default_network;
        if (std::exchange(seen, true)) {
            return malformed(annotation, "more than one network selection", "leave one: a pod has one default network");
        }
        wishes.ips = element["ips"].size() > 0;
        const JsonView mac = element["mac"];
        if (!mac || mac.string_or("-").empty()) return {};
        const auto parsed = Mac::parse(mac.string_or(""));
        if (!parsed || parsed->is_multicast() || parsed->is_zero()) {
            return malformed(annotation, "mac is no MAC of an interface: " + quoted(mac),
                             "write six pairs of hex digits, such as 0a:58:00:00:00:01");
        }
        wishes.mac = *parsed;
        return {};
    });
    if (!read) return read.error();
    read = each_selection(pod, ovn::annotation::networks, document, [&](JsonView element) -> Result<void> {
        std::optional<Error> error;
        element["default-route"].each([&](JsonView value) {
            const auto ip = Ip::parse(value.string_or(""));
            if (!ip) {
                error = malformed(ovn::annotation::networks, "default-route is no IP address: " + quoted(value),
                                  "write the gateway's address");
                return;
            }
            (ip->is_v4() ? wishes.other_default_v4 : wishes.other_default_v6) = true;
        });
        if (error) return *error;
        return {};
    });
    if (!read) return read.error();
    return wishes;
}

PodNetwork make_network(const std::vector<IpPrefix>& ips, const std::optional<Mac>& mac, const Wishes& wishes,
                        const tables::NetworkConfig& config) {
    PodNetwork network{.ips = ips, .mac = mac ? *mac : Mac::of(ips.front().ip())};
    for (const auto& ip : ips) {
        const Family family = ip.family();
        const Ip router = ovn::gateway_address(ip).ip();
        if (!wishes.other_default(family)) network.gateways.push_back(router);
        const auto add = [&](const IpPrefix& destination) { network.routes.push_back({destination, router}); };
        for (const auto& subnet : config.cluster_subnets) {
            if (subnet.range.family() == family) add(subnet.range);
        }
        for (const auto& services : config.service_cidrs) {
            if (services.family() == family) add(services);
        }
        add(IpPrefix::host(ovn::masquerade_address(config, family, ovn::Masquerade::service_hairpin)));
        add(ovn::join_subnet(config, family));
    }
    return network;
}

}  // namespace weft::default_network
