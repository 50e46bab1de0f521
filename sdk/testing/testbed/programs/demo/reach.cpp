#include "reach.hpp"

#include <weft/base/json.hpp>
#include <weft/testing/testbed/probe.hpp>

#include <cstdio>
#include <iomanip>
#include <iostream>
#include <map>
#include <sstream>
#include <thread>

namespace weft::demo {

namespace {

constexpr std::uint16_t pod_echo_port = 8080;

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

struct Outcome {
    std::map<Family, Result<testing::PingResult>> pings;
    std::map<Family, Result<testing::StreamResult>> streams;

    bool reached(Family family) const {
        return pings.at(family) && pings.at(family)->lost() == 0 && streams.at(family);
    }
};

std::optional<Ip> address_of(const Path& path, Family family) {
    for (const auto& address : path.addresses) {
        if (address.family() == family) return address;
    }
    return std::nullopt;
}

Outcome try_path(const Path& path, const std::vector<Family>& families) {
    Outcome outcome;
    for (const auto family : families) {
        const auto address = address_of(path, family);
        if (!address) {
            outcome.pings.emplace(family, waiting("no address of that family"));
            outcome.streams.emplace(family, waiting("no address of that family"));
            continue;
        }
        // The first packets may be lost while neighbours are being resolved.
        if (auto warm = testing::wait_reachable(*path.source, *address, std::chrono::seconds(15)); !warm) {
            outcome.pings.emplace(family, warm.error());
            outcome.streams.emplace(family, warm.error());
            continue;
        }
        outcome.pings.emplace(family, testing::ping(*path.source, *address, {.count = 5, .interval_s = 0.1}));
        outcome.streams.emplace(family,
                                testing::tcp_stream(*path.source, *address, {.port = path.port, .segments = 200}));
    }
    return outcome;
}

/// Paths with the same source follow each other; different sources go side by side.
std::vector<Outcome> try_all(const std::vector<Path>& paths, const std::vector<Family>& families) {
    std::vector<Outcome> outcomes(paths.size());
    std::map<const void*, std::vector<std::size_t>> by_source;
    for (std::size_t n = 0; n < paths.size(); ++n)
        by_source[paths[n].source].push_back(n);
    std::vector<std::thread> threads;
    threads.reserve(by_source.size());
    for (const auto& [source, numbers] : by_source) {
        threads.emplace_back([&, &list = numbers] {
            for (const auto n : list)
                outcomes[n] = try_path(paths[n], families);
        });
    }
    for (auto& thread : threads)
        thread.join();
    return outcomes;
}

std::string cell(const Path& path, const Outcome& outcome, Family family) {
    const auto& ping = outcome.pings.at(family);
    if (!ping || ping->received == 0) return "unreachable";
    std::ostringstream text;
    text << std::left << std::setw(family == Family::v4 ? 15 : 24) << address_of(path, family)->text() << std::right
         << std::fixed << std::setprecision(2) << std::setw(6) << ping->average_ms << " ms";
    if (ping->lost() > 0) text << ", " << ping->lost() << " lost";
    return text.str();
}

std::string stream_cell(const Outcome& outcome, Family family) {
    const auto& stream = outcome.streams.at(family);
    if (!stream) return "failed";
    const auto megabits = static_cast<double>(stream->bytes) * 8 / 1e6 / std::max(stream->seconds, 1e-9);
    std::ostringstream text;
    text << std::fixed << std::setprecision(0) << megabits << " Mbit/s";
    return text.str();
}

void print_row(const Steps& steps, const std::vector<std::string>& cells, const std::vector<int>& widths, bool good) {
    std::ostringstream line;
    for (std::size_t n = 0; n < cells.size(); ++n)
        line << std::left << std::setw(widths[n]) << cells[n] << "  ";
    std::cout << (good ? line.str() : steps.bad(line.str())) << "\n";
}

}  // namespace

Result<std::vector<Path>> all_paths(testing::Cluster& cluster, const std::vector<testing::RunningPod>& pods) {
    std::vector<Path> paths;
    for (const auto& from : pods) {
        for (const auto& to : pods) {
            if (&from == &to) continue;
            paths.push_back({title(from), title(to), from.node == to.node ? "same node" : "across nodes", &from.netns,
                             to.addresses, pod_echo_port});
        }
        auto addresses = management_addresses(*cluster.node(from.node).ovn);
        if (!addresses) return addresses.error();
        paths.push_back(
            {title(from), from.node + " ovn-k8s-mp0", "management port", &from.netns, *addresses, node_echo_port});
    }
    return paths;
}

bool show_reachability(const Steps& steps, const std::vector<Path>& paths, const std::vector<Family>& families) {
    const auto outcomes = try_all(paths, families);
    std::vector<int> widths{16, 16, 15};
    std::vector<std::string> header{"FROM", "TO", "WHERE"};
    for (const auto family : families) {
        const bool v4 = family == Family::v4;
        widths.insert(widths.end(), {v4 ? 24 : 33, 12});
        header.insert(header.end(), {v4 ? "IPv4 ROUND TRIP" : "IPv6 ROUND TRIP", "TCP STREAM"});
    }
    print_row(steps, header, widths, true);
    bool all = true;
    for (std::size_t n = 0; n < paths.size(); ++n) {
        std::vector<std::string> cells{paths[n].from, paths[n].to, paths[n].where};
        bool good = true;
        for (const auto family : families) {
            cells.push_back(cell(paths[n], outcomes[n], family));
            cells.push_back(stream_cell(outcomes[n], family));
            good = good && outcomes[n].reached(family);
        }
        print_row(steps, cells, widths, good);
        all = all && good;
    }
    std::cout << steps.dim("TCP: 200 segments of 1,300 bytes, echoed, every byte compared") << std::endl;
    return all;
}

}  // namespace weft::demo
