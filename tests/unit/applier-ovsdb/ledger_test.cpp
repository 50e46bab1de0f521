#include "appliers/ovsdb/ledger.hpp"

#include <weft/ovsdb/nb.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weft::appliers::ovsdb {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

OpenRow route(const Uuid& uuid, std::string prefix, std::string router, bool ours) {
    nb::LogicalRouterStaticRoute row;
    row.uuid = uuid;
    row.key.text = uuid.text();
    row.ip_prefix = prefix;
    row.parent = {"Logical_Router", "static_routes", std::move(router)};
    if (ours) row.external_ids = {{"ic-node", "n2"}};
    return RowPtr::make(row).open();
}

Ledger ledger() {
    Ledger made(*weft::ovsdb::find_table(row_type<nb::LogicalRouterStaticRoute>()));
    made.add_claim({"ic-routes", &row_type<nb::LogicalRouterStaticRoute>(),
                    [](const void* row) {
                        const auto& r = *static_cast<const nb::LogicalRouterStaticRoute*>(row);
                        return r.parent.key == "ovn_cluster_router" && r.external_ids.get().contains("ic-node");
                    },
                    [](const void* row) {
                        const auto& r = *static_cast<const nb::LogicalRouterStaticRoute*>(row);
                        return r.parent.key + "/" + r.ip_prefix.get();
                    },
                    nullptr});
    return made;
}

TEST(Ledger, LearnsOnlyWhatIsClaimed) {
    Ledger rows = ledger();
    const Uuid uuid = Uuid::random();
    EXPECT_EQ(rows.learn(route(uuid, "10.0.0.0/24", "ovn_cluster_router", true)), "ovn_cluster_router/10.0.0.0/24");
    EXPECT_THAT(rows.learn(route(Uuid::random(), "10.0.1.0/24", "ovn_cluster_router", false)), IsEmpty());
    EXPECT_THAT(rows.learn(route(Uuid::random(), "10.0.1.0/24", "GR_n1", true)), IsEmpty());
    EXPECT_EQ(rows.find("ovn_cluster_router/10.0.0.0/24"), uuid);
    EXPECT_THAT(rows.rows(), SizeIs(1));
}

TEST(Ledger, RemembersDoubles) {
    Ledger rows = ledger();
    const auto first = route(Uuid::random(), "10.0.0.0/24", "ovn_cluster_router", true);
    const auto second = route(Uuid::random(), "10.0.0.0/24", "ovn_cluster_router", true);
    rows.learn(first);
    rows.learn(first);
    EXPECT_THAT(rows.doubles(), IsEmpty());
    rows.learn(second);
    EXPECT_THAT(rows.doubles(), SizeIs(1));
    rows.forget(second);
    EXPECT_THAT(rows.doubles(), IsEmpty());
    rows.forget(first);
    EXPECT_TRUE(rows.find("ovn_cluster_router/10.0.0.0/24").is_zero());
}

}  // namespace
}  // namespace weft::appliers::ovsdb
