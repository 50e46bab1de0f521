#pragma once

#include <weft/engine/row.hpp>

#include <string>
#include <string_view>

/// What a plugin tells its users on their own objects.
namespace weft::tables {

/// A member of an object's status that should be so. Written through the /status subresource (or the one that the
/// kind's ResourceSpec::status names), all members of an object in one request; what is as it should be costs none.
/// Members that nobody puts stay as they are, what is withdrawn is removed, unless it `stays`. The object's kind must
/// be one that a plugin brings along with Declare::resource.
///
/// In role cluster only the leader writes. A rule of role node says which node speaks by putting a member of its own:
/// `.field = "nodes/n1"` is {"nodes": {"n1": value}}.
struct ObjectStatus {
    static constexpr std::string_view table_name = "ObjectStatus";

    Key<ObjectStatus> key;  ///< kind/namespace/name/field; settled by put()
    std::string kind;       ///< "RateLimit"
    std::string ns;         ///< empty for cluster-scoped objects
    std::string name;
    std::string uid;    ///< when set, an object of the same name with another uid is left alone
    std::string field;  ///< member of the status; '/' leads into objects
    std::string value;  ///< JSON
    /// Said once and for all, like the approval of a request: when the row is withdrawn the member is left as it is.
    bool stays = false;

    void settle_key() { key = Key<ObjectStatus>{kind, ns, name, field}; }
    static constexpr auto fields() {
        return std::tuple{weft::field("key", &ObjectStatus::key),     weft::field("kind", &ObjectStatus::kind),
                          weft::field("ns", &ObjectStatus::ns),       weft::field("name", &ObjectStatus::name),
                          weft::field("uid", &ObjectStatus::uid),     weft::field("field", &ObjectStatus::field),
                          weft::field("value", &ObjectStatus::value), weft::field("stays", &ObjectStatus::stays)};
    }
};

/// A member of the status of the object that a row stands for: `object_status(Row::object(row), "message", "\"ok\"")`.
inline ObjectStatus object_status(const ObjectRef& object, std::string field, std::string value) {
    return {{}, object.kind, object.ns, object.name, object.uid, std::move(field), std::move(value), false};
}

}  // namespace weft::tables
