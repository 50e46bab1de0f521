#include "annotations.hpp"
#include "pod_network.hpp"

#include <weft/base/json.hpp>
#include <weft/engine/operator.hpp>
#include <weft/ovn/annotations.hpp>
#include <weft/tables/kube.hpp>

#include <cstdint>
#include <cstdlib>
#include <string_view>

/// Annotations of nodes and pods, and label selectors, as anybody may write them. What is refused is refused with words
/// that say which annotation and fit an Event; what is understood and written again is understood as the same.
namespace {

using namespace weft;
using namespace weft::default_network;

void check(bool holds) {
    if (!holds) std::abort();
}

/// An Event's message has at most 1024 bytes.
void check_error(const Error& error) {
    check(!error.what.empty());
    check(error.what.size() + error.where.size() + error.mend.size() < 900);
    check(JsonDocument::parse(json_quote(error.text())).ok());
}

template <class T>
bool good(const Result<T>& result) {
    if (!result) check_error(result.error());
    return result.ok();
}

void read_node(std::string_view text) {
    if (const auto subnets = parse_subnets(text); good(subnets) && !subnets->empty()) {
        const auto again = parse_subnets(R"({"default":)" + json_list(*subnets) + "}");
        check(again && *again == *subnets);
    }
    if (const auto pair = parse_address_pair(ovn::annotation::transit_address, text); good(pair) && !pair->empty()) {
        const auto again = parse_address_pair(ovn::annotation::transit_address, address_pair(*pair));
        check(again && *again == *pair);
    }
    (void)good(parse_node_id(text));
    (void)good(parse_encap_ips(text));
    (void)good(parse_management_mac(text));
}

tables::Pod pod_with(std::string_view annotation, std::string_view text) {
    tables::Pod pod;
    pod.key = Key<tables::Pod>{"web", "p"};
    pod.ns = "web";
    pod.name = "p";
    pod.annotations.emplace_back(std::string(annotation), std::string(text));
    return pod;
}

void read_pod(std::string_view text) {
    const auto network = annotated_network(pod_with(ovn::annotation::pod_networks, text));
    if (good(network) && *network) {
        const auto written = R"({"default":)" + to_json((*network)->network) + "}";
        const auto again = annotated_network(pod_with(ovn::annotation::pod_networks, written));
        check(again && *again && (**again).network == (*network)->network);
    }
    for (const auto* annotation : {"v1.multus-cni.io/default-network", "k8s.v1.cni.cncf.io/networks"})
        (void)good(wishes_of(pod_with(annotation, text)));
}

void read_selector(std::string_view text) {
    (void)LabelSelector::parse_text(text);
    if (const auto document = JsonDocument::parse(text)) (void)LabelSelector::parse(document->root());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

/// The first byte says what it is.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
    if (!JsonDocument::parse(json_quote(text))) return 0;  // no UTF-8: an API server sends nothing else
    switch (data[0] % 3) {
        case 0: read_node(text); break;
        case 1: read_pod(text); break;
        default: read_selector(text);
    }
    return 0;
}
