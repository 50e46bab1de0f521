// The generated row types, as a rule's author meets them.
#include <weft/ovsdb/nb.hpp>
#include <weft/ovsdb/ovs.hpp>
#include <weft/ovsdb/sb.hpp>

#include <gmock/gmock.h>

using namespace weft;

namespace {

nb::LogicalSwitchPort port() {
    return {.parent = ovsdb::child_of(Key<nb::LogicalSwitch>{"n1"}, &nb::LogicalSwitch::ports),
            .addresses = {"0a:58:0a:80:00:03 10.128.0.3"},
            .dhcpv4_options = Key<nb::DHCPOptions>{"d"},
            .enabled = true,
            .external_ids = {{"namespace", "web"}, {"pod", "true"}},
            .name = "web_p1",
            .peer = std::nullopt,
            .port_security = ovsdb::empty,
            .tag = 5,
            .type = "router"};
}

TEST(Rows, ColumnsTakeWhatAnAuthorWrites) {
    const auto row = port();
    EXPECT_EQ(*row.name, "web_p1");
    EXPECT_THAT(row.addresses.get(), testing::ElementsAre("0a:58:0a:80:00:03 10.128.0.3"));
    EXPECT_EQ(*row.external_ids->find("namespace"), "web");
    EXPECT_EQ(**row.tag, 5);
    EXPECT_EQ(**row.enabled, true);
    EXPECT_EQ((*row.dhcpv4_options)->key, "d");
}

TEST(Rows, EmptyIsNotUndeclared) {
    const auto row = port();
    EXPECT_TRUE(row.peer.declared());
    EXPECT_FALSE(row.peer->has_value());
    EXPECT_TRUE(row.port_security.declared());
    EXPECT_TRUE(row.port_security->empty());
    EXPECT_FALSE(row.options.declared());
    EXPECT_FALSE(row.up.declared());
}

TEST(Rows, SetsOfReferencesTakeKeys) {
    const nb::LogicalSwitch row{
        .load_balancer_group = {Key<nb::LoadBalancerGroup>{"a"}, Key<nb::LoadBalancerGroup>{"b"}}};
    EXPECT_EQ(row.load_balancer_group->size(), 2u);
}

TEST(Rows, SettleKeyTakesTheNaturalKey) {
    auto row = port();
    row.settle_key();
    EXPECT_EQ(row.key.text, "web_p1");

    nb::StaticMACBinding binding{.ip = "169.254.0.4", .logical_port = "rtoe-GR_n1"};
    binding.settle_key();
    EXPECT_EQ(binding.key.text, "rtoe-GR_n1/169.254.0.4");

    nb::NBGlobal global;
    global.settle_key();
    EXPECT_EQ(global.key.text, ".");

    nb::LogicalSwitchPort named{.key = Key<nb::LogicalSwitchPort>{"mine"}, .name = "other"};
    named.settle_key();
    EXPECT_EQ(named.key.text, "mine");

    nb::ACL acl{.match = "ip4"};
    acl.settle_key();
    EXPECT_TRUE(acl.key.empty());
}

TEST(Rows, NamesAreTheDatabases) {
    EXPECT_EQ(nb::LogicalRouterStaticRoute::table_name, "NB/Logical_Router_Static_Route");
    EXPECT_EQ(sb::PortBinding::replica_table, "replica/SB/Port_Binding");
    EXPECT_EQ(ovs::OpenVSwitch::ovsdb_table, "Open_vSwitch");
    EXPECT_EQ(ovsdb::column_name(&nb::LogicalRouter::static_routes), "static_routes");
    EXPECT_EQ(ovsdb::column_name(&ovs::Port::protected_), "protected");
}

TEST(Rows, MembersAndForeignColumns) {
    const auto member =
        ovsdb::add(Key<nb::PortGroup>{"pg"}, &nb::PortGroup::ports, Key<nb::LogicalSwitchPort>{"web_p1"});
    EXPECT_EQ(member.key.text, "Port_Group/pg/ports/web_p1");
    EXPECT_EQ(member.ref_table, "Logical_Switch_Port");
    const auto address = ovsdb::add(Key<nb::AddressSet>{"as"}, &nb::AddressSet::addresses, "10.0.0.1");
    EXPECT_EQ(address.value, "10.0.0.1");
    const auto entry = ovsdb::set_entry(Key<ovs::OpenVSwitch>{"."}, &ovs::OpenVSwitch::external_ids, "hostname", "n1");
    EXPECT_EQ(entry.map_key, "hostname");
    const auto chassis = ovsdb::set_column(Key<sb::PortBinding>{"p"}, &sb::PortBinding::chassis, Key<sb::Chassis>{"c"});
    EXPECT_EQ(chassis.column, "chassis");
}

TEST(Rows, AreRowsOfTheEngine) {
    const auto a = RowPtr::make(port());
    auto changed = port();
    changed.tag = 6;
    EXPECT_TRUE(a.equals(RowPtr::make(port())));
    EXPECT_FALSE(a.equals(RowPtr::make(changed)));
    EXPECT_THAT(a.json(), testing::HasSubstr("\"tag\":5"));
    EXPECT_THAT(a.json(), testing::HasSubstr("\"options\":null"));
}

}  // namespace
