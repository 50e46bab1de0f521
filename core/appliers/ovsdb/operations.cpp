#include "appliers/ovsdb/operations.hpp"

#include <weft/base/json.hpp>

namespace weft::appliers::ovsdb {

using weft::ovsdb::Scalar;
using weft::ovsdb::write_scalar;
using weft::ovsdb::write_uuid;

namespace {

JsonWriter begin(std::string_view op, std::string_view table) {
    JsonWriter w;
    w.begin_object().member("op", op).member("table", table);
    return w;
}

void where_uuid(JsonWriter& w, const Uuid& uuid) {
    w.key("where").begin_array().begin_array().value("_uuid").value("==");
    write_uuid(w, uuid);
    w.end_array().end_array();
}

/// [column, mutator, ["set", [member]]]
void set_mutation(JsonWriter& w, std::string_view column, bool insert, const Scalar& member) {
    w.begin_array().value(column).value(insert ? "insert" : "delete");
    w.begin_array().value("set").begin_array();
    write_scalar(w, member);
    w.end_array().end_array().end_array();
}

std::string mutate(std::string_view table, const Uuid& row, const auto& mutations) {
    JsonWriter w = begin("mutate", table);
    where_uuid(w, row);
    w.key("mutations").begin_array();
    mutations(w);
    w.end_array().end_object();
    return w.take();
}

}  // namespace

std::string insert_operation(std::string_view table, const Uuid& uuid, std::string_view row) {
    JsonWriter w = begin("insert", table);
    w.member("uuid", uuid.text()).key("row").raw(row).end_object();
    return w.take();
}

std::string update_operation(std::string_view table, const Uuid& uuid, std::string_view row) {
    JsonWriter w = begin("update", table);
    where_uuid(w, uuid);
    w.key("row").raw(row).end_object();
    return w.take();
}

std::string delete_operation(std::string_view table, const Uuid& uuid) {
    JsonWriter w = begin("delete", table);
    where_uuid(w, uuid);
    w.end_object();
    return w.take();
}

std::string mutate_set(std::string_view table, const Uuid& row, std::string_view column, bool insert,
                       const Scalar& member) {
    return mutate(table, row, [&](JsonWriter& w) { set_mutation(w, column, insert, member); });
}

std::string mutate_map_set(std::string_view table, const Uuid& row, std::string_view column, const Scalar& key,
                           const Scalar& value) {
    return mutate(table, row, [&](JsonWriter& w) {
        set_mutation(w, column, false, key);
        w.begin_array().value(column).value("insert").begin_array().value("map").begin_array().begin_array();
        write_scalar(w, key);
        write_scalar(w, value);
        w.end_array().end_array().end_array().end_array();
    });
}

std::string mutate_map_erase(std::string_view table, const Uuid& row, std::string_view column, const Scalar& key) {
    return mutate(table, row, [&](JsonWriter& w) { set_mutation(w, column, false, key); });
}

}  // namespace weft::appliers::ovsdb
