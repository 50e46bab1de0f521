// Parsing, writing and comparing columns through their type-erased descriptions: every kind of column there is.
#include "ovsdb/codec.hpp"
#include "ovsdb/table.hpp"

#include <weft/ovsdb/nb.hpp>
#include <weft/ovsdb/ovs.hpp>
#include <weft/ovsdb/sb.hpp>

#include <gmock/gmock.h>

using namespace weft;
using namespace weft::ovsdb;

namespace {

const char* const uuid_a = "aaaaaaaa-0000-4000-8000-000000000001";
const char* const uuid_b = "bbbbbbbb-0000-4000-8000-000000000002";

class Names final : public RefResolver {
  public:
    Uuid uuid_of(std::string_view, std::string_view key) const override {
        if (key == "a") return *Uuid::parse(uuid_a);
        if (key == "b") return *Uuid::parse(uuid_b);
        return {};
    }
};
const Names names;

const ColumnInfo& column(const DatabaseInfo& db, std::string_view table, std::string_view name) {
    return *db.table(table)->column(name);
}

Result<void> parse(const ColumnInfo& c, void* row, std::string_view json) {
    auto document = JsonDocument::parse(json);
    EXPECT_TRUE(document.ok()) << json;
    return c.parse(document->root(), row);
}

std::string write(const ColumnInfo& c, const void* row) {
    JsonWriter w;
    auto written = c.write(w, row, names);
    return written ? w.take() : "error: " + written.error().text();
}

/// Parses and writes again.
std::string round_trip(const ColumnInfo& c, std::string_view json) {
    OpenRow row(*c.table->type);
    void* memory = row.get();
    if (auto parsed = parse(c, memory, json); !parsed) return "error";
    EXPECT_TRUE(c.declared(memory));
    return write(c, memory);
}

struct Case {
    const ColumnInfo& column;
    const char* json;
    const char* written;  ///< null: refused
};

TEST(Columns, EveryKindRoundTrips) {
    const auto& nb = nb_database();
    const auto& sb = sb_database();
    const auto& ovs = ovs_database();
    const std::string ref_a = std::string("[\"uuid\",\"") + uuid_a + "\"]";
    const std::string ref_b = std::string("[\"uuid\",\"") + uuid_b + "\"]";
    const std::string refs = R"(["set",[)" + ref_a + "," + ref_b + "]]";
    const std::string ref_map = R"(["map",[[0,)" + ref_a + "]]]";
    const std::vector<Case> cases = {
        // string, integer, boolean, with the set of one that the protocol allows for them
        {column(nb, "ACL", "match"), R"("ip4 && \"x\"")", R"("ip4 && \"x\"")"},
        {column(nb, "ACL", "match"), R"(["set",["x"]])", R"("x")"},
        {column(nb, "ACL", "match"), R"(["set",[]])", nullptr},
        {column(nb, "ACL", "match"), "5", nullptr},
        {column(nb, "ACL", "priority"), "1004", "1004"},
        {column(nb, "ACL", "priority"), "\"1004\"", nullptr},
        {column(nb, "ACL", "priority"), "1.5", nullptr},
        {column(nb, "ACL", "priority"), "18446744073709551615", nullptr},
        {column(nb, "NB_Global", "nb_cfg"), "9223372036854775807", "9223372036854775807"},
        {column(nb, "ACL", "log"), "true", "true"},
        {column(nb, "ACL", "log"), "0", nullptr},
        // optional ones
        {column(nb, "ACL", "name"), R"(["set",[]])", R"(["set",[]])"},
        {column(nb, "ACL", "name"), R"("n")", R"("n")"},
        {column(nb, "ACL", "name"), R"(["set",["n"]])", R"("n")"},
        {column(nb, "ACL", "name"), R"(["set",["n","m"]])", nullptr},
        {column(nb, "ACL", "name"), "null", nullptr},
        {column(nb, "Logical_Switch_Port", "tag"), "5", "5"},
        {column(nb, "Logical_Switch_Port", "up"), "false", "false"},
        {column(nb, "ACL", "sample_new"), ref_a.c_str(), ref_a.c_str()},
        {column(nb, "ACL", "sample_new"), R"(["set",[]])", R"(["set",[]])"},
        // a reference that must be there
        {column(sb, "Port_Binding", "datapath"), ref_b.c_str(), ref_b.c_str()},
        {column(sb, "Port_Binding", "datapath"), R"(["named-uuid","x"])", nullptr},
        {column(sb, "Port_Binding", "datapath"), R"(["uuid","x"])", nullptr},
        {column(sb, "Port_Binding", "datapath"), R"(["uuid"])", nullptr},
        // sets
        {column(nb, "Logical_Switch_Port", "addresses"), R"(["set",["b","a","b"]])", R"(["set",["a","b"]])"},
        {column(nb, "Logical_Switch_Port", "addresses"), R"("a")", R"(["set",["a"]])"},
        {column(nb, "Logical_Switch_Port", "addresses"), R"(["set",["a",1]])", nullptr},
        {column(nb, "Logical_Switch_Port", "addresses"), R"(["set","a"])", nullptr},
        {column(nb, "Logical_Switch_Port", "addresses"), R"(["map",[]])", nullptr},
        {column(nb, "Logical_Switch_Port", "addresses"), R"(["a","b","c"])", nullptr},
        {column(ovs, "Port", "trunks"), R"(["set",[3,1,2]])", R"(["set",[1,2,3]])"},
        {column(nb, "Logical_Router", "static_routes"), refs.c_str(), refs.c_str()},
        {column(nb, "Logical_Router", "static_routes"), ref_a.c_str(), nullptr},
        // maps
        {column(nb, "ACL", "external_ids"), R"(["map",[["b","2"],["a","1"]]])", R"(["map",[["a","1"],["b","2"]]])"},
        {column(nb, "ACL", "external_ids"), R"(["map",[]])", R"(["map",[]])"},
        {column(nb, "ACL", "external_ids"), R"(["map",[["a"]]])", nullptr},
        {column(nb, "ACL", "external_ids"), R"(["map",[["a","b","c"]]])", nullptr},
        {column(nb, "ACL", "external_ids"), R"(["map",[["a",1]]])", nullptr},
        {column(nb, "ACL", "external_ids"), R"(["set",[]])", nullptr},
        {column(nb, "QoS", "action"), R"(["map",[["dscp",63]]])", R"(["map",[["dscp",63]]])"},
        {column(ovs, "Bridge", "flow_tables"), ref_map.c_str(), ref_map.c_str()},
        {column(ovs, "Interface", "statistics"), R"(["map",[["rx",18],["tx",-1]]])",
         R"(["map",[["rx",18],["tx",-1]]])"},
    };
    for (const auto& c : cases) {
        const std::string name = std::string(c.column.table->name) + "." + std::string(c.column.name) + " " + c.json;
        // A set of one reference is written as a set.
        const std::string as_set = R"(["set",[)" + ref_a + "]]";
        const bool one_reference = c.column.is_set() && c.json == ref_a;
        EXPECT_EQ(round_trip(c.column, c.json), one_reference ? as_set : c.written ? c.written : "error") << name;
    }
}

TEST(Columns, EveryColumnOfEveryTableParsesItsOwnEmptyValue) {
    std::size_t count = 0;
    for (const auto* db : {&nb_database(), &sb_database(), &ovs_database()}) {
        for (const auto& table : db->tables()) {
            for (const auto& c : table->columns) {
                OpenRow row(*table->type);
                void* memory = row.get();
                EXPECT_FALSE(c.declared(memory));
                const bool is_real = c.key.atom == Atom::real;
                const char* json = c.is_map()                       ? R"(["map",[]])"
                                   : c.is_set() || c.facts.min == 0 ? R"(["set",[]])"
                                   : c.key.atom == Atom::string     ? R"("")"
                                   : c.key.atom == Atom::boolean    ? "false"
                                   : c.key.atom == Atom::integer || is_real
                                       ? "0"
                                       : R"(["uuid","00000000-0000-0000-0000-000000000000"])";
                EXPECT_TRUE(parse(c, memory, json).ok()) << table->name << "." << c.name;
                EXPECT_TRUE(c.declared(memory));
                c.normalize(memory);
                EXPECT_FALSE(c.declared(memory)) << table->name << "." << c.name;
                ++count;
            }
        }
    }
    EXPECT_GT(count, 500u);
}

TEST(Columns, ReferencesAreResolvedWhenWritten) {
    nb::ACL acl{.sample_new = Key<nb::Sample>{"a"}};
    const auto& c = column(nb_database(), "ACL", "sample_new");
    EXPECT_EQ(write(c, &acl), std::string("[\"uuid\",\"") + uuid_a + "\"]");
    acl.sample_new = Key<nb::Sample>{"nowhere"};
    EXPECT_THAT(write(c, &acl),
                testing::HasSubstr("column sample_new: the Sample \"nowhere\" that is referred to isn't there"));
}

TEST(Columns, SatisfiedComparesWhatARuleAsksForWithWhatIsThere) {
    const auto& addresses = column(nb_database(), "Logical_Switch_Port", "addresses");
    const auto& type = column(nb_database(), "Logical_Switch_Port", "type");
    const auto& dhcp = column(nb_database(), "Logical_Switch_Port", "dhcpv4_options");
    const auto& ids = column(nb_database(), "Logical_Switch_Port", "external_ids");
    nb::LogicalSwitchPort actual{.addresses = {"a", "b"}, .dhcpv4_options = Ref<nb::DHCPOptions>(*Uuid::parse(uuid_a))};

    nb::LogicalSwitchPort desired{
        .addresses = {"b", "a"}, .dhcpv4_options = Key<nb::DHCPOptions>{"a"}, .external_ids = empty, .type = ""};
    EXPECT_TRUE(addresses.satisfied(&desired, &actual, names));
    EXPECT_TRUE(dhcp.satisfied(&desired, &actual, names));
    // Undeclared in a row from the database is its type's empty value.
    EXPECT_TRUE(type.satisfied(&desired, &actual, names));
    EXPECT_TRUE(ids.satisfied(&desired, &actual, names));

    desired = {.addresses = {"a"},
               .dhcpv4_options = Key<nb::DHCPOptions>{"b"},
               .external_ids = {{"k", "v"}},
               .type = "router"};
    for (const auto* c : {&addresses, &dhcp, &ids, &type})
        EXPECT_FALSE(c->satisfied(&desired, &actual, names)) << c->name;
}

/// A row that a database has, and one that a rule put and that it fits to: columns of every kind, texts that are spelt
/// out in the one and refer to an earlier text in the other.
struct AtRest {
    nb::LogicalSwitchPort actual{.key = Key<nb::LogicalSwitchPort>{uuid_a},
                                 .parent = child_of(Key<nb::LogicalSwitch>{"node-1"}, &nb::LogicalSwitch::ports),
                                 .uuid = *Uuid::parse(uuid_a),
                                 .addresses = {"0a:58:0a:80:00:03 10.128.0.3", "unknown"},
                                 .enabled = true,
                                 .external_ids = {{"namespace", "long-namespace"}, {"pod", "true"}},
                                 .name = "long-namespace_pod-1",
                                 .port_security = {"0a:58:0a:80:00:03 10.128.0.3"},
                                 .tag = 5,
                                 .up = true};
    nb::LogicalSwitchPort desired{.key = Key<nb::LogicalSwitchPort>{"long-namespace_pod-1"},
                                  .parent = actual.parent,
                                  .after = {{"NB/Logical_Switch", "node-1", Level::committed}},
                                  .addresses = actual.addresses,
                                  .enabled = true,
                                  .external_ids = actual.external_ids,
                                  .name = actual.name,
                                  .options = empty,
                                  .parent_name = empty,
                                  .port_security = actual.port_security,
                                  .tag = 5,
                                  .type = ""};

    bool holds(ColumnSet of = ColumnSet().set()) const {
        return nb_database().table("Logical_Switch_Port")->holds(RowPtr::make(desired), RowPtr::make(actual), of);
    }
};

TEST(Columns, AreComparedAtRest) {
    EXPECT_TRUE(AtRest().holds());
    const auto differs = [](auto change) {
        AtRest rows;
        change(rows);
        return !rows.holds();
    };
    EXPECT_TRUE(differs([](AtRest& r) { r.actual.addresses = {"0a:58:0a:80:00:03 10.128.0.4", "unknown"}; }));
    EXPECT_TRUE(differs([](AtRest& r) { r.actual.addresses = {"unknown"}; }));
    EXPECT_TRUE(differs([](AtRest& r) { r.actual.enabled = false; }));
    EXPECT_TRUE(differs([](AtRest& r) { r.actual.enabled = {}; }));
    EXPECT_TRUE(differs([](AtRest& r) { r.actual.external_ids = {{"namespace", "long-namespace"}, {"pod", "no"}}; }));
    EXPECT_TRUE(differs([](AtRest& r) { r.actual.options = {{"k", "v"}}; })) << "wanted empty";
    EXPECT_TRUE(differs([](AtRest& r) { r.actual.parent_name = "p"; })) << "wanted empty";
    EXPECT_TRUE(differs([](AtRest& r) { r.actual.type = "router"; })) << "wanted empty";
    EXPECT_TRUE(differs([](AtRest& r) { r.actual.tag = 6; }));
    EXPECT_TRUE(differs([](AtRest& r) { r.actual.parent.key = "node-2"; }));
    EXPECT_TRUE(differs([](AtRest& r) { r.actual.parent = {}; }));
    EXPECT_FALSE(differs([](AtRest& r) { r.desired.parent = {}; })) << "it hangs where it hangs";
    EXPECT_FALSE(differs([](AtRest& r) { r.actual.peer = "undeclared, so it is nobody's business"; }));
}

TEST(Columns, AtRestKnowNoReferences) {
    AtRest rows;
    rows.actual.dhcpv4_options = Ref<nb::DHCPOptions>(*Uuid::parse(uuid_b));
    EXPECT_TRUE(rows.holds()) << "undeclared";
    rows.desired.dhcpv4_options = Key<nb::DHCPOptions>{"b"};
    EXPECT_FALSE(rows.holds()) << "somebody has to resolve it";
}

TEST(Columns, AtRestAreComparedAsFarAsTheServerHasThem) {
    AtRest rows;
    rows.actual.tag = 6;
    rows.actual.external_ids = empty;
    const auto* table = nb_database().table("Logical_Switch_Port");
    ColumnSet others = table->all_columns();
    for (const auto* name : {"tag", "external_ids"})
        others.reset(table->column(name)->index);
    EXPECT_TRUE(rows.holds(others));
    EXPECT_FALSE(rows.holds());
    rows.actual.type = "router";  // the last one but one: what is passed over leads there
    EXPECT_FALSE(rows.holds(others));
}

TEST(Columns, DifferencesOfUpdate2) {
    const auto& ids = column(nb_database(), "Logical_Switch_Port", "external_ids");
    const auto& addresses = column(nb_database(), "Logical_Switch_Port", "addresses");
    const auto& tag = column(nb_database(), "Logical_Switch_Port", "tag");
    nb::LogicalSwitchPort row{
        .addresses = {"a", "b"}, .external_ids = {{"gone", "1"}, {"new", "1"}, {"stays", "1"}}, .tag = 4};
    // A map's difference names a key with its old value when it goes, with its new one otherwise.
    nb::LogicalSwitchPort patch{
        .addresses = {"b", "c"}, .external_ids = {{"gone", "1"}, {"new", "2"}, {"added", "3"}}, .tag = 5};
    for (const auto* c : {&ids, &addresses, &tag})
        c->apply_difference(&row, &patch);
    EXPECT_EQ(row.external_ids.get(), (Map<std::string, std::string>{{"added", "3"}, {"new", "2"}, {"stays", "1"}}));
    EXPECT_EQ(row.addresses.get(), (Set<std::string>{"a", "c"}));
    EXPECT_EQ(**row.tag, 5);
}

TEST(Columns, TextsOfMembersBecomeAtoms) {
    const auto text = [](std::string_view table, std::string_view name, std::string_view value) -> std::string {
        auto scalar = column(nb_database(), table, name).scalar(value, names);
        return scalar ? text_of(*scalar) : "error: " + scalar.error().text();
    };
    EXPECT_EQ(text("Port_Group", "ports", "a"), uuid_a);
    EXPECT_EQ(text("Port_Group", "ports", uuid_b), uuid_b);
    EXPECT_THAT(text("Port_Group", "ports", "c"), testing::HasSubstr("isn't there"));
    EXPECT_EQ(text("Address_Set", "addresses", "10.0.0.1"), "10.0.0.1");
    EXPECT_EQ(text("ACL", "priority", "12"), "12");
    EXPECT_THAT(text("ACL", "priority", "12x"), testing::HasSubstr("no integer"));
    EXPECT_EQ(text("ACL", "log", "true"), "true");
    EXPECT_THAT(text("ACL", "log", "yes"), testing::HasSubstr("neither true nor false"));
}

TEST(Tables, AreFoundByEveryName) {
    const TableInfo* port = find_table("OVN_Northbound", "Logical_Switch_Port");
    ASSERT_NE(port, nullptr);
    EXPECT_EQ(find_table("OVN_Northbound", "NB/Logical_Switch_Port"), port);
    EXPECT_EQ(find_table("OVN_Northbound", "replica/NB/Logical_Switch_Port"), port);
    EXPECT_EQ(find_table(row_type<nb::LogicalSwitchPort>()), port);
    EXPECT_EQ(database_of(row_type<ovs::Bridge>()), &ovs_database());
    EXPECT_EQ(find_table("OVN_Northbound", "Nothing"), nullptr);
    EXPECT_EQ(find_table("Nothing", "Logical_Switch_Port"), nullptr);
}

TEST(Tables, KnowWhatTheSchemaSays) {
    const TableInfo& port = *find_table("OVN_Northbound", "Logical_Switch_Port");
    EXPECT_FALSE(port.is_root);
    EXPECT_THAT(port.natural_key, testing::ElementsAre("name"));
    EXPECT_TRUE(port.column("peer")->facts.optional);
    EXPECT_FALSE(port.column("name")->facts.optional);
    const TableInfo& router = *find_table("OVN_Northbound", "Logical_Router");
    const ColumnInfo& routes = *router.column("static_routes");
    EXPECT_TRUE(router.is_root);
    EXPECT_TRUE(routes.facts.large);
    EXPECT_EQ(routes.child_table, find_table("OVN_Northbound", "Logical_Router_Static_Route"));
    const ColumnInfo& group_ports = *find_table("OVN_Northbound", "Port_Group")->column("ports");
    EXPECT_TRUE(group_ports.key.weak);
    EXPECT_EQ(group_ports.child_table, nullptr);
    EXPECT_EQ(find_table("Open_vSwitch", "Bridge")->column("flow_tables")->child_table,
              find_table("Open_vSwitch", "Flow_Table"));
    EXPECT_TRUE(find_table("OVN_Northbound", "Sample")->optional);
    EXPECT_TRUE(find_table("OVN_Northbound", "Static_MAC_Binding")->required);
    EXPECT_TRUE(find_table("Open_vSwitch", "Bridge")->column("name")->facts.immutable);
    EXPECT_TRUE(find_table("Open_vSwitch", "Interface")->column("link_state")->facts.ephemeral);
}

TEST(Tables, UnknownColumnNamesAreABrokenInvariant) {
    const std::array<std::string_view, 1> wrong{"nmae"};
    EXPECT_THROW(find_table("OVN_Northbound", "ACL")->columns_named(wrong), std::logic_error);
}

}  // namespace
