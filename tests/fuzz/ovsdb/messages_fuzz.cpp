// What an ovsdb-server may send, from the byte stream to the replica: framing, JSON, the dialogue, updates, outcomes.
// The first byte says in how small pieces the rest arrives and how far the dialogue has come when it does.
#include "ovsdb/framing.hpp"
#include "ovsdb/replica.hpp"
#include "ovsdb/session.hpp"

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

using namespace weft;
using namespace weft::ovsdb;

namespace {

constexpr std::string_view server_answer =
    R"({"id":1,"error":null,"result":{"Database":{"aaaaaaaa-0000-4000-8000-000000000001":{"initial":)"
    R"({"name":"OVN_Northbound","model":"standalone","connected":true,"leader":true,"schema":"{}"}}}}})";

constexpr std::string_view schema_answer =
    R"({"id":2,"error":null,"result":{"name":"OVN_Northbound","version":"7.18.0","tables":{)"
    R"("Chassis_Template_Var":{"columns":{}},"Static_MAC_Binding":{"columns":{}},)"
    R"("Logical_Switch":{"columns":{"name":{"type":"string"},"external_ids":{"type":{"key":"string","value":"string","min":0,"max":"unlimited"}},)"
    R"("ports":{"type":{"key":{"type":"uuid","refTable":"Logical_Switch_Port"},"min":0,"max":"unlimited"}}}},)"
    R"("Logical_Switch_Port":{"columns":{"name":{"type":"string"},"addresses":{"type":{"key":"string","min":0,"max":"unlimited"}},)"
    R"("tag":{"type":{"key":"integer","min":0,"max":1}},"up":{"type":{"key":"boolean","min":0,"max":1}},)"
    R"("dhcpv4_options":{"type":{"key":{"type":"uuid","refTable":"DHCP_Options"},"min":0,"max":1}}}},)"
    R"("Address_Set":{"columns":{"name":{"type":"string"},"addresses":{"type":{"key":"string","min":0,"max":"unlimited"}}}}}}})";

MonitorRequest request() {
    MonitorRequest made;
    const auto add = [&](std::string_view table, std::vector<std::string_view> columns) {
        const TableInfo& info = *nb_database().table(table);
        made.push_back({&info, info.columns_named(columns), {}});
    };
    add("Logical_Switch", {"name", "external_ids", "ports"});
    add("Logical_Switch_Port", {"name", "addresses", "tag", "up", "dhcpv4_options"});
    add("Address_Set", {"name", "addresses"});
    return made;
}

void must(bool holds) {
    if (!holds) std::abort();
}

/// Every member of a large set must be found, and every row by its UUID and its natural key.
void check(const DatabaseReplica& replica) {
    for (const auto& one : request()) {
        std::size_t rows = 0;
        replica.each(*one.table, [&](const RowPtr& row) {
            ++rows;
            const OpenRow open = row.open();
            const Uuid uuid = one.table->uuid_of(open.get());
            must(replica.find(*one.table, uuid).is(row));
            const std::string key = one.table->natural_key_of(open.get());
            bool found = key.empty();
            for (const auto& same : replica.find_by_key(*one.table, key))
                found = found || same.is(row);
            must(found);
            for (const ColumnInfo* column : one.table->large) {
                const LargeSet* large = replica.members(*one.table, uuid, *column);
                must(large != nullptr);
                const auto members = large->members();
                must(members.size() == large->size());
                for (const auto& member : members)
                    must(large->contains(member));
            }
        });
        must(rows == replica.size(*one.table));
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 1) return 0;
    static const MonitorRequest wanted = request();
    const std::size_t piece = 1 + (data[0] & 0x3f);
    const int progress = data[0] >> 6;
    std::string_view rest(reinterpret_cast<const char*>(data + 1), size - 1);

    std::string out;
    std::vector<Event> events;
    Session session({&nb_database(), true, (progress & 1) ? "lock" : ""}, out, events);
    DatabaseReplica replica(nb_database());
    Framer framer(std::size_t{1} << 16);
    session.set_monitors(wanted);
    session.connected("fuzz");
    if (progress > 0) must(session.message(server_answer).ok());
    if (progress > 1) must(session.message(schema_answer).ok());
    if (progress > 2) {
        must(session.message(R"({"id":4,"error":null,"result":[false,"t",{}]})").ok());
        must(session.synced());
        Transaction t;
        t.comment("x");
        session.transact(1, t);
    }

    bool up = true;
    while (up && !rest.empty()) {
        const auto some = rest.substr(0, piece);
        rest.remove_prefix(some.size());
        std::memcpy(framer.room(some.size()).data(), some.data(), some.size());
        framer.filled(some.size());
        while (up) {
            auto message = framer.next();
            if (!message) up = false;
            if (!up || message->empty()) break;
            up = session.message(*message).ok();
        }
        for (auto& event : events) {
            if (auto* update = std::get_if<Update>(&event)) {
                if (!replica.apply(std::move(*update))) up = false;
            } else if (auto* reply = std::get_if<Reply>(&event)) {
                (void)suspects(reply->outcome, reply->operations);
                (void)reply->outcome.text();
            }
        }
        events.clear();
    }
    check(replica);
    session.disconnected("over");
    return 0;
}
