// Floor A: weft's OVSDB layer commits rows that were built before, with the monitors that weftd has, against a real
// ovsdb-server: for each pod a switch port, its place in the switch, a port group and an address set.
//
//   bench-ovsdb [PODS [BATCH]]
//
// Beside it a bare client sends the same bytes over a blocking socket and looks for nothing but the answers' number.
#include "integration/ovsdb/harness.hpp"
#include "ovsdb/framing.hpp"

#include <weft/ovsdb/nb.hpp>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>

#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

using namespace weft;
using namespace weft::ovsdb;
using namespace weft::test;

namespace {

using SteadyClock = std::chrono::steady_clock;

const DatabaseInfo& db = nb_database();
const TableInfo& ports_table = *db.table("Logical_Switch_Port");
const TableInfo& switches = *db.table("Logical_Switch");
const TableInfo& groups = *db.table("Port_Group");
const TableInfo& sets = *db.table("Address_Set");

double seconds(Duration d) {
    return std::chrono::duration<double>(d).count();
}

double own_cpu() {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

struct Fixed {
    Uuid on_switch = Uuid::random();
    Uuid group = Uuid::random();
    Uuid set = Uuid::random();
};

Transaction fixed_rows(const Fixed& fixed) {
    Transaction t;
    const nb::LogicalSwitch on_switch{.name = "n1"};
    const nb::PortGroup group{.name = "a_ns"};
    const nb::AddressSet set{.name = "a1"};
    (void)t.insert(switches, fixed.on_switch, &on_switch, switches.all_columns(), no_references());
    (void)t.insert(groups, fixed.group, &group, groups.all_columns(), no_references());
    (void)t.insert(sets, fixed.set, &set, sets.all_columns(), no_references());
    return t;
}

struct Pod {
    Uuid uuid;
    nb::LogicalSwitchPort port;
    std::string address;
};

std::vector<Pod> make_pods(int count) {
    std::vector<Pod> pods;
    for (int i = 0; i < count; ++i) {
        const std::string address =
            "10." + std::to_string(i >> 16) + "." + std::to_string((i >> 8) & 255) + "." + std::to_string(i & 255);
        const std::string name = "namespace-1_pod-" + std::to_string(i);
        const std::string both = "0a:58:0a:00:00:01 " + address;
        pods.push_back({Uuid::random(),
                        {.addresses = {both},
                         .external_ids = {{"namespace", "namespace-1"}, {"pod", "true"}},
                         .name = name,
                         .options = {{"iface-id-ver", Uuid::random().text()}, {"requested-chassis", "n1"}},
                         .port_security = {both}},
                        address});
    }
    return pods;
}

/// What the applier does for a batch of pods.
Transaction batch(const Fixed& fixed, const Pod* first, const Pod* last) {
    Transaction t;
    Mutations in_switch;
    Mutations in_group;
    Mutations in_set;
    Group group = 0;
    for (const Pod* pod = first; pod != last; ++pod) {
        t.begin_group(group++);
        (void)t.insert(ports_table, pod->uuid, &pod->port, ports_table.all_columns(), no_references());
        in_switch.insert(*switches.column("ports"), pod->uuid);
        in_group.insert(*groups.column("ports"), pod->uuid);
        in_set.insert(*sets.column("addresses"), pod->address);
    }
    t.mutate(switches, fixed.on_switch, in_switch);
    t.mutate(groups, fixed.group, in_group);
    t.mutate(sets, fixed.set, in_set);
    return t;
}

MonitorRequest monitors() {
    MonitorRequest request;
    for (const auto& table : db.tables())
        request.push_back(TableRequest::all(*table));
    return request;
}

struct Cost {
    double wall = 0;
    double cpu = 0;
};

void print(const char* what, const Cost& r, int pods) {
    std::printf("%-44s %8.1f ms wall %8.1f ms client CPU   a pod: %7.4f ms wall %6.2f us CPU\n", what, r.wall * 1e3,
                r.cpu * 1e3, r.wall * 1e3 / pods, r.cpu * 1e6 / pods);
}

/// `depth` transactions are on their way at a time.
Cost through_weft(int pods, int size, std::size_t depth) {
    const TempDir dir;
    Server server(dir, "ovn-nb-26.03.2.ovsschema");
    Owner owner(db, server.remote(), monitors());
    owner.until_synced();
    const Fixed fixed;
    owner.commit(fixed_rows(fixed));
    const auto rows = make_pods(pods);
    const double cpu = own_cpu();
    const auto start = SteadyClock::now();
    std::vector<std::uint64_t> sent;
    for (int at = 0; at < pods; at += size) {
        sent.push_back(owner.client->transact(
            batch(fixed, &rows[static_cast<std::size_t>(at)], rows.data() + std::min(at + size, pods))));
        if (sent.size() >= depth) owner.until([&] { return owner.outcomes.contains(sent[sent.size() - depth]); });
    }
    owner.until([&] { return owner.outcomes.contains(sent.back()); });
    const Cost result{seconds(SteadyClock::now() - start), own_cpu() - cpu};
    for (const auto id : sent) {
        if (!owner.outcome(id)->ok()) std::printf("refused: %s\n", owner.outcome(id)->text().c_str());
    }
    if (owner.replica.size(ports_table) != static_cast<std::size_t>(pods)) std::printf("the replica is not complete\n");
    return result;
}

/// The same transactions as bytes, one at a time, over a blocking socket; answers are only counted.
Cost bare(int pods, int size) {
    const TempDir dir;
    Server server(dir, "ovn-nb-26.03.2.ovsschema");
    Owner(db, server.remote(), monitors()).until_synced();
    const Fixed fixed;
    const auto rows = make_pods(pods);
    std::vector<std::string> texts;
    const auto add = [&](const Transaction& t) {
        texts.push_back("{\"id\":" + std::to_string(texts.size()) +
                        R"(,"method":"transact","params":["OVN_Northbound",)" + t.json() + "]}");
    };
    add(fixed_rows(fixed));
    for (int at = 0; at < pods; at += size)
        add(batch(fixed, &rows[static_cast<std::size_t>(at)], rows.data() + std::min(at + size, pods)));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, server.socket().c_str(), sizeof(address.sun_path) - 1);
    const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
    if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) return {};
    Framer framer;
    const double cpu = own_cpu();
    const auto start = SteadyClock::now();
    for (const auto& text : texts) {
        for (std::size_t put = 0; put < text.size();) {
            const auto n = ::send(fd, text.data() + put, text.size() - put, 0);
            if (n <= 0) return {};
            put += static_cast<std::size_t>(n);
        }
        while (true) {
            auto message = framer.next();
            if (!message) return {};
            if (!message->empty()) break;
            auto room = framer.room(65536);
            const auto got = ::recv(fd, room.data(), room.size(), 0);
            if (got <= 0) return {};
            framer.filled(static_cast<std::size_t>(got));
        }
    }
    const Cost result{seconds(SteadyClock::now() - start), own_cpu() - cpu};
    ::close(fd);
    return result;
}

}  // namespace

int main(int argc, char** argv) {
    const int pods = argc > 1 ? static_cast<int>(std::strtol(argv[1], nullptr, 10)) : 10'000;
    const int size = argc > 2 ? static_cast<int>(std::strtol(argv[2], nullptr, 10)) : 100;
    std::printf("%d pods in batches of %d: switch port, and a member of switch, port group and address set\n", pods,
                size);
    const Cost floor = bare(pods, size);
    print("bare client, no monitors", floor, pods);
    const Cost one = through_weft(pods, size, 1);
    print("weft's OVSDB layer, one transaction at a time", one, pods);
    const Cost many = through_weft(pods, size, 8);
    print("weft's OVSDB layer, eight on their way", many, pods);
    std::printf("ratio to the bare client: %.2f wall, %.1f CPU (one at a time); %.2f wall (eight)\n",
                one.wall / floor.wall, one.cpu / floor.cpu, many.wall / floor.wall);
    return 0;
}
