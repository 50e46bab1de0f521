// A replica of 50,000 rows (fewer under a sanitizer); the numbers are printed, not judged.
#include "effort.hpp"
#include "integration/ovsdb/harness.hpp"

#include <weft/ovsdb/nb.hpp>

#include <cstdio>

#include <gmock/gmock.h>

using namespace weft;
using namespace weft::ovsdb;
using namespace weft::test;

namespace {

using SteadyClock = std::chrono::steady_clock;

double ms(Duration d) {
    return std::chrono::duration<double, std::milli>(d).count();
}

TEST(Scale, FiftyThousandRows) {
    const DatabaseInfo& db = nb_database();
    const TableInfo& switches = *db.table("Logical_Switch");
    const TableInfo& ports_table = *db.table("Logical_Switch_Port");
    constexpr std::size_t count = Effort{.plain = 50'000, .under_asan = 10'000, .under_tsan = 10'000}.count();
    const TempDir dir;
    Server server(dir, "ovn-nb-26.03.2.ovsschema");
    const MonitorRequest request = {TableRequest::all(switches), TableRequest::all(ports_table)};
    Uuid switch_uuid;
    {
        Owner writer(db, server.remote(), {TableRequest::all(switches)});
        ASSERT_TRUE(writer.until_synced());
        Ports ports(writer);
        ports.make_switch();
        switch_uuid = ports.switch_uuid;
        std::uint64_t last = 0;
        for (std::size_t i = 0; i < count;) {
            Transaction t;
            for (int n = 0; n < 500; ++n, ++i)
                ports.add(t, "namespace-1_pod-" + std::to_string(i), Uuid::random());
            last = writer.client->transact(std::move(t));
        }
        ASSERT_TRUE(writer.until([&] { return writer.outcomes.contains(last); }));
    }
    const std::size_t before = resident_bytes();
    const auto start = SteadyClock::now();
    Owner owner(db, server.remote(), request);
    ASSERT_TRUE(owner.until_synced());
    const Duration loaded = SteadyClock::now() - start;
    owner.row_changes = {};
    const std::size_t after = resident_bytes();
    ASSERT_EQ(owner.replica.size(ports_table), count);
    ASSERT_EQ(owner.replica.members(switches, switch_uuid, *switches.column("ports"))->size(), count);
    std::printf(
        "%zu rows: %.0f ms from connect to synced, of which the client's thread %.0f ms; %.1f MiB (%.0f bytes a "
        "row, tables %.1f MiB)\n",
        count, ms(loaded), ms(owner.client->counters().io_cpu), static_cast<double>(after - before) / (1 << 20),
        static_cast<double>(after - before) / count, static_cast<double>(owner.replica.overhead()) / (1 << 20));

    // A reload changes nothing and keeps every row.
    const auto again = SteadyClock::now();
    owner.client->reconnect("the test says so");
    ASSERT_TRUE(owner.until([&] { return owner.connects == 2 && owner.synced; }));
    EXPECT_TRUE(owner.row_changes.empty());
    EXPECT_TRUE(owner.member_changes.empty());
    std::printf("reload without a difference: %.0f ms; then %.1f MiB\n", ms(SteadyClock::now() - again),
                static_cast<double>(resident_bytes() - before) / (1 << 20));

    // One port more among them.
    Ports ports(owner);
    Transaction t;
    const nb::LogicalSwitchPort row{.name = "one more"};
    const Uuid uuid = Uuid::random();
    ASSERT_TRUE(t.insert(ports_table, uuid, &row, ports_table.all_columns(), no_references()).ok());
    Mutations m;
    m.insert(*switches.column("ports"), Scalar(uuid));
    t.mutate(switches, switch_uuid, m);
    const auto one = SteadyClock::now();
    ASSERT_TRUE(owner.commit(std::move(t)).ok());
    std::printf("one more port: %.2f ms until it is in the replica\n", ms(SteadyClock::now() - one));
    EXPECT_EQ(owner.row_changes.size(), 1u);
    EXPECT_EQ(owner.member_changes.size(), 1u);
}

}  // namespace
