#include "hand_rows.hpp"

namespace weft::testing {

namespace {

std::string quoted(const std::string& text) {
    return "\"" + text + "\"";
}

Result<void> nothing(Result<std::string> output) {
    if (!output) return std::move(output).error();
    return {};
}

/// Arguments of a command as one reads them, split at spaces.
Argv words(const std::string& text) {
    Argv result;
    std::string word;
    for (const char c : text + " ") {
        if (c != ' ') {
            word += c;
        } else if (!word.empty()) {
            result.push_back(std::exchange(word, {}));
        }
    }
    return result;
}

Result<void> write_route(const HandNode& local, const IpPrefix& to, const Ip& via, const std::string& remote) {
    return nothing(
        local.node.nbctl({"--id=@route", "create", "Logical_Router_Static_Route", "ip_prefix=" + quoted(to.text()),
                          "nexthop=" + quoted(via.text()), "external_ids:ic-node=" + remote, "--", "add",
                          "Logical_Router", "ovn_cluster_router", "static_routes", "@route"}));
}

}  // namespace

Result<void> write_local_rows(const HandNode& local) {
    const auto& n = local.node.name();
    const auto& numbers = local.numbers;
    const auto lrp = [](const std::string& name, const Ip& mac_of, const std::string& v4, const std::string& v6) {
        return " -- lrp-add ovn_cluster_router " + name + " " + Mac::of(mac_of).text() + " " + v4 + " " + v6;
    };
    const auto router_port = [](const std::string& on, const std::string& port, const std::string& peer) {
        return " -- lsp-add " + on + " " + port + " -- lsp-set-type " + port + " router -- lsp-set-addresses " + port +
               " router -- lsp-set-options " + port + " router-port=" + peer;
    };
    const auto gateway = numbers.host(Family::v4, 1);
    auto rows =
        words("lr-add ovn_cluster_router -- ls-add " + n +
              lrp("rtos-" + n, gateway, numbers.host_prefix(Family::v4, 1).text(),
                  numbers.host_prefix(Family::v6, 1).text()) +
              " -- lrp-set-gateway-chassis rtos-" + n + " " + local.node.system_id() + " 1" +
              router_port(n, "stor-" + n, "rtos-" + n) +
              " -- ls-add transit_switch -- set Logical_Switch transit_switch other_config:interconn-ts=transit_switch"
              " other_config:requested-tnl-key=16711683" +
              lrp("rtots-" + n, numbers.transit(Family::v4), numbers.transit(Family::v4).text() + "/16",
                  numbers.transit(Family::v6).text() + "/64") +
              router_port("transit_switch", "tstor-" + n, "rtots-" + n) + " -- set Logical_Switch_Port tstor-" + n +
              " options:requested-tnl-key=" + std::to_string(numbers.id) + " -- lsp-add " + n + " k8s-" + n);
    rows.insert(rows.end(), {"--", "lsp-set-addresses", "k8s-" + n, numbers.port_addresses(2)});
    return nothing(local.node.nbctl(rows));
}

Result<void> write_remote_rows(const HandNode& local, const HandNode& remote) {
    const auto& r = remote.node.name();
    const auto& numbers = remote.numbers;
    const auto port = "tstor-" + r;
    const auto addresses = Mac::of(numbers.transit(Family::v4)).text() + " " + numbers.transit(Family::v4).text() +
                           "/16 " + numbers.transit(Family::v6).text() + "/64";
    auto rows =
        words("lsp-add transit_switch " + port + " -- lsp-set-type " + port + " remote -- set Logical_Switch_Port " +
              port + " options:requested-tnl-key=" + std::to_string(numbers.id) +
              " options:requested-chassis=" + remote.node.system_id());
    rows.insert(rows.end(), {"--", "lsp-set-addresses", port, addresses});
    if (auto done = nothing(local.node.nbctl(rows)); !done) return done;
    for (const auto family : {Family::v4, Family::v6}) {
        if (auto done = write_route(local, numbers.subnet(family), numbers.transit(family), r); !done) return done;
    }
    const auto chassis = nothing(local.node.sbctl(
        {"--id=@encap", "create", "Encap", "type=geneve", "ip=" + quoted(remote.node.address(Family::v4).ip().text()),
         "chassis_name=" + remote.node.system_id(), "options:csum=true", "--", "create", "Chassis",
         "name=" + remote.node.system_id(), "hostname=" + r, "encaps=@encap", "other_config:is-remote=true"}));
    if (!chassis) return chassis;
    if (auto done = nothing(local.node.nbctl({"--wait=sb", "sync"})); !done) return done;
    // northd 23.03 leaves the binding of remote ports to us.
    auto row = local.node.sbctl({"--bare", "--columns=_uuid", "find", "Chassis", "name=" + remote.node.system_id()});
    if (!row) return row.error();
    return nothing(local.node.sbctl({"set", "Port_Binding", port, "chassis=" + row->substr(0, row->find('\n'))}));
}

Result<NetworkNamespace> add_pod(Testbed& testbed, const HandNode& where, const std::string& name, int n) {
    const auto addresses = where.numbers.port_addresses(n);
    auto rows = nothing(where.node.nbctl(
        {"lsp-add", where.node.name(), "default_" + name, "--", "lsp-set-addresses", "default_" + name, addresses, "--",
         "lsp-set-port-security", "default_" + name, addresses, "--", "set", "Logical_Switch_Port", "default_" + name,
         "options:requested-chassis=" + where.node.system_id(), "options:iface-id-ver=uid-" + name}));
    if (!rows) return rows.error();
    HandMadePod pod{.name = name,
                    .iface_id = "default_" + name,
                    .iface_id_ver = "uid-" + name,
                    .mac = Mac::of(where.numbers.host(Family::v4, n))};
    for (const auto family : {Family::v4, Family::v6}) {
        pod.addresses.push_back(where.numbers.host_prefix(family, n));
        pod.gateways.push_back(where.numbers.host(family, 1));
    }
    return plug_pod(testbed, where.node, pod);
}

Result<void> add_management_port(const HandNode& where) {
    const auto device = std::string("ovn-k8s-mp0");
    auto port = where.node.vsctl({"add-port", "br-int", device, "--", "set", "Interface", device, "type=internal",
                                  "mac=" + quoted(Mac::of(where.numbers.host(Family::v4, 2)).text()),
                                  "mtu_request=1400", "external_ids:iface-id=k8s-" + where.node.name()});
    if (!port) return port.error();
    std::string commands = "link set " + device + " up\n";
    for (const auto family : {Family::v4, Family::v6}) {
        const auto cluster = std::string(family == Family::v4 ? "10.244.0.0/16" : "fd00:10:244::/48");
        commands += "addr add " + where.numbers.host_prefix(family, 2).text() + " dev " + device +
                    (family == Family::v6 ? " nodad\n" : "\n");
        commands += "route add " + cluster + " via " + where.numbers.host(family, 1).text() + "\n";
    }
    return where.node.netns().ip_batch(commands);
}

}  // namespace weft::testing
