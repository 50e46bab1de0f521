#include <weft/base/hash.hpp>
#include <weft/testing/testbed/underlay.hpp>

namespace weft::testing {

namespace {

constexpr int first_node = 11;
constexpr int mtu = 1500;
const char* const bridge = "br0";

IpPrefix subnet(Family family) {
    return family == Family::v4 ? IpPrefix(Ip::v4({172, 18, 0, 0}), 16)
                                : IpPrefix(Ip::v6({0xfd, 0, 0x01, 0x72, 0, 0x18}), 64);
}

/// Device names have 15 characters, node names up to 253.
std::string port_of(const std::string& node) {
    if (node.size() <= 13) return "p-" + node;
    const auto hash = std::hash<std::string>{}(node) % 10'000'000;
    return "p-" + node.substr(0, 5) + "-" + std::to_string(hash);
}

}  // namespace

Ip Underlay::gateway(Family family) const {
    return *subnet(family).ip().plus(1);
}

IpPrefix Underlay::server_address(Family family) const {
    return {*subnet(family).ip().plus(2), subnet(family).length()};
}

IpPrefix Underlay::node_address(Family family, int number) const {
    return {*subnet(family).ip().plus(first_node + number), subnet(family).length()};
}

Result<Underlay> Underlay::create(Testbed& testbed) {
    Underlay underlay;
    auto netns = testbed.make_namespace("underlay");
    if (!netns) return netns.error();
    underlay.netns_ = std::move(*netns);
    const auto address = [&](Family family) {
        return IpPrefix(underlay.gateway(family), subnet(family).length()).text();
    };
    const auto made = underlay.netns_.ip_batch(
        "link add br0 type bridge\n"
        "addr add " +
        address(Family::v4) +
        " dev br0\n"
        "addr add " +
        address(Family::v6) +
        " dev br0 nodad\n"
        "link set br0 up\n");
    if (!made) return made.error();
    if (auto off = checksum_offload_off(underlay.netns_, bridge); !off) return off.error();
    return underlay;
}

Result<void> Underlay::attach(const NetworkNamespace& where, const std::string& node, const std::string& device) const {
    const auto port = port_of(node);
    // The kernel takes its time to clear away the namespace of a node that left, and with it this end of its cable.
    [[maybe_unused]] const auto former = netns_.run({"ip", "link", "del", port});
    if (auto laid = add_veth({netns_, port, mtu}, {where, device, mtu}); !laid) return laid.error();
    if (auto off = checksum_offload_off(netns_, port); !off) return off.error();
    if (auto off = checksum_offload_off(where, device); !off) return off.error();
    return netns_.ip_batch("link set " + port + " master br0 up\n");
}

Result<void> Underlay::set_cable(const std::string& node, bool plugged) const {
    return netns_.ip_batch("link set " + port_of(node) + (plugged ? " up\n" : " down\n"));
}

}  // namespace weft::testing
