// Servers with other schemas than the one weft was built with.
#include "integration/ovsdb/harness.hpp"

#include <weft/ovsdb/nb.hpp>
#include <weft/ovsdb/ovs.hpp>
#include <weft/ovsdb/sb.hpp>

#include <gmock/gmock.h>

using namespace weft;
using namespace weft::ovsdb;
using namespace weft::test;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

namespace {

MonitorRequest everything(const DatabaseInfo& db) {
    MonitorRequest request;
    for (const auto& table : db.tables())
        request.push_back(TableRequest::all(*table));
    return request;
}

TEST(Schema, TheOneWeftWasBuiltWith) {
    for (const auto& [file, db] :
         {std::pair{"ovn-nb-26.03.2.ovsschema", &nb_database()}, std::pair{"ovn-sb-26.03.2.ovsschema", &sb_database()},
          std::pair{"vswitch-8.3.1.ovsschema", &ovs_database()}}) {
        const TempDir dir;
        Server server(dir, file);
        Owner owner(*db, server.remote(), everything(*db));
        ASSERT_TRUE(owner.until_synced()) << file;
        EXPECT_THAT(owner.capabilities->absent(), IsEmpty()) << file;
        for (const auto& table : db->tables())
            EXPECT_EQ(owner.capabilities->columns(*table), table->all_columns()) << table->name;
    }
}

TEST(Schema, AnOlderOneWithoutOptionalColumns) {
    const auto& db = nb_database();
    const TempDir dir;
    Server server(dir, "ovn-nb-23.03.ovsschema");
    Owner owner(db, server.remote(), everything(db));
    ASSERT_TRUE(owner.until_synced());
    const TableInfo& acls = *db.table("ACL");
    EXPECT_FALSE(owner.capabilities->has_column(acls, *acls.column("tier")));
    EXPECT_TRUE(owner.capabilities->has_column(acls, *acls.column("priority")));
    EXPECT_FALSE(owner.capabilities->has_table(*db.table("Sample")));
    EXPECT_THAT(owner.capabilities->absent(), Contains("NAT.match"));
    EXPECT_THAT(owner.capabilities->absent(), Contains("Sample"));
    // A row that declares such a column is written without it.
    const TableInfo& groups = *db.table("Port_Group");
    const Uuid acl = Uuid::random();
    const Uuid group = Uuid::random();
    const nb::ACL row{.action = "allow", .direction = "to-lport", .match = "ip", .priority = 5, .tier = 2};
    Transaction t;
    ASSERT_TRUE(t.insert(acls, acl, &row, owner.capabilities->columns(acls), no_references()).ok());
    const nb::PortGroup holder{.acls = {Ref<nb::ACL>(acl)}, .name = "pg"};
    ASSERT_TRUE(t.insert(groups, group, &holder, owner.capabilities->columns(groups), no_references()).ok());
    const auto outcome = owner.commit(std::move(t));
    ASSERT_TRUE(outcome.ok()) << outcome.text();
    EXPECT_EQ(owner.replica.find<nb::ACL>(acl)->parent, (Parent{"Port_Group", "acls", "pg"}));
}

TEST(Schema, AnOlderSouthboundOne) {
    const auto& db = sb_database();
    const TempDir dir;
    Server server(dir, "ovn-sb-23.03.ovsschema");
    Owner owner(db, server.remote(), everything(db));
    ASSERT_TRUE(owner.until_synced());
    EXPECT_THAT(owner.capabilities->absent(), Contains("Learned_Route"));
}

TEST(Schema, OneThatIsTooOldIsRefusedWithTheMissingTablesNamed) {
    const auto& db = nb_database();
    const TempDir dir;
    Server server(dir, "ovn-nb-22.03.0.ovsschema");
    // Whatever is asked for: these two are required always.
    Owner owner(db, server.remote(), {TableRequest::all(*db.table("Logical_Switch"))});
    ASSERT_TRUE(owner.until([&] { return owner.refused.has_value(); }));
    EXPECT_THAT(owner.refused->text(), HasSubstr("lacks table Chassis_Template_Var, table Static_MAC_Binding"));
    EXPECT_THAT(owner.refused->text(), HasSubstr("OVN 22.12"));
    EXPECT_FALSE(owner.synced);
    // It is tried again, but the owner hears of it once (the harness fails the test otherwise).
    ASSERT_TRUE(owner.until([&] { return owner.client->counters().connects >= 3; }));
    EXPECT_EQ(owner.connects, 0);
}

TEST(Schema, AServerWithAnotherDatabase) {
    const TempDir dir;
    Server server(dir, "ovn-sb-26.03.2.ovsschema");
    Owner owner(nb_database(), server.remote(), everything(nb_database()));
    ASSERT_TRUE(owner.until([&] { return owner.client->counters().connects >= 2; }));
    EXPECT_FALSE(owner.synced);
}

}  // namespace
