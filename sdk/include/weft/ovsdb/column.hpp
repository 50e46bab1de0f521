#pragma once

#include <weft/base/key.hpp>
#include <weft/base/uuid.hpp>
#include <weft/engine/table.hpp>

#include <algorithm>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// The pieces that generated OVSDB row types (weft/ovsdb/nb.hpp, sb.hpp, ovs.hpp) are made of.
///
/// A column that a rule does not mention is *undeclared*: weft neither compares nor writes it, so whatever somebody
/// else put there stays. A column set to its empty value is declared, and weft keeps it empty.
namespace weft::ovsdb {

/// An OVSDB set of any size: sorted, no duplicates.
template <class T>
class Set {
  public:
    using value_type = T;

    Set() = default;
    Set(std::initializer_list<T> values) : values_(values) { settle(); }
    explicit Set(std::vector<T> values) : values_(std::move(values)) { settle(); }

    void insert(T value) {
        auto at = std::lower_bound(values_.begin(), values_.end(), value);
        if (at == values_.end() || *at != value) values_.insert(at, std::move(value));
    }
    void erase(const T& value) {
        auto at = std::lower_bound(values_.begin(), values_.end(), value);
        if (at != values_.end() && *at == value) values_.erase(at);
    }
    bool contains(const T& value) const { return std::binary_search(values_.begin(), values_.end(), value); }
    std::size_t size() const { return values_.size(); }
    bool empty() const { return values_.empty(); }
    auto begin() const { return values_.begin(); }
    auto end() const { return values_.end(); }

    friend bool operator==(const Set&, const Set&) = default;
    friend constexpr std::uint64_t type_hash_of(const Set*) { return fnv1a64("set", weft::detail::type_hash<T>()); }

  private:
    void settle() {
        const auto out_of_order = [](const T& a, const T& b) { return !(a < b); };
        if (std::adjacent_find(values_.begin(), values_.end(), out_of_order) == values_.end()) return;
        std::sort(values_.begin(), values_.end());
        values_.erase(std::unique(values_.begin(), values_.end()), values_.end());
    }
    std::vector<T> values_;
};

/// An OVSDB map: sorted by key.
template <class K, class V>
class Map {
  public:
    using value_type = std::pair<K, V>;

    Map() = default;
    Map(std::initializer_list<std::pair<K, V>> entries) {
        for (auto& entry : entries)
            set(entry.first, entry.second);
    }
    /// In any order; of equal keys the last one counts.
    explicit Map(std::vector<std::pair<K, V>> entries) : entries_(std::move(entries)) {
        const auto by_key = [](const auto& a, const auto& b) { return a.first < b.first; };
        const auto out_of_order = [](const auto& a, const auto& b) { return !(a.first < b.first); };
        if (std::adjacent_find(entries_.begin(), entries_.end(), out_of_order) == entries_.end()) return;
        std::stable_sort(entries_.begin(), entries_.end(), by_key);
        const auto last = std::unique(entries_.rbegin(), entries_.rend(),
                                      [](const auto& a, const auto& b) { return a.first == b.first; });
        entries_.erase(entries_.begin(), last.base());
    }

    /// Inserts or replaces.
    void set(K key, V value) {
        auto at = find_slot(key);
        if (at != entries_.end() && at->first == key) {
            at->second = std::move(value);
        } else {
            entries_.insert(at, {std::move(key), std::move(value)});
        }
    }
    void erase(const K& key) {
        auto at = find_slot(key);
        if (at != entries_.end() && at->first == key) entries_.erase(at);
    }
    /// The value, or null.
    template <class Q>
    const V* find(const Q& key) const {
        auto at = std::lower_bound(entries_.begin(), entries_.end(), key,
                                   [](const auto& entry, const Q& k) { return entry.first < k; });
        return at != entries_.end() && at->first == key ? &at->second : nullptr;
    }
    template <class Q>
    bool contains(const Q& key) const {
        return find(key) != nullptr;
    }
    std::size_t size() const { return entries_.size(); }
    bool empty() const { return entries_.empty(); }
    auto begin() const { return entries_.begin(); }
    auto end() const { return entries_.end(); }

    friend bool operator==(const Map&, const Map&) = default;
    friend constexpr std::uint64_t type_hash_of(const Map*) {
        return fnv1a64("map", weft::detail::type_hash<K>() * 31 + weft::detail::type_hash<V>());
    }

  private:
    auto find_slot(const K& key) {
        return std::lower_bound(entries_.begin(), entries_.end(), key,
                                [](const auto& entry, const K& k) { return entry.first < k; });
    }
    std::vector<std::pair<K, V>> entries_;
};

/// A reference to a row of table `T`: by natural key in rows that rules put (the applier finds or chooses the UUID), by
/// UUID in rows that come from a database.
template <class T>
struct Ref {
    std::string key;
    Uuid uuid;  ///< in rows that come from a database

    Ref() = default;
    Ref(const Key<T>& to) : key(to.text) {}
    explicit Ref(const Uuid& to) : uuid(to) {}

    std::string text() const { return uuid.is_zero() ? key : uuid.text(); }
    void pack(Packer& out) const {
        out.text(key);
        out.raw(&uuid, sizeof(uuid));
    }
    void unpack(Unpacker& in) {
        key = in.text();
        in.raw(&uuid, sizeof(uuid));
    }
    static void skip(Unpacker& in) {
        in.skip_text();
        in.skip_raw();
    }
    friend auto operator<=>(const Ref&, const Ref&) = default;
    friend constexpr std::uint64_t type_hash_of(const Ref*) { return fnv1a64("ref"); }
};

/// `.dns_records = ovsdb::empty`: declared, and kept empty. (`= {}` leaves a column undeclared.)
struct Empty {};
inline constexpr Empty empty;

namespace detail {
template <class T>
struct ElementOf {
    struct type {};
};
template <class T>
requires(!std::same_as<T, std::string> && requires { typename T::value_type; } && RangeField<T>) struct ElementOf<T> {
    using type = typename T::value_type;
};
}  // namespace detail

/// A column: undeclared, or a value.
///   LogicalSwitchPort{.name = "p1", .addresses = {"0a:58:0a:80:00:03 10.128.0.3"}, .options = {{"k", "v"}}, .tag = 5}
template <class T>
class Column {
  public:
    Column() = default;
    Column(Empty) : value_(std::in_place) {}
    template <class U>
    requires(std::constructible_from<T, U&&> && !std::same_as<std::remove_cvref_t<U>, Column>) Column(U&& value)
        : value_(std::in_place, std::forward<U>(value)) {}
    /// The members of a set or the entries of a map.
    Column(std::initializer_list<typename detail::ElementOf<T>::type> values) requires(
        std::constructible_from<T, std::initializer_list<typename detail::ElementOf<T>::type>>)
        : value_(std::in_place, values) {}

    bool has_value() const { return value_.has_value(); }
    /// Has it a value, if an empty one?
    bool declared() const { return value_.has_value(); }
    const T& operator*() const { return *value_; }
    T& operator*() { return *value_; }
    const T* operator->() const { return &*value_; }
    T* operator->() { return &*value_; }
    /// The value, or the type's empty value when undeclared.
    const T& get() const& {
        static const T none{};
        return value_ ? *value_ : none;
    }
    /// The same of a column that is about to end: by value, so that nothing points into it afterwards.
    T get() const&& { return value_.value_or(T{}); }

    friend bool operator==(const Column&, const Column&) = default;
    friend constexpr std::uint64_t type_hash_of(const Column*) {
        return fnv1a64("column", weft::detail::type_hash<T>());
    }

  private:
    std::optional<T> value_;
};

/// Where a row of a non-root table hangs: "a member of column `column` of the row `key` in table `table`". Set by rules
/// with child_of(), and filled in from the database for rows that are already there.
struct Parent {
    std::string_view table;   ///< "Logical_Router"; from a constant, never owned
    std::string_view column;  ///< "static_routes"
    std::string key;          ///< the parent's natural key

    /// Is it a row of a root table?
    bool none() const { return table.empty(); }
    std::string text() const {
        return none() ? std::string() : std::string(table) + "/" + key + "." + std::string(column);
    }
    void pack(Packer& out) const {
        out.text(table);
        out.text(column);
        out.text(key);
    }
    void unpack(Unpacker& in) {
        table = constant_text(in.text());
        column = constant_text(in.text());
        key = in.text();
    }
    static void skip(Unpacker& in) {
        in.skip_text();
        in.skip_text();
        in.skip_text();
    }
    friend bool operator==(const Parent&, const Parent&) = default;
};

/// How far a change of a row has come when something that waits for it may go on.
enum class Level : std::uint8_t {
    committed,   ///< the northbound (or its own) database has it
    southbound,  ///< northd has translated it (for rows of other databases than the northbound one: committed)
    installed,   ///< this node's switch forwards by it (for rows of the Open_vSwitch database: committed)
};

/// `row.after`: this row is applied after that one has reached `level`, and that one is withdrawn only when this one
/// has gone at the same level. The two may be in different databases of the node. Made by after() below:
///   out.put(ovs::Interface{..., .after = {ovsdb::after(port, ovsdb::Level::installed)}});
struct After {
    std::string_view table;  ///< table_name of the row waited for
    std::string key;
    Level level = Level::committed;  ///< how far that row must be

    std::string text() const { return std::string(table) + "/" + key + "@" + std::to_string(static_cast<int>(level)); }
    void pack(Packer& out) const {
        out.text(table);
        out.text(key);
        out.number(static_cast<std::uint64_t>(level));
    }
    void unpack(Unpacker& in) {
        table = constant_text(in.text());
        key = in.text();
        level = static_cast<Level>(in.number());
    }
    static void skip(Unpacker& in) {
        in.skip_text();
        in.skip_text();
        in.number();
    }
    friend bool operator==(const After&, const After&) = default;
};

/// What comes after the row that a rule puts under this key.
template <class T>
After after(const Key<T>& row, Level level = Level::committed) {
    return {T::table_name, row.text, level};
}

/// `.parent = child_of(cluster_router, &nb::LogicalRouter::static_routes)`.
template <class P, class T>
Parent child_of(const Key<P>& parent, T P::*column);

/// The OVSDB name of a generated column: "static_routes" for &nb::LogicalRouter::static_routes.
template <class P, class T>
constexpr std::string_view column_name(T P::*column) {
    std::string_view name;
    std::apply(
        [&](const auto&... f) {
            (([&] {
                 if constexpr (std::is_same_v<decltype(f.member), T P::*>) {
                     if (f.member == column) name = f.name;
                 }
             }()),
             ...);
        },
        P::columns());
    return name;
}

template <class P, class T>
Parent child_of(const Key<P>& parent, T P::*column) {
    return {P::ovsdb_table, column_name(column), parent.text};
}

/// One member of a set column, or one entry of a map column, added to a row that another rule (or somebody else) owns:
/// a port in a Port_Group, an address in an Address_Set, a key of Open_vSwitch.external_ids. Equal members from several
/// rules are one; the member goes when the last rule withdraws it. It waits while the row is absent. Foreign members
/// and entries of the column stay. Made by add() and set_entry() below.
template <class Db>
struct Member {
    static constexpr std::string_view table_name = Db::member_table;
    static constexpr Merge merge = Merge::set_union;

    Key<Member> key;
    std::string table;         ///< OVSDB table of the row
    std::string row;           ///< natural key of the row ("." in a table that holds one row)
    std::string column;        ///< OVSDB column
    std::string map_key;       ///< for a map column
    std::string value;         ///< the member or map value as text; a reference's natural key
    std::string ref_table;     ///< OVSDB table that `value` refers to; empty for plain values
    std::vector<After> after;  ///< as of any row

    static constexpr auto fields() {
        return std::tuple{field("key", &Member::key),
                          field("table", &Member::table),
                          field("row", &Member::row),
                          field("column", &Member::column),
                          field("map_key", &Member::map_key),
                          field("value", &Member::value),
                          field("ref_table", &Member::ref_table),
                          field("after", &Member::after)};
    }
};

/// A column of a row that belongs to somebody else (SB Port_Binding.chassis): set while the row exists, cleared when
/// withdrawn; the row itself is neither made nor deleted. Made by set_column() below.
template <class Db>
struct ForeignColumn {
    static constexpr std::string_view table_name = Db::foreign_column_table;

    Key<ForeignColumn> key;
    std::string table;         ///< OVSDB table of the row
    std::string row;           ///< natural key of the row
    std::string column;        ///< OVSDB column
    std::string value;         ///< text of the value; a reference's natural key
    std::string ref_table;     ///< OVSDB table that `value` refers to; empty for plain values
    std::vector<After> after;  ///< as of any row

    static constexpr auto fields() {
        return std::tuple{field("key", &ForeignColumn::key),     field("table", &ForeignColumn::table),
                          field("row", &ForeignColumn::row),     field("column", &ForeignColumn::column),
                          field("value", &ForeignColumn::value), field("ref_table", &ForeignColumn::ref_table),
                          field("after", &ForeignColumn::after)};
    }
};

/// A member of a set of references: out.put(add(group, &nb::PortGroup::ports, port)).
template <class P, class T>
Member<typename P::Database> add(const Key<P>& row, Column<Set<Ref<T>>> P::*column, const Key<T>& target) {
    const std::string name(column_name(column));
    return {.key = Key<Member<typename P::Database>>{P::ovsdb_table, row.text, name, target.text},
            .table = std::string(P::ovsdb_table),
            .row = row.text,
            .column = name,
            .value = target.text,
            .ref_table = std::string(T::ovsdb_table)};
}

/// A member of a set of plain texts: out.put(add(set, &nb::AddressSet::addresses, ip.text())).
template <class P>
Member<typename P::Database> add(const Key<P>& row, Column<Set<std::string>> P::*column, const std::string& value) {
    const std::string name(column_name(column));
    return {.key = Key<Member<typename P::Database>>{P::ovsdb_table, row.text, name, value},
            .table = std::string(P::ovsdb_table),
            .row = row.text,
            .column = name,
            .value = value};
}

/// An entry of a map: out.put(set_entry(Key<ovs::OpenVSwitch>{"."}, &ovs::OpenVSwitch::external_ids, "hostname",
/// "n1")).
template <class P>
Member<typename P::Database> set_entry(const Key<P>& row, Column<Map<std::string, std::string>> P::*column,
                                       const std::string& map_key, const std::string& value) {
    const std::string name(column_name(column));
    return {.key = Key<Member<typename P::Database>>{P::ovsdb_table, row.text, name, map_key},
            .table = std::string(P::ovsdb_table),
            .row = row.text,
            .column = name,
            .map_key = map_key,
            .value = value};
}

/// A reference column of somebody else's row.
template <class P, class T>
ForeignColumn<typename P::Database> set_column(const Key<P>& row, Column<std::optional<Ref<T>>> P::*column,
                                               const Key<T>& target) {
    const std::string name(column_name(column));
    return {.key = Key<ForeignColumn<typename P::Database>>{P::ovsdb_table, row.text, name},
            .table = std::string(P::ovsdb_table),
            .row = row.text,
            .column = name,
            .value = target.text,
            .ref_table = std::string(T::ovsdb_table)};
}

/// A text column of somebody else's row.
template <class P>
ForeignColumn<typename P::Database> set_column(const Key<P>& row, Column<std::string> P::*column,
                                               const std::string& value) {
    const std::string name(column_name(column));
    return {.key = Key<ForeignColumn<typename P::Database>>{P::ovsdb_table, row.text, name},
            .table = std::string(P::ovsdb_table),
            .row = row.text,
            .column = name,
            .value = value};
}

/// The rows of a table as the database has them, for rules that read what others write there; keyed by UUID text.
///   using Reads = Tables<ovsdb::Replica<sb::Chassis>>;
template <class T>
struct Replica {
    using Row = T;
    static constexpr std::string_view table_name = T::replica_table;
};

/// Which rows that are already in a database are ours, declared as data beside the table that rules put them into. Rows
/// that no rule puts any more are deleted if a claim covers them; rows that no claim covers are never touched.
struct ClaimSpec {
    std::string name;
    const RowType* type = nullptr;  ///< of which rows
    /// Is this row (with its parent filled in) covered?
    bool (*covers)(const void* row) = nullptr;
    /// The key a rule would put it under.
    std::string (*identity)(const void* row) = nullptr;
    /// The driver key of the rule instance that would put it; empty when that can't be told.
    std::string (*driver)(const void* row) = nullptr;
    /// Rows are recognised so that a rule can put what is there already, but never deleted for want of a rule: they may
    /// be somebody else's as well, and live by being referred to (SB Encap) or for ever (NB_Global).
    bool adopt_only = false;
};

}  // namespace weft::ovsdb

template <class T>
struct std::hash<weft::ovsdb::Ref<T>> {
    std::size_t operator()(const weft::ovsdb::Ref<T>& ref) const {
        return weft::hash_mix(weft::hash_bytes(ref.key), ref.uuid.hash());
    }
};
template <>
struct std::hash<weft::ovsdb::Parent> {
    std::size_t operator()(const weft::ovsdb::Parent& parent) const {
        return weft::hash_mix(weft::hash_mix(weft::hash_bytes(parent.table), weft::hash_bytes(parent.column)),
                              weft::hash_bytes(parent.key));
    }
};
template <>
struct std::hash<weft::ovsdb::After> {
    std::size_t operator()(const weft::ovsdb::After& after) const {
        return weft::hash_mix(weft::hash_mix(weft::hash_bytes(after.table), weft::hash_bytes(after.key)),
                              static_cast<std::uint64_t>(after.level));
    }
};
