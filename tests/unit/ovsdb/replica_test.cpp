#include "ovsdb/replica.hpp"

#include <weft/ovsdb/nb.hpp>

#include <map>
#include <random>
#include <set>

#include <gmock/gmock.h>

using namespace weft;
using namespace weft::ovsdb;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using testing::UnorderedElementsAre;

namespace {

const TableInfo& ports = *nb_database().table("Logical_Switch_Port");
const TableInfo& switches = *nb_database().table("Logical_Switch");
const TableInfo& groups = *nb_database().table("Port_Group");
const TableInfo& sets = *nb_database().table("Address_Set");
const TableInfo& acls = *nb_database().table("ACL");
const TableInfo& router_ports = *nb_database().table("Logical_Router_Port");
const TableInfo& gateways = *nb_database().table("Gateway_Chassis");

/// A UUID from a small number: "00000005-0000-4000-8000-000000000000".
std::string u(unsigned n) {
    char text[40];
    std::snprintf(text, sizeof(text), "%08x-0000-4000-8000-000000000000", n);
    return text;
}
Uuid id(unsigned n) {
    return *Uuid::parse(u(n));
}
std::string ref(unsigned n) {
    return "[\"uuid\",\"" + u(n) + "\"]";
}
std::string refs(const std::vector<unsigned>& numbers) {
    std::string out;
    for (const auto n : numbers)
        out += (out.empty() ? "" : ",") + ref(n);
    return "[\"set\",[" + out + "]]";
}

const Capabilities& capabilities() {
    static const Capabilities made = [] {
        JsonWriter w;
        w.begin_object().member("name", "OVN_Northbound").member("version", "7.18.0").key("tables").begin_object();
        for (const auto& table : nb_database().tables()) {
            w.key(table->name).begin_object().key("columns").begin_object();
            for (const auto& c : table->columns) {
                w.key(c.name).begin_object().key("type").begin_object().member("key", to_string(c.key.atom));
                if (c.is_map()) w.member("value", to_string(c.value.atom));
                if (c.facts.max > 1) w.member("max", "unlimited");
                w.end_object().end_object();
            }
            w.end_object().end_object();
        }
        w.end_object().end_object();
        auto document = JsonDocument::parse(w.take());
        auto checked = Capabilities::check(nb_database(), document->root(), {});
        EXPECT_TRUE(checked.ok()) << checked.error().text();
        return *std::move(checked);
    }();
    return made;
}

/// What changed, as texts: "+Logical_Switch_Port p1", "-…", "~…", "Port_Group pg.ports +uuid".
struct Seen {
    std::vector<std::string> rows;
    std::vector<std::string> members;
};

class ReplicaTest : public testing::Test {
  protected:
    Result<Changes> apply(std::string_view json, bool reset = false) {
        auto document = JsonDocument::parse(json);
        EXPECT_TRUE(document.ok()) << json;
        auto update = parse_updates2(document->root(), nb_database(), capabilities());
        EXPECT_TRUE(update.ok()) << (update.ok() ? "" : update.error().text());
        if (!update) return update.error();
        update->reset = reset;
        return replica.apply(*std::move(update));
    }

    Seen see(std::string_view json, bool reset = false) {
        auto changes = apply(json, reset);
        EXPECT_TRUE(changes.ok()) << (changes.ok() ? "" : changes.error().text());
        Seen seen;
        if (!changes) return seen;
        for (const auto& c : changes->rows) {
            const auto& row = c.after ? c.after : c.before;
            const std::string sign = !c.before ? "+" : !c.after ? "-" : "~";
            const OpenRow open = row.open();
            seen.rows.push_back(sign + std::string(c.table->name) + " " + c.table->natural_key_of(open.get()));
            EXPECT_EQ(c.table->uuid_of(open.get()), c.uuid);
            EXPECT_EQ(row.key(), c.uuid.text());
            if (!c.opened) continue;
            EXPECT_TRUE(c.after && RowPtr::make(c.opened->type(), c.opened->get()).equals(c.after))
                << "what is unpacked is the row as it is in the end";
        }
        for (const auto& c : changes->members) {
            seen.members.push_back(std::string(c.table->name) + "." + std::string(c.column->name) +
                                   (c.added ? " +" : " -") + text_of(c.member));
        }
        return seen;
    }

    Parent parent(const TableInfo& table, unsigned n) {
        const OpenRow row = replica.open(table, id(n));
        return row ? table.parent_of(row.get()) : Parent{"no", "row", ""};
    }

    DatabaseReplica replica{nb_database()};
};

std::string port_row(unsigned n, const std::string& name, const char* kind = "insert") {
    return "\"" + u(n) + "\":{\"" + kind + "\":{\"name\":\"" + name + "\"}}";
}

TEST_F(ReplicaTest, RowsComeChangeAndGo) {
    EXPECT_THAT(see("{\"Logical_Switch_Port\":{" + port_row(1, "p1") + "," + port_row(2, "p2") + "}}").rows,
                UnorderedElementsAre("+Logical_Switch_Port p1", "+Logical_Switch_Port p2"));
    EXPECT_EQ(replica.size(ports), 2u);
    const RowPtr before = replica.find(ports, id(1));
    EXPECT_THAT(see("{\"Logical_Switch_Port\":{\"" + u(1) +
                    R"(":{"modify":{"external_ids":["map",[["pod","true"]]],"tag":5}}}})")
                    .rows,
                ElementsAre("~Logical_Switch_Port p1"));
    const auto row = replica.find<nb::LogicalSwitchPort>(id(1));
    ASSERT_TRUE(row);
    EXPECT_EQ(*row->external_ids->find("pod"), "true");
    EXPECT_EQ(**row->tag, 5);
    EXPECT_EQ(*row->name, "p1");
    // The row that somebody may still hold is as it was.
    EXPECT_FALSE(before.as<nb::LogicalSwitchPort>().tag.declared());
    EXPECT_THAT(see("{\"Logical_Switch_Port\":{\"" + u(1) + "\":{\"delete\":null}}}").rows,
                ElementsAre("-Logical_Switch_Port p1"));
    EXPECT_FALSE(replica.find(ports, id(1)));
    EXPECT_EQ(replica.size(ports), 1u);
}

TEST_F(ReplicaTest, AColumnThatBecomesEmptyIsUndeclaredAgain) {
    see("{\"Logical_Switch_Port\":{\"" + u(1) + R"(":{"insert":{"name":"p1","tag":5,"addresses":"a"}}}})");
    see("{\"Logical_Switch_Port\":{\"" + u(1) + R"(":{"modify":{"tag":["set",[]],"addresses":"a"}}}})");
    const auto row = replica.find<nb::LogicalSwitchPort>(id(1));
    EXPECT_FALSE(row->tag.declared());
    EXPECT_FALSE(row->addresses.declared());
}

TEST_F(ReplicaTest, NoChangeIsNoChange) {
    see("{\"Logical_Switch_Port\":{" + port_row(1, "p1") + "}}");
    EXPECT_THAT(see("{\"Logical_Switch_Port\":{\"" + u(1) + R"(":{"modify":{"name":"p1"}}}})").rows, IsEmpty());
    EXPECT_THAT(see("{\"Logical_Switch_Port\":{" + port_row(1, "p1") + "}}").rows, IsEmpty());
}

TEST_F(ReplicaTest, AChangeOfAnUnknownRowIsAnError) {
    const auto changes = apply("{\"Logical_Switch_Port\":{\"" + u(1) + R"(":{"modify":{"name":"p1"}}}})");
    ASSERT_FALSE(changes.ok());
    EXPECT_THAT(changes.error().text(), testing::HasSubstr(u(1)));
    // Deleting one is none: a row can leave the condition and the database at once.
    EXPECT_TRUE(apply("{\"Logical_Switch_Port\":{\"" + u(1) + "\":{\"delete\":null}}}").ok());
}

TEST_F(ReplicaTest, LargeSetsLiveBesideTheRow) {
    const auto seen =
        see("{\"Port_Group\":{\"" + u(1) + "\":{\"insert\":{\"name\":\"pg\",\"ports\":" + refs({10, 11}) + "}}}}");
    EXPECT_THAT(seen.rows, ElementsAre("+Port_Group pg"));
    EXPECT_THAT(seen.members, IsEmpty());
    const ColumnInfo& column = *groups.column("ports");
    EXPECT_FALSE(replica.find<nb::PortGroup>(id(1))->ports.declared());
    ASSERT_NE(replica.members(groups, id(1), column), nullptr);
    EXPECT_EQ(replica.members(groups, id(1), column)->size(), 2u);
    EXPECT_TRUE(replica.contains(groups, id(1), column, Scalar(id(10))));

    // A difference: 11 goes, 12 comes. The row itself is untouched.
    const RowPtr row = replica.find(groups, id(1));
    const auto diff = see("{\"Port_Group\":{\"" + u(1) + "\":{\"modify\":{\"ports\":" + refs({11, 12}) + "}}}}");
    EXPECT_THAT(diff.rows, IsEmpty());
    EXPECT_THAT(diff.members, UnorderedElementsAre("Port_Group.ports -" + u(11), "Port_Group.ports +" + u(12)));
    EXPECT_TRUE(replica.find(groups, id(1)).is(row));
    EXPECT_FALSE(replica.contains(groups, id(1), column, Scalar(id(11))));
    EXPECT_TRUE(replica.contains(groups, id(1), column, Scalar(id(12))));
    EXPECT_THAT(replica.all_members(groups, id(1), column), UnorderedElementsAre(Scalar(id(10)), Scalar(id(12))));
}

TEST_F(ReplicaTest, TextsInLargeSets) {
    see("{\"Address_Set\":{\"" + u(1) +
        R"(":{"insert":{"name":"as","addresses":["set",["10.0.0.1","","fd00::1234:5678:9abc:def0"]]}}}})");
    const ColumnInfo& column = *sets.column("addresses");
    EXPECT_TRUE(replica.contains(sets, id(1), column, Scalar(std::string())));
    EXPECT_TRUE(replica.contains(sets, id(1), column, Scalar("fd00::1234:5678:9abc:def0")));
    EXPECT_THAT(see("{\"Address_Set\":{\"" + u(1) + R"(":{"modify":{"addresses":["set",["","10.0.0.2"]]}}}})").members,
                UnorderedElementsAre("Address_Set.addresses -", "Address_Set.addresses +10.0.0.2"));
    EXPECT_EQ(replica.members(sets, id(1), column)->size(), 3u);
}

TEST_F(ReplicaTest, SmallSetsAndMapsAnswerTheSameQuestions) {
    see("{\"Logical_Switch_Port\":{\"" + u(1) +
        R"(":{"insert":{"name":"p1","addresses":["set",["a","b"]],"options":["map",[["k","v"]]]}}}})");
    EXPECT_TRUE(replica.contains(ports, id(1), *ports.column("addresses"), Scalar("b")));
    EXPECT_FALSE(replica.contains(ports, id(1), *ports.column("addresses"), Scalar("c")));
    EXPECT_TRUE(replica.contains(ports, id(1), *ports.column("options"), Scalar("k")));
    EXPECT_EQ(*ports.column("options")->entry(replica.open(ports, id(1)).get(), "k"), "v");
    EXPECT_EQ(ports.column("options")->entry(replica.open(ports, id(1)).get(), "x"), nullptr);
    EXPECT_FALSE(replica.contains(ports, id(9), *ports.column("addresses"), Scalar("b")));
}

TEST_F(ReplicaTest, SatisfiedLooksIntoLargeSets) {
    see("{\"Port_Group\":{\"" + u(1) + "\":{\"insert\":{\"name\":\"pg\",\"ports\":" + refs({10, 11}) + "}}}}");
    struct Names final : RefResolver {
        Uuid uuid_of(std::string_view, std::string_view key) const override {
            return key == "p10" ? id(10) : key == "p11" ? id(11) : Uuid();
        }
    } names;
    const ColumnInfo& column = *groups.column("ports");
    nb::PortGroup wanted{.name = "pg", .ports = {Key<nb::LogicalSwitchPort>{"p10"}, Key<nb::LogicalSwitchPort>{"p11"}}};
    EXPECT_TRUE(replica.satisfied(groups, id(1), column, &wanted, names));
    wanted.ports = {Key<nb::LogicalSwitchPort>{"p10"}};
    EXPECT_FALSE(replica.satisfied(groups, id(1), column, &wanted, names));
    EXPECT_FALSE(replica.satisfied(groups, id(2), column, &wanted, names));
    EXPECT_TRUE(replica.satisfied(groups, id(1), *groups.column("name"), &wanted, names));
}

TEST_F(ReplicaTest, ChildrenKnowTheirParent) {
    // In whichever order the tables come.
    see("{\"Logical_Switch_Port\":{" + port_row(10, "p1") + "},\"Logical_Switch\":{\"" + u(1) +
        "\":{\"insert\":{\"name\":\"n1\",\"ports\":" + refs({10}) + "}}}}");
    EXPECT_EQ(parent(ports, 10), (Parent{"Logical_Switch", "ports", "n1"}));
    // A child that comes after its parent names it.
    see("{\"Logical_Switch\":{\"" + u(1) + "\":{\"modify\":{\"ports\":" + refs({11}) + "}}}}");
    EXPECT_THAT(see("{\"Logical_Switch_Port\":{" + port_row(11, "p2") + "}}").rows,
                ElementsAre("+Logical_Switch_Port p2"));
    EXPECT_EQ(parent(ports, 11), (Parent{"Logical_Switch", "ports", "n1"}));
    // Renaming the parent changes the children.
    EXPECT_THAT(see("{\"Logical_Switch\":{\"" + u(1) + R"(":{"modify":{"name":"n2"}}}})").rows,
                UnorderedElementsAre("~Logical_Switch n2", "~Logical_Switch_Port p1", "~Logical_Switch_Port p2"));
    EXPECT_EQ(parent(ports, 10).key, "n2");
    // Moving to another parent.
    see("{\"Logical_Switch\":{\"" + u(1) + "\":{\"modify\":{\"ports\":" + refs({10}) + "}},\"" + u(2) +
        "\":{\"insert\":{\"name\":\"n3\",\"ports\":" + refs({10}) + "}}}}");
    EXPECT_EQ(parent(ports, 10).key, "n3");
    EXPECT_EQ(parent(ports, 11).key, "n2");
    // The parent goes and takes its children along, as the database does it.
    EXPECT_THAT(see("{\"Logical_Switch\":{\"" + u(2) + "\":{\"delete\":null}},\"Logical_Switch_Port\":{\"" + u(10) +
                    "\":{\"delete\":null}}}")
                    .rows,
                UnorderedElementsAre("-Logical_Switch n3", "-Logical_Switch_Port p1"));
    // A parent that goes alone leaves the child without one.
    see("{\"Logical_Switch\":{\"" + u(1) + "\":{\"delete\":null}}}");
    EXPECT_TRUE(parent(ports, 11).none());
}

TEST_F(ReplicaTest, WeakReferencesMakeNoParents) {
    see("{\"Logical_Switch_Port\":{" + port_row(10, "p1") + "},\"Port_Group\":{\"" + u(1) +
        "\":{\"insert\":{\"name\":\"pg\",\"ports\":" + refs({10}) + "}}}}");
    EXPECT_TRUE(parent(ports, 10).none());
}

TEST_F(ReplicaTest, SeveralParents) {
    see("{\"ACL\":{\"" + u(10) + R"(":{"insert":{"priority":5}}},"Port_Group":{")" + u(1) +
        "\":{\"insert\":{\"name\":\"pg\",\"acls\":" + refs({10}) + "}}},\"Logical_Switch\":{\"" + u(2) +
        "\":{\"insert\":{\"name\":\"n1\",\"acls\":" + refs({10}) + "}}}}");
    EXPECT_THAT(replica.parents(id(10)),
                ElementsAre(Parent{"Logical_Switch", "acls", "n1"}, Parent{"Port_Group", "acls", "pg"}));
    EXPECT_EQ(parent(acls, 10), (Parent{"Logical_Switch", "acls", "n1"}));
    see("{\"Logical_Switch\":{\"" + u(2) + "\":{\"modify\":{\"acls\":" + refs({10}) + "}}}}");
    EXPECT_EQ(parent(acls, 10), (Parent{"Port_Group", "acls", "pg"}));
}

TEST_F(ReplicaTest, ParentsThroughSmallColumns) {
    see("{\"Gateway_Chassis\":{\"" + u(10) + R"(":{"insert":{"name":"g"}}},"Logical_Router_Port":{")" + u(1) +
        "\":{\"insert\":{\"name\":\"rp\",\"gateway_chassis\":" + ref(10) + "}}}}");
    EXPECT_EQ(parent(gateways, 10), (Parent{"Logical_Router_Port", "gateway_chassis", "rp"}));
    EXPECT_THAT(
        see("{\"Logical_Router_Port\":{\"" + u(1) + "\":{\"modify\":{\"gateway_chassis\":" + refs({10}) + "}}}}").rows,
        SizeIs(2));
    EXPECT_TRUE(parent(gateways, 10).none());
    EXPECT_EQ(replica.size(router_ports), 1u);
}

TEST_F(ReplicaTest, NaturalKeysAndOtherIndexes) {
    const auto by_type = replica.add_index(
        ports, [](const void* row) { return static_cast<const nb::LogicalSwitchPort*>(row)->type.get(); });
    see("{\"Logical_Switch_Port\":{" + port_row(1, "p1") + ",\"" + u(2) +
        R"(":{"insert":{"name":"p2","type":"router"}}}})");
    EXPECT_EQ(replica.find_by_key<nb::LogicalSwitchPort>("p2")->uuid, id(2));
    EXPECT_FALSE(replica.find_by_key<nb::LogicalSwitchPort>("p3"));
    EXPECT_THAT(replica.find_by_index(ports, by_type, "router"), SizeIs(1));
    EXPECT_THAT(replica.find_by_index(ports, by_type, ""), IsEmpty());
    see("{\"Logical_Switch_Port\":{\"" + u(2) + R"(":{"modify":{"name":"p3","type":""}}}})");
    EXPECT_FALSE(replica.find_by_key<nb::LogicalSwitchPort>("p2"));
    EXPECT_EQ(replica.find_by_key<nb::LogicalSwitchPort>("p3")->uuid, id(2));
    EXPECT_THAT(replica.find_by_index(ports, by_type, "router"), IsEmpty());
    // Two switches may have one name.
    see("{\"Logical_Switch\":{\"" + u(8) + R"(":{"insert":{"name":"s"}},")" + u(7) + R"(":{"insert":{"name":"s"}}}})");
    const auto both = replica.find_by_key(switches, "s");
    ASSERT_THAT(both, SizeIs(2));
    EXPECT_EQ(both[0].key(), u(7));
    see("{\"Logical_Switch\":{\"" + u(7) + "\":{\"delete\":null}}}");
    EXPECT_THAT(replica.find_by_key(switches, "s"), SizeIs(1));
    // A name that goes and comes back with another row, at once.
    see("{\"Logical_Switch\":{\"" + u(8) + "\":{\"delete\":null},\"" + u(9) + R"(":{"insert":{"name":"s"}}}})");
    EXPECT_EQ(replica.find_by_key(switches, "s").at(0).key(), u(9));
}

TEST_F(ReplicaTest, AResetShowsOnlyRealDifferences) {
    const std::string contents = "{\"Logical_Switch_Port\":{" + port_row(10, "p1", "initial") + "," +
                                 port_row(11, "p2", "initial") + "},\"Logical_Switch\":{\"" + u(1) +
                                 "\":{\"initial\":{\"name\":\"n1\",\"ports\":" + refs({10, 11}) + "}}}}";
    see(contents, true);
    const RowPtr row = replica.find(ports, id(10));
    const auto same = see(contents, true);
    EXPECT_THAT(same.rows, IsEmpty());
    EXPECT_THAT(same.members, IsEmpty());
    EXPECT_TRUE(replica.find(ports, id(10)).is(row));

    const auto changed = see("{\"Logical_Switch_Port\":{" + port_row(10, "p1", "initial") + "," +
                                 port_row(12, "p3", "initial") + "},\"Logical_Switch\":{\"" + u(1) +
                                 "\":{\"initial\":{\"name\":\"n1\",\"ports\":" + refs({10, 12}) + "}}}}",
                             true);
    EXPECT_THAT(changed.rows, UnorderedElementsAre("-Logical_Switch_Port p2", "+Logical_Switch_Port p3"));
    EXPECT_THAT(changed.members,
                UnorderedElementsAre("Logical_Switch.ports -" + u(11), "Logical_Switch.ports +" + u(12)));
    EXPECT_EQ(parent(ports, 12).key, "n1");

    const auto emptied = see("{}", true);
    EXPECT_THAT(emptied.rows, SizeIs(3));
    EXPECT_EQ(replica.size(ports) + replica.size(switches), 0u);
}

/// Random updates against plain maps: rows, members, parents and indexes.
TEST_F(ReplicaTest, RandomUpdatesAgreeWithAModel) {
    std::mt19937 random(7);
    std::map<unsigned, std::string> model_ports;
    std::map<unsigned, std::set<unsigned>> model_switches;
    for (int round = 0; round < 2000; ++round) {
        std::map<unsigned, std::string> port_json;
        std::map<unsigned, std::string> switch_json;
        const bool reset = random() % 50 == 0;
        for (int edit = 0; edit < 4 && !reset; ++edit) {
            const unsigned p = 100 + random() % 40;
            const unsigned s = 1 + random() % 4;
            if (random() % 2 == 0 && !port_json.contains(p)) {
                const std::string name = "p" + std::to_string(random() % 60);
                if (!model_ports.contains(p)) {
                    port_json[p] = "{\"insert\":{\"name\":\"" + name + "\"}}";
                    model_ports[p] = name;
                } else if (random() % 2 == 0) {
                    port_json[p] = "{\"delete\":null}";
                    model_ports.erase(p);
                } else {
                    port_json[p] = "{\"modify\":{\"name\":\"" + name + "\"}}";
                    model_ports[p] = name;
                }
            } else if (!switch_json.contains(s)) {
                if (!model_switches.contains(s)) {
                    switch_json[s] =
                        "{\"insert\":{\"name\":\"s" + std::to_string(s) + "\",\"ports\":" + refs({p}) + "}}";
                    model_switches[s] = {p};
                } else if (random() % 10 == 0) {
                    switch_json[s] = "{\"delete\":null}";
                    model_switches.erase(s);
                } else {
                    switch_json[s] = "{\"modify\":{\"ports\":" + ref(p) + "}}";
                    if (!model_switches[s].insert(p).second) model_switches[s].erase(p);
                }
            }
        }
        if (reset) {
            for (const auto& [p, name] : model_ports)
                port_json[p] = "{\"initial\":{\"name\":\"" + name + "\"}}";
            for (const auto& [s, members] : model_switches) {
                switch_json[s] = "{\"initial\":{\"name\":\"s" + std::to_string(s) +
                                 "\",\"ports\":" + refs({members.begin(), members.end()}) + "}}";
            }
        }
        const auto table = [](const std::map<unsigned, std::string>& rows) {
            std::string out;
            for (const auto& [n, json] : rows)
                out += (out.empty() ? "\"" : ",\"") + u(n) + "\":" + json;
            return "{" + out + "}";
        };
        const auto seen = see(
            "{\"Logical_Switch\":" + table(switch_json) + ",\"Logical_Switch_Port\":" + table(port_json) + "}", reset);
        ASSERT_TRUE(!reset || seen.rows.empty());

        ASSERT_EQ(replica.size(ports), model_ports.size());
        ASSERT_EQ(replica.size(switches), model_switches.size());
        for (const auto& [p, name] : model_ports) {
            const auto row = replica.find<nb::LogicalSwitchPort>(id(p));
            ASSERT_TRUE(row);
            ASSERT_EQ(*row->name, name);
            std::set<std::string> owners;
            for (const auto& [s, members] : model_switches) {
                if (members.contains(p)) owners.insert("s" + std::to_string(s));
            }
            ASSERT_EQ(replica.parents(id(p)).size(), owners.size());
            ASSERT_EQ(row->parent.none(), owners.empty());
            ASSERT_TRUE(owners.empty() || owners.contains(row->parent.key));
            bool found = false;
            for (const auto& by_name : replica.find_by_key(ports, name))
                found = found || by_name.is(replica.find(ports, id(p)));
            ASSERT_TRUE(found);
        }
        for (const auto& [s, members] : model_switches) {
            const LargeSet* large = replica.members(switches, id(s), *switches.column("ports"));
            ASSERT_EQ(large->size(), members.size());
            for (const auto p : members)
                ASSERT_TRUE(large->contains(id(p)));
        }
    }
}

TEST(Updates, WhatDoesNotFitIsRefused) {
    const std::vector<std::string> bad = {
        "[]",
        "7",
        R"({"Nothing":{}})",
        R"({"ACL":[]})",
        R"({"ACL":{"x":{"insert":{}}}})",
        R"({"ACL":{"00000000-0000-0000-0000-000000000000":{"insert":{}}}})",
        "{\"ACL\":{\"" + u(1) + "\":{}}}",
        "{\"ACL\":{\"" + u(1) + "\":{\"insert\":7}}}",
        "{\"ACL\":{\"" + u(1) + "\":{\"insert\":{\"priority\":\"high\"}}}}",
        "{\"ACL\":{\"" + u(1) + "\":{\"insert\":{\"nothing\":1}}}}",
        "{\"Port_Group\":{\"" + u(1) + "\":{\"insert\":{\"ports\":[\"set\",[1]]}}}}",
        "{\"Port_Group\":{\"" + u(1) +
            "\":{\"insert\":{\"ports\":[\"uuid\",\"00000000-0000-0000-0000-000000000000\"]}}}}",
    };
    for (const auto& json : bad) {
        auto document = JsonDocument::parse(json);
        ASSERT_TRUE(document.ok()) << json;
        EXPECT_FALSE(parse_updates2(document->root(), nb_database(), capabilities()).ok()) << json;
        EXPECT_FALSE(parse_updates(document->root(), nb_database(), capabilities()).ok()) << json;
    }
}

TEST(Updates, OldMonitorsSendWholeRows) {
    DatabaseReplica replica(nb_database());
    const auto apply = [&](const std::string& json) {
        auto document = JsonDocument::parse(json);
        auto update = parse_updates(document->root(), nb_database(), capabilities());
        EXPECT_TRUE(update.ok()) << update.error().text();
        return *replica.apply(*std::move(update));
    };
    apply("{\"Port_Group\":{\"" + u(1) + "\":{\"new\":{\"name\":\"pg\",\"ports\":" + refs({10, 11}) +
          R"(,"external_ids":["map",[]]}}}})");
    EXPECT_FALSE(replica.find<nb::PortGroup>(id(1))->external_ids.declared());
    const auto changes =
        apply("{\"Port_Group\":{\"" + u(1) + "\":{\"old\":{\"ports\":" + refs({10, 11}) +
              "},\"new\":{\"name\":\"pg\",\"ports\":" + refs({11, 12}) + R"(,"external_ids":["map",[]]}}}})");
    EXPECT_THAT(changes.rows, IsEmpty());
    EXPECT_THAT(changes.members, SizeIs(2));
    EXPECT_THAT(apply("{\"Port_Group\":{\"" + u(1) + "\":{\"old\":{\"name\":\"pg\"}}}}").rows, SizeIs(1));
}

TEST(Flat, RandomEditsAgreeWithASet) {
    std::mt19937 random(3);
    LargeSet set;
    std::set<Uuid> model;
    for (int i = 0; i < 200'000; ++i) {
        const Uuid uuid = id(1 + random() % 500);
        if (random() % 2 == 0) {
            ASSERT_EQ(set.insert(uuid), model.insert(uuid).second);
        } else {
            ASSERT_EQ(set.erase(uuid), model.erase(uuid) == 1);
        }
        ASSERT_EQ(set.size(), model.size());
        if (i % 1000 == 0) {
            for (unsigned n = 1; n <= 500; ++n)
                ASSERT_EQ(set.contains(id(n)), model.contains(id(n)));
            std::set<Uuid> all;
            set.each_uuid([&](const Uuid& member) { all.insert(member); });
            ASSERT_EQ(all, model);
        }
    }
}

}  // namespace
