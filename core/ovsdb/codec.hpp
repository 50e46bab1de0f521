#pragma once

#include "base/row_fields.hpp"
#include "ovsdb/table.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

/// Between OVSDB <value>s and the C++ types of columns. RFC 7047 section 5.1: a set of one member may be written as the
/// member; ["set",[...]], ["map",[[k,v],...]] and ["uuid","..."] are everything else that isn't a plain JSON atom.
namespace weft::ovsdb {

/// ["tag", body] taken apart; false when `value` is no such pair.
bool tagged(const JsonView& value, std::string_view& tag, JsonView& body);
/// The two elements of an array of two.
bool two(const JsonView& array, JsonView& first, JsonView& second);
bool parse_uuid(const JsonView& value, Uuid& to);
/// "the Port_Group "pg1" that this refers to isn't there": the error of write() for a reference that can't be resolved.
Error unresolved(std::string_view table, std::string_view key);

namespace codec {

inline bool parse(const JsonView& v, std::int64_t& to) {
    const auto number = v.integer();
    if (number) to = *number;
    return number.has_value();
}
inline bool parse(const JsonView& v, double& to) {
    const auto number = v.number();
    if (number) to = *number;
    return number.has_value();
}
inline bool parse(const JsonView& v, bool& to) {
    const auto flag = v.boolean();
    if (flag) to = *flag;
    return flag.has_value();
}
inline bool parse(const JsonView& v, std::string& to) {
    const auto text = v.string();
    if (text) to.assign(*text);
    return text.has_value();
}
inline bool parse(const JsonView& v, Uuid& to) {
    return parse_uuid(v, to);
}
template <class R>
bool parse(const JsonView& v, Ref<R>& to) {
    return parse_uuid(v, to.uuid);
}

/// Calls `member(JsonView)` for each member of a <set> or for the one <atom>; false when one of them says false.
template <class Visit>
bool each_member(const JsonView& v, Visit&& member) {
    std::string_view tag;
    JsonView body;
    if (!v.is_array() || (tagged(v, tag, body) && tag == "uuid")) return member(v);
    if (tag != "set" || !body.is_array()) return false;
    struct {
        Visit& member;
        bool good = true;
    } state{member};
    body.each([&state](JsonView element) { state.good = state.good && state.member(element); });
    return state.good;
}

template <class E>
bool parse(const JsonView& v, std::optional<E>& to) {
    to.reset();
    return each_member(v, [&to](const JsonView& member) {
        if (to.has_value()) return false;  // more than one
        return parse(member, to.emplace());
    });
}

template <class E>
bool parse(const JsonView& v, Set<E>& to) {
    std::vector<E> members;
    if (!each_member(v, [&members](const JsonView& member) { return parse(member, members.emplace_back()); }))
        return false;
    to = Set<E>(std::move(members));
    return true;
}

template <class K, class V>
bool parse(const JsonView& v, Map<K, V>& to) {
    std::string_view tag;
    JsonView body;
    if (!tagged(v, tag, body) || tag != "map" || !body.is_array()) return false;
    struct {
        std::vector<std::pair<K, V>> entries;
        bool good = true;
    } state;
    body.each([&state](JsonView element) {
        JsonView key;
        JsonView value;
        auto& entry = state.entries.emplace_back();
        state.good = state.good && two(element, key, value) && parse(key, entry.first) && parse(value, entry.second);
    });
    if (state.good) to = Map<K, V>(std::move(state.entries));
    return state.good;
}

/// A plain (not composite, not optional) column may still come as a set of one.
template <class E>
bool parse_whole(const JsonView& v, E& to) {
    if constexpr (requires { typename E::value_type; } && !std::same_as<E, std::string>) {
        return parse(v, to);
    } else {
        std::optional<E> one;
        if (!parse(v, one) || !one) return false;
        to = std::move(*one);
        return true;
    }
}

// ---------------------------------------------------------------------------------------------------------------------

template <class E>
Scalar scalar(const E& v, const RefResolver&) {
    return Scalar(v);
}
template <class R>
Scalar scalar(const Ref<R>& ref, const RefResolver& resolver) {
    return Scalar(ref.uuid.is_zero() && !ref.key.empty() ? resolver.uuid_of(R::ovsdb_table, ref.key) : ref.uuid);
}

template <class E>
Result<void> write_atom(JsonWriter& w, const E& v, const RefResolver&) {
    if constexpr (std::same_as<E, Uuid>) {
        write_uuid(w, v);
    } else {
        w.value(v);
    }
    return {};
}
template <class R>
Result<void> write_atom(JsonWriter& w, const Ref<R>& ref, const RefResolver& resolver) {
    const Uuid uuid = std::get<Uuid>(scalar(ref, resolver));
    if (uuid.is_zero()) return unresolved(R::ovsdb_table, ref.key);
    write_uuid(w, uuid);
    return {};
}

template <class E>
Result<void> write(JsonWriter& w, const E& v, const RefResolver& resolver) {
    return write_atom(w, v, resolver);
}
template <class E>
Result<void> write_set(JsonWriter& w, const E& members, const RefResolver& resolver) {
    w.begin_array().value("set").begin_array();
    for (const auto& member : members) {
        if (auto written = write_atom(w, member, resolver); !written) return written;
    }
    w.end_array().end_array();
    return {};
}
template <class E>
Result<void> write(JsonWriter& w, const std::optional<E>& v, const RefResolver& resolver) {
    return v ? write_atom(w, *v, resolver) : write_set(w, std::vector<E>{}, resolver);
}
template <class E>
Result<void> write(JsonWriter& w, const Set<E>& v, const RefResolver& resolver) {
    return write_set(w, v, resolver);
}
template <class K, class V>
Result<void> write(JsonWriter& w, const Map<K, V>& v, const RefResolver& resolver) {
    w.begin_array().value("map").begin_array();
    for (const auto& [key, value] : v) {
        w.begin_array();
        if (auto written = write_atom(w, key, resolver); !written) return written;
        if (auto written = write_atom(w, value, resolver); !written) return written;
        w.end_array();
    }
    w.end_array().end_array();
    return {};
}

// ---------------------------------------------------------------------------------------------------------------------

template <class E>
void apply_difference(E& column, const E& difference) {
    column = difference;
}
template <class E>
void apply_difference(Set<E>& column, const Set<E>& difference) {
    std::vector<E> members;
    members.reserve(column.size() + difference.size());
    std::set_symmetric_difference(column.begin(), column.end(), difference.begin(), difference.end(),
                                  std::back_inserter(members));
    column = Set<E>(std::move(members));
}
template <class K, class V>
void apply_difference(Map<K, V>& column, const Map<K, V>& difference) {
    for (const auto& [key, value] : difference) {
        const V* old = column.find(key);
        if (old && *old == value) {
            column.erase(key);
        } else {
            column.set(key, value);
        }
    }
}

/// References inside a column, to be resolved before they can be compared.
template <class E>
struct HasRef : std::false_type {};
template <class R>
struct HasRef<Ref<R>> : std::true_type {};
template <class E>
struct HasRef<std::optional<E>> : HasRef<E> {};
template <class E>
struct HasRef<Set<E>> : HasRef<E> {};
template <class K, class V>
struct HasRef<Map<K, V>> : std::bool_constant<HasRef<K>::value || HasRef<V>::value> {};

template <class E>
E resolved(const E& v, const RefResolver&) {
    return v;
}
template <class R>
Ref<R> resolved(const Ref<R>& ref, const RefResolver& resolver) {
    return Ref<R>(std::get<Uuid>(scalar(ref, resolver)));
}
template <class E>
std::optional<E> resolved(const std::optional<E>& v, const RefResolver& resolver) {
    return v ? std::optional<E>(resolved(*v, resolver)) : std::nullopt;
}
template <class E>
Set<E> resolved(const Set<E>& v, const RefResolver& resolver) {
    std::vector<E> members;
    members.reserve(v.size());
    for (const auto& member : v)
        members.push_back(resolved(member, resolver));
    return Set<E>(std::move(members));
}
template <class K, class V>
Map<K, V> resolved(const Map<K, V>& v, const RefResolver& resolver) {
    Map<K, V> entries;
    for (const auto& [key, value] : v)
        entries.set(resolved(key, resolver), resolved(value, resolver));
    return entries;
}

template <class E>
void each(const E& v, const RefResolver& resolver, void* context, VisitScalar visit) {
    visit(context, scalar(v, resolver));
}
template <class E>
void each(const std::optional<E>& v, const RefResolver& resolver, void* context, VisitScalar visit) {
    if (v) visit(context, scalar(*v, resolver));
}
template <class E>
void each(const Set<E>& v, const RefResolver& resolver, void* context, VisitScalar visit) {
    for (const auto& member : v)
        visit(context, scalar(member, resolver));
}
template <class K, class V>
void each(const Map<K, V>& v, const RefResolver& resolver, void* context, VisitScalar visit) {
    for (const auto& entry : v)
        visit(context, scalar(entry.first, resolver));
}

template <class E>
void each_reference(const E&, void*, VisitUuid) {}
template <class R>
void each_reference(const Ref<R>& ref, void* context, VisitUuid visit) {
    if (!ref.uuid.is_zero()) visit(context, ref.uuid);
}
template <class E>
void each_reference(const std::optional<E>& v, void* context, VisitUuid visit) {
    if (v) each_reference(*v, context, visit);
}
template <class E>
void each_reference(const Set<E>& v, void* context, VisitUuid visit) {
    if constexpr (HasRef<E>::value) {
        for (const auto& member : v)
            each_reference(member, context, visit);
    }
}
template <class K, class V>
void each_reference(const Map<K, V>& v, void* context, VisitUuid visit) {
    if constexpr (HasRef<Map<K, V>>::value) {
        for (const auto& [key, value] : v) {
            each_reference(key, context, visit);
            each_reference(value, context, visit);
        }
    }
}

}  // namespace codec

/// The functions for columns of type Column<C>.
template <class C>
const ColumnOps& column_ops() {
    using Col = Column<C>;
    static constexpr auto in = [](const void* column) -> const Col& { return *static_cast<const Col*>(column); };
    static constexpr auto out = [](void* column) -> Col& { return *static_cast<Col*>(column); };
    static const ColumnOps ops{
        .parse =
            [](const JsonView& json, void* column) {
                C value{};
                if (!codec::parse_whole(json, value)) return false;
                out(column) = std::move(value);
                return true;
            },
        .declared = [](const void* column) { return in(column).declared(); },
        .apply_difference =
            [](void* column, const void* difference) {
                if (!out(column).declared()) out(column) = C{};
                codec::apply_difference(*out(column), *in(difference));
            },
        .assign = [](void* column, const void* from) { out(column) = in(from); },
        .normalize =
            [](void* column) {
                if (out(column).declared() && *out(column) == C{}) out(column) = Column<C>();
            },
        .same = [](const void* a, const void* b) { return in(a) == in(b); },
        .satisfied =
            [](const void* desired, const void* actual, const RefResolver& resolver) {
                if constexpr (codec::HasRef<C>::value) {
                    return codec::resolved(*in(desired), resolver) == in(actual).get();
                } else {
                    return in(actual).declared() ? *in(desired) == *in(actual) : *in(desired) == C{};
                }
            },
        .holds =
            [](Unpacker& desired, Unpacker& actual) {
                const bool declared = desired.number() != 0;
                const bool there = actual.number() != 0;
                if (!declared) {
                    if (there) skip_value<C>(actual);
                    return true;
                }
                if constexpr (codec::HasRef<C>::value) {
                    return false;
                } else {
                    return there ? same_value<C>(desired, actual) : read_value<C>(desired) == C{};
                }
            },
        .skip = skip_value<Col>,
        .write = [](JsonWriter& w, const void* column,
                    const RefResolver& resolver) { return codec::write(w, *in(column), resolver); },
        .each =
            [](const void* column, const RefResolver& resolver, void* context, VisitScalar visit) {
                if (in(column).declared()) codec::each(*in(column), resolver, context, visit);
            },
        .each_reference =
            [](const void* column, void* context, VisitUuid visit) {
                if (in(column).declared()) codec::each_reference(*in(column), context, visit);
            },
        .entry = [](const void* column, std::string_view key) -> const std::string* {
            if constexpr (std::same_as<C, Map<std::string, std::string>>) {
                return in(column).declared() ? in(column)->find(key) : nullptr;
            } else {
                return (void)column, (void)key, nullptr;
            }
        },
    };
    return ops;
}

}  // namespace weft::ovsdb
