#include "reach.hpp"

#include "table.hpp"

#include <weft/base/json.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <iostream>
#include <thread>

namespace weft::demo {

namespace {

constexpr int pings = 5;
constexpr std::array families{Family::v4, Family::v6};
constexpr std::array reaches{Reach::same_node, Reach::across_nodes, Reach::management_port};

std::string_view to_string(Reach reach) {
    switch (reach) {
        case Reach::same_node: return "pod to pod on the same node";
        case Reach::across_nodes: return "pod to pod across nodes";
        case Reach::management_port: return "pod to its node's management port";
    }
    return "?";
}

std::map<Family, Ip> by_family(const std::vector<Ip>& addresses) {
    std::map<Family, Ip> result;
    for (const auto& address : addresses)
        result.emplace(address.family(), address);
    return result;
}

/// Addresses of the node's own port into the cluster network.
Result<std::vector<Ip>> management_addresses(const testing::OvnNode& node) {
    auto output = node.netns().ip({"-j", "addr", "show", "dev", "ovn-k8s-mp0", "scope", "global"});
    if (!output) return output.error();
    const auto parsed = JsonDocument::parse(*output);
    if (!parsed) return parsed.error();
    std::vector<Ip> addresses;
    parsed->root().each([&](JsonView link) {
        link["addr_info"].each([&](JsonView one) {
            if (auto address = Ip::parse(one["local"].string_or(""))) addresses.push_back(*address);
        });
    });
    return addresses;
}

std::string title(const testing::RunningPod& pod) {
    return pod.pod_namespace + "/" + pod.name + " (" + pod.node + ")";
}

Result<testing::PingResult> ping_path(const Path& path, Family family) {
    const auto to = path.addresses.find(family);
    if (to == path.addresses.end()) return waiting("no address of that family");
    // The first packets may be lost while neighbours are being resolved.
    if (auto warm = testing::wait_reachable(*path.source, to->second, std::chrono::seconds(15)); !warm) {
        return warm.error();
    }
    return testing::ping(*path.source, to->second, {.count = pings, .interval_s = 0.1});
}

/// Different sources side by side: pings are no load.
void ping_all(const std::vector<Path>& paths, Outcomes& outcomes) {
    std::map<const void*, std::vector<std::size_t>> by_source;
    for (std::size_t n = 0; n < paths.size(); ++n)
        by_source[paths[n].source].push_back(n);
    std::vector<std::thread> threads;
    threads.reserve(by_source.size());
    for (const auto& [source, numbers] : by_source) {
        threads.emplace_back([&, &list = numbers] {
            for (const auto n : list) {
                for (const auto family : families)
                    outcomes[n][family].ping = ping_path(paths[n], family);
            }
        });
    }
    for (auto& thread : threads)
        thread.join();
}

/// One after the other, so that each has the machine for itself.
void stream_all(const std::vector<Path>& paths, Outcomes& outcomes) {
    for (std::size_t n = 0; n < paths.size(); ++n) {
        for (auto& [family, outcome] : outcomes[n]) {
            if (!outcome.ping) continue;
            outcome.stream = testing::tcp_stream(*paths[n].source, paths[n].addresses.at(family),
                                                 {.port = paths[n].port, .segments = 200});
        }
    }
}

std::string ping_cell(const Outcome& outcome) {
    if (!outcome.ping || outcome.ping->received == 0) return "unreachable";
    std::array<char, 48> text{};
    std::snprintf(text.data(), text.size(), "%6.2f ms", outcome.ping->average_ms);
    if (outcome.ping->lost() == 0) return text.data();
    return std::string(text.data()) + ", " + std::to_string(outcome.ping->lost()) + " of " +
           std::to_string(outcome.ping->sent) + " lost";
}

std::string stream_cell(const Outcome& outcome) {
    if (!outcome.stream) return "failed";
    const auto megabits = static_cast<double>(outcome.stream->bytes) * 8 / 1e6;
    std::array<char, 48> text{};
    std::snprintf(text.data(), text.size(), "%4.0f Mbit/s", megabits / std::max(outcome.stream->seconds, 1e-9));
    return text.data();
}

/// Why a path that should lead somewhere doesn't, in the words of whoever tried.
void tell_why(const Steps& steps, const Path& path, const std::map<Family, Outcome>& outcomes) {
    for (const auto& [family, outcome] : outcomes) {
        if (outcome.reached()) continue;
        const auto reason = !outcome.ping     ? outcome.ping.error().text()
                            : !outcome.stream ? outcome.stream.error().text()
                                              : "no ping got a reply";
        std::cout << steps.bad(path.from + " to " + path.to + ", " + (family == Family::v4 ? "IPv4" : "IPv6") + ": " +
                               reason)
                  << "\n";
    }
}

}  // namespace

Result<std::vector<Path>> all_paths(testing::Cluster& cluster, const std::vector<testing::RunningPod>& pods) {
    std::vector<Path> paths;
    for (const auto& from : pods) {
        for (const auto& to : pods) {
            if (&from == &to) continue;
            const auto reach = from.node == to.node ? Reach::same_node : Reach::across_nodes;
            paths.push_back({title(from), title(to), reach, &from.netns, by_family(to.addresses), pod_echo_port});
        }
        auto addresses = management_addresses(*cluster.node(from.node).ovn);
        if (!addresses) return addresses.error();
        paths.push_back({title(from), "ovn-k8s-mp0 (" + from.node + ")", Reach::management_port, &from.netns,
                         by_family(*addresses), node_echo_port});
    }
    return paths;
}

Outcomes try_paths(const Steps& steps, const std::vector<Path>& paths) {
    Outcomes outcomes(paths.size());
    [[maybe_unused]] const auto pinged =
        steps.run("pings from each pod to all others, IPv4 and IPv6", [&]() -> Result<void> {
            ping_all(paths, outcomes);
            return {};
        });
    [[maybe_unused]] const auto streamed =
        steps.run("TCP streams of 200 segments of 1,300 bytes, there and back", [&]() -> Result<void> {
            stream_all(paths, outcomes);
            return {};
        });
    return outcomes;
}

void show_pods(const Steps& steps, const std::vector<testing::RunningPod>& pods) {
    steps.heading("Pods");
    Table table({"POD", "NODE", "IPv4", "IPv6", "NETWORK NAMESPACE"});
    for (const auto& pod : pods) {
        const auto text = [&](Family family) { return pod.address(family) ? pod.address(family)->text() : "-"; };
        table.add({pod.pod_namespace + "/" + pod.name, pod.node, text(Family::v4), text(Family::v6), pod.netns.name()});
    }
    table.print(steps);
}

bool show_reachability(const Steps& steps, const std::vector<Path>& paths, const Outcomes& outcomes) {
    steps.heading("Who reaches whom");
    Table table({"FROM", "TO", "IPv4 PING", "IPv4 TCP", "IPv6 PING", "IPv6 TCP"});
    bool all = true;
    for (const auto reach : reaches) {
        table.add_heading(std::string(to_string(reach)));
        for (std::size_t n = 0; n < paths.size(); ++n) {
            if (paths[n].reach != reach) continue;
            std::vector<std::string> cells{paths[n].from, paths[n].to};
            bool good = true;
            for (const auto& [family, outcome] : outcomes[n]) {
                cells.insert(cells.end(), {ping_cell(outcome), stream_cell(outcome)});
                good = good && outcome.reached();
            }
            table.add(std::move(cells), good);
            all = all && good;
        }
    }
    table.print(steps);
    std::cout << steps.dim("PING: mean of " + std::to_string(pings) +
                           " round trips. TCP: both ways; every byte that came back was compared.")
              << "\n";
    for (std::size_t n = 0; n < paths.size(); ++n)
        tell_why(steps, paths[n], outcomes[n]);
    std::cout << (all ? steps.good("everybody reaches everybody") : steps.bad("not everybody reaches everybody"))
              << std::endl;
    return all;
}

}  // namespace weft::demo
