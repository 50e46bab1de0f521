#include "effort.hpp"
#include "ipam/ipam.hpp"
#include "rig.hpp"

#include <weft/ovsdb/nb.hpp>
#include <weft/tables/ipam.hpp>

#include <map>
#include <random>
#include <set>

#include <gtest/gtest.h>

// Random requests, releases and ports against an oracle that does the same in the plainest way: scan all addresses.
namespace weft::ipam {
namespace {

using tables::AddressLease;
using tables::AddressPool;
using tables::AddressRequest;

constexpr int usable = 30;  // 10.0.0.0/27

/// One family, every question answered by walking through everything.
struct Oracle {
    struct Request {
        std::string key;
        int fixed = 0;  ///< 0: none
        int given = 0;
        std::string carrier;
        bool told = false;  ///< the allocator has run since it came
    };
    std::map<std::string, Request> requests;
    std::map<std::string, int> ports;  ///< name -> address
    std::set<std::string> spent_ports;
    int pointer = 1;

    bool owned(int address) const {
        for (const auto& [key, r] : requests) {
            if (r.given == address) return true;
        }
        return false;
    }
    bool carried_by_another(int address, const std::string& name) const {
        for (const auto& [port, a] : ports) {
            if (a == address && port != name) return true;
        }
        return false;
    }
    bool carried(int address) const { return carried_by_another(address, ""); }

    void settle() {
        for (auto& [key, r] : requests)
            r.told = true;
        // Those that say what they have, then those whose own port is there, then the rest; each by key.
        std::set<std::string> wishing;
        for (const auto& [key, r] : requests) {
            if (r.given == 0 && r.fixed == 0 && ports.contains(r.carrier) && !spent_ports.contains(r.carrier)) {
                wishing.insert(key);
            }
        }
        for (auto& [key, r] : requests) {
            if (r.given == 0 && r.fixed != 0 && !owned(r.fixed)) r.given = r.fixed;
        }
        for (auto& [key, r] : requests) {
            if (!wishing.contains(key)) continue;
            const int wish = ports.at(r.carrier);
            if (!owned(wish) && !carried_by_another(wish, r.carrier)) r.given = wish;
        }
        for (const bool wished : {true, false}) {
            for (auto& [key, r] : requests) {
                if (r.given == 0 && r.fixed == 0 && wishing.contains(key) == wished) choose(r);
            }
        }
    }

    void choose(Request& r) {
        for (int i = 0; i < usable && r.given == 0; ++i) {
            const int address = (pointer - 1 + i) % usable + 1;
            if (owned(address) || carried(address)) continue;
            r.given = address;
            pointer = address % usable + 1;
        }
    }
};

TEST(AddressProperty, AgreesWithAnOracle) {
    for (unsigned seed = 1; seed <= 6; ++seed) {
        std::mt19937 random(seed);
        Rig<AddressLease> rig(address_allocator());
        Oracle oracle;
        rig.put(0, AddressPool{.key = Key<AddressPool>{"p"}, .prefixes = {*IpPrefix::parse("10.0.0.0/27")}});
        const auto ip = [](int n) { return *Ip::parse("10.0.0." + std::to_string(n)); };
        int born = 0;
        std::vector<std::string> alive;
        for (int step = 0; step < 2500; ++step) {
            for (unsigned i = 0; i <= random() % 3; ++i) {
                switch (random() % 6) {
                    case 0:
                    case 1: {  // a pod comes
                        const std::string key = std::to_string(100000 + ++born);
                        AddressRequest row{.key = Key<AddressRequest>{key}, .pool = "p"};
                        row.carrier = "port" + std::to_string(random() % 40);
                        bool twice = false;
                        for (const auto& [k, r] : oracle.requests)
                            twice = twice || r.carrier == row.carrier;
                        if (twice) break;
                        int fixed = 0;
                        if (random() % 5 == 0) fixed = static_cast<int>(random() % usable) + 1;
                        if (fixed != 0) row.fixed = {ip(fixed)};
                        oracle.requests[key] = {key, fixed, 0, row.carrier, false};
                        alive.push_back(key);
                        rig.put(1, row);
                        break;
                    }
                    case 2:
                    case 3: {  // a pod goes
                        if (alive.empty()) break;
                        const std::size_t at = random() % alive.size();
                        const std::string carrier = oracle.requests[alive[at]].carrier;
                        // Told to the allocator in one run with other things; it sees requests before ports.
                        rig.erase(1, alive[at]);
                        const bool told = oracle.requests[alive[at]].told;
                        oracle.requests.erase(alive[at]);
                        alive.erase(alive.begin() + static_cast<std::ptrdiff_t>(at));
                        if (told && oracle.ports.contains(carrier)) oracle.spent_ports.insert(carrier);
                        rig.run();
                        oracle.settle();
                        break;
                    }
                    case 4: {  // the database shows what was asked for, or a port left behind
                        std::string name = "port" + std::to_string(random() % 40);
                        int address = static_cast<int>(random() % usable) + 1;
                        for (const auto& [k, r] : oracle.requests) {
                            if (r.carrier == name && r.given != 0) address = r.given;
                        }
                        nb::LogicalSwitchPort row;
                        row.key.text = "uuid-" + name;
                        row.name = name;
                        row.addresses = {"0a:58:00:00:00:01 10.0.0." + std::to_string(address)};
                        rig.put(2, row);
                        rig.run();
                        oracle.ports[name] = address;
                        oracle.settle();
                        break;
                    }
                    default: {  // a port goes
                        if (oracle.ports.empty()) break;
                        auto at = oracle.ports.begin();
                        std::advance(at, static_cast<std::ptrdiff_t>(random() % oracle.ports.size()));
                        rig.erase(2, "uuid-" + at->first);
                        rig.run();
                        oracle.spent_ports.erase(at->first);
                        oracle.ports.erase(at);
                        oracle.settle();
                        break;
                    }
                }
            }
            rig.run();
            oracle.settle();
            ASSERT_EQ(rig.leases.size(), oracle.requests.size());
            for (const auto& [key, r] : oracle.requests) {
                const auto lease = rig.lease(key);
                const int given = lease.ips.empty() ? 0 : static_cast<int>(lease.ips[0].ip().v4_value() & 0xffU);
                ASSERT_EQ(given, r.given)
                    << "seed " << seed << " step " << step << " request " << key << " " << lease.problem;
                ASSERT_EQ(lease.problem.empty(), given != 0);
            }
        }
    }
}

// A subnet of a million addresses: filling it, and freeing the one address that is then handed out again.
TEST(AddressProperty, AMillionAddresses) {
    Rig<AddressLease> rig(address_allocator());
    rig.put(0, AddressPool{.key = Key<AddressPool>{"p"}, .prefixes = {*IpPrefix::parse("10.0.0.0/12")}});
    constexpr int total = test::Effort{.plain = 200'000, .under_asan = 40'000, .under_tsan = 40'000}.count();
    for (int i = 0; i < total; ++i) {
        rig.put(1, AddressRequest{.key = Key<AddressRequest>{std::to_string(1000000 + i)}, .pool = "p"});
    }
    rig.run();
    std::set<Ip> all;
    for (const auto& [key, row] : rig.leases)
        all.insert(row.as<AddressLease>().ips.at(0).ip());
    EXPECT_EQ(all.size(), static_cast<std::size_t>(total));
    // The first after the network's own address, and no gap.
    EXPECT_EQ(all.begin()->text(), "10.0.0.1");
    EXPECT_EQ(all.rbegin()->text(), "10." + std::to_string(total >> 16) + "." + std::to_string(total >> 8 & 255) + "." +
                                        std::to_string(total & 255));
}

}  // namespace
}  // namespace weft::ipam
