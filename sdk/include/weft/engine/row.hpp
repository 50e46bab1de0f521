#pragma once

#include <weft/base/api.hpp>
#include <weft/base/hash.hpp>
#include <weft/base/ip.hpp>
#include <weft/base/json.hpp>
#include <weft/base/key.hpp>
#include <weft/base/mac.hpp>
#include <weft/base/pack.hpp>
#include <weft/base/uuid.hpp>

#include <atomic>
#include <concepts>
#include <cstdint>
#include <map>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

/// Rows: what tables hold. A row is an immutable value that lists its fields once; equality, hash, JSON, the bytes in
/// which it rests and the schema hash all derive from that list:
///
///   struct NodeSubnet {
///       static constexpr std::string_view table_name = "NodeSubnet";
///       weft::Key<NodeSubnet> key;
///       std::vector<weft::IpPrefix> subnets;
///       static constexpr auto fields() {
///           return std::tuple{weft::field("key", &NodeSubnet::key), weft::field("subnets", &NodeSubnet::subnets)};
///       }
///   };
namespace weft {

/// A field of a struct: its name and where it is.
template <class Owner, class T>
struct Field {
    std::string_view name;
    T Owner::*member;  ///< where it is
};

/// An entry of fields().
template <class Owner, class T>
constexpr Field<Owner, T> field(std::string_view name, T Owner::*member) {
    return {name, member};
}

/// Anything that lists its fields: rows, and the structs inside rows.
template <class T>
concept Fielded = requires {
    T::fields();
};

/// A row type: lists its fields, names its table, and has a key.
template <class T>
concept Row = Fielded<T> && requires(const T& row) {
    { T::table_name } -> std::convertible_to<std::string_view>;
    { row.key } -> std::convertible_to<const Key<T>&>;
};

// ---------------------------------------------------------------------------------------------------------------------
// What a field can be made of. A type of your own either lists fields() or has text() (written as a JSON string).

/// A type that says what it is in one text.
template <class T>
concept HasText = requires(const T& v) {
    { v.text() } -> std::convertible_to<std::string>;
};

/// Is it a std::pair?
template <class T>
struct IsPair : std::false_type {};
template <class A, class B>
struct IsPair<std::pair<A, B>> : std::true_type {};

/// A container of values.
template <class T>
concept RangeField = !std::convertible_to<T, std::string_view> && !HasText<T> && requires(const T& v) {
    v.begin();
    v.end();
    v.size();
};

/// A value that may be absent.
template <class T>
concept OptionalField = requires(const T& v) {
    { v.has_value() } -> std::same_as<bool>;
    *v;
};

template <class T>
std::uint64_t hash_value(const T& v);
template <class T>
void json_value(JsonWriter& w, const T& v);

namespace detail {

template <class T>
std::uint64_t hash_fields(const T& v) {
    std::uint64_t h = 0x77656674;
    std::apply([&](const auto&... f) { ((h = hash_mix(h, hash_value(v.*(f.member)))), ...); }, T::fields());
    return h;
}

template <class T>
void json_fields(JsonWriter& w, const T& v) {
    w.begin_object();
    std::apply([&](const auto&... f) { ((json_value(w.key(f.name), v.*(f.member))), ...); }, T::fields());
    w.end_object();
}

template <class T>
bool equal_fields(const T& a, const T& b) {
    return std::apply([&](const auto&... f) { return ((a.*(f.member) == b.*(f.member)) && ...); }, T::fields());
}

/// The name of a class that is no template, as the compiler prints it. Names of templates are not used: how compilers
/// print their arguments differs from one place to another.
template <class T>
constexpr std::string_view class_name() {
    return __PRETTY_FUNCTION__;
}

template <class T>
constexpr std::uint64_t type_hash();

template <class A, class B>
constexpr std::uint64_t type_hash_of(const std::pair<A, B>*) {
    return fnv1a64("pair", type_hash<A>() * 31 + type_hash<B>());
}
template <class T>
constexpr std::uint64_t type_hash_of(const std::vector<T>*) {
    return fnv1a64("list", type_hash<T>());
}
template <class T>
constexpr std::uint64_t type_hash_of(const std::optional<T>*) {
    return fnv1a64("optional", type_hash<T>());
}
constexpr std::uint64_t type_hash_of(const std::string*) {
    return fnv1a64("text");
}
template <class R>
constexpr std::uint64_t type_hash_of(const Key<R>*) {
    return fnv1a64("key");
}
template <class Tag>
constexpr std::uint64_t type_hash_of(const Id<Tag>*) {
    return fnv1a64("id");
}
/// Other templates (ovsdb::Column, Set, Map, …) say what they are made of by overloading this beside themselves.
template <class T>
constexpr std::uint64_t type_hash_of(const T*) {
    if constexpr (Fielded<T>) {
        std::uint64_t h = fnv1a64("struct");
        std::apply(
            [&](const auto&... f) {
                ((h = fnv1a64(f.name,
                              h * 31 + type_hash<std::remove_cvref_t<decltype(std::declval<T>().*(f.member))>>())),
                 ...);
            },
            T::fields());
        return h;
    } else {
        static_assert(std::is_arithmetic_v<T> || std::is_enum_v<T> || std::is_class_v<T>);
        return fnv1a64(class_name<T>(), sizeof(T));
    }
}

/// Part of the schema hash, so that a changed field type is a new schema.
template <class T>
constexpr std::uint64_t type_hash() {
    return type_hash_of(static_cast<const T*>(nullptr));
}

template <class T>
constexpr std::uint64_t schema_hash() {
    return fnv1a64(T::table_name, type_hash_of(static_cast<const T*>(nullptr)));
}

}  // namespace detail

/// Is it a Key?
template <class T>
struct IsKey : std::false_type {};
/// It is.
template <class R>
struct IsKey<Key<R>> : std::true_type {};
/// Is it an Id?
template <class T>
struct IsId : std::false_type {};
/// It is.
template <class Tag>
struct IsId<Id<Tag>> : std::true_type {};

/// The hash of a field's value; equal values have equal ones, within a process.
template <class T>
std::uint64_t hash_value(const T& v) {
    if constexpr (IsKey<T>::value) {
        return hash_bytes(v.text);
    } else if constexpr (IsId<T>::value) {
        return v.value;
    } else if constexpr (std::is_enum_v<T> || std::is_integral_v<T>) {
        return static_cast<std::uint64_t>(v) * 0x9e3779b97f4a7c15ULL;
    } else if constexpr (std::is_floating_point_v<T>) {
        return std::hash<T>{}(v);
    } else if constexpr (std::convertible_to<const T&, std::string_view>) {
        return hash_bytes(v);
    } else if constexpr (Fielded<T>) {
        return detail::hash_fields(v);
    } else if constexpr (IsPair<T>::value) {
        return hash_mix(hash_value(v.first), hash_value(v.second));
    } else if constexpr (OptionalField<T>) {
        return v.has_value() ? hash_mix(1, hash_value(*v)) : 0;
    } else if constexpr (RangeField<T>) {
        std::uint64_t h = v.size();
        for (const auto& element : v)
            h = hash_mix(h, hash_value(element));
        return h;
    } else {
        return std::hash<T>{}(v);
    }
}

/// A field's value as JSON.
template <class T>
void json_value(JsonWriter& w, const T& v) {
    if constexpr (IsKey<T>::value) {
        w.value(std::string_view(v.text));
    } else if constexpr (IsId<T>::value) {
        w.value(static_cast<std::uint64_t>(v.value));
    } else if constexpr (std::same_as<T, bool>) {
        w.value(v);
    } else if constexpr (std::is_enum_v<T> || std::is_integral_v<T>) {
        w.value(static_cast<std::int64_t>(v));
    } else if constexpr (std::is_floating_point_v<T>) {
        w.value(static_cast<double>(v));
    } else if constexpr (std::convertible_to<const T&, std::string_view>) {
        w.value(std::string_view(v));
    } else if constexpr (Fielded<T>) {
        detail::json_fields(w, v);
    } else if constexpr (HasText<T>) {
        w.value(std::string_view(v.text()));
    } else if constexpr (IsPair<T>::value) {
        w.begin_array();
        json_value(w, v.first);
        json_value(w, v.second);
        w.end_array();
    } else if constexpr (OptionalField<T>) {
        if (v.has_value()) {
            json_value(w, *v);
        } else {
            w.null();
        }
    } else if constexpr (RangeField<T>) {
        w.begin_array();
        for (const auto& element : v)
            json_value(w, element);
        w.end_array();
    } else {
        static_assert(!sizeof(T), "this field type has neither fields() nor text()");
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// Fields as bytes. A type of your own lists fields(), or has `void pack(Packer&) const` and `void unpack(Unpacker&)`,
// or is plain bytes without padding.

/// A type that packs itself.
template <class T>
concept PacksItself = requires(const T& v, T& w, Packer& out, Unpacker& in) {
    v.pack(out);
    w.unpack(in);
};

/// Appends a field's value.
template <class T>
void pack_value(Packer& out, const T& v);
/// Reads a field's value into one that is as made.
template <class T>
void unpack_value(Unpacker& in, T& v);

/// A prefix has padding.
inline void pack_value(Packer& out, const IpPrefix& v) {
    out.raw(&v.ip(), sizeof(Ip));
    out.number(static_cast<std::uint64_t>(v.length()));
}
/// And back.
inline void unpack_value(Unpacker& in, IpPrefix& v) {
    Ip ip;
    in.raw(&ip, sizeof(ip));
    v = IpPrefix(ip, static_cast<int>(in.number()));
}

template <class T>
void pack_value(Packer& out, const T& v) {
    if constexpr (PacksItself<T>) {
        v.pack(out);
    } else if constexpr (IsKey<T>::value) {
        out.text(v.text);
    } else if constexpr (IsId<T>::value) {
        out.number(v.value);
    } else if constexpr (std::same_as<T, std::string>) {
        out.text(v);
    } else if constexpr (std::is_enum_v<T> || std::unsigned_integral<T>) {
        out.number(static_cast<std::uint64_t>(v));
    } else if constexpr (std::signed_integral<T>) {  // small ones of either sign in few bytes
        const auto wide = static_cast<std::int64_t>(v);
        out.number(static_cast<std::uint64_t>(wide) << 1 ^ static_cast<std::uint64_t>(wide >> 63));
    } else if constexpr (Fielded<T>) {
        std::apply([&](const auto&... f) { (pack_value(out, v.*(f.member)), ...); }, T::fields());
    } else if constexpr (IsPair<T>::value) {
        pack_value(out, v.first);
        pack_value(out, v.second);
    } else if constexpr (OptionalField<T>) {
        out.number(v.has_value());
        if (v.has_value()) pack_value(out, *v);
    } else if constexpr (RangeField<T>) {
        out.number(v.size());
        for (const auto& element : v)
            pack_value(out, element);
    } else {
        static_assert(std::is_trivially_copyable_v<T> &&
                          (std::has_unique_object_representations_v<T> || std::is_floating_point_v<T>),
                      "this field type has neither fields() nor pack() and unpack()");
        out.raw(&v, sizeof(v));
    }
}

template <class T>
void unpack_value(Unpacker& in, T& v) {
    if constexpr (PacksItself<T>) {
        v.unpack(in);
    } else if constexpr (IsKey<T>::value) {
        v.text = in.text();
    } else if constexpr (IsId<T>::value) {
        v.value = static_cast<std::uint32_t>(in.number());
    } else if constexpr (std::same_as<T, std::string>) {
        v = in.text();
    } else if constexpr (std::is_enum_v<T> || std::unsigned_integral<T>) {
        v = static_cast<T>(in.number());
    } else if constexpr (std::signed_integral<T>) {
        const std::uint64_t wide = in.number();
        v = static_cast<T>(static_cast<std::int64_t>(wide >> 1 ^ (0 - (wide & 1))));
    } else if constexpr (Fielded<T>) {
        std::apply([&](const auto&... f) { (unpack_value(in, v.*(f.member)), ...); }, T::fields());
    } else if constexpr (IsPair<T>::value) {
        unpack_value(in, v.first);
        unpack_value(in, v.second);
    } else if constexpr (OptionalField<T>) {
        if (in.number() == 0) return;  // it is new, so without a value
        std::remove_cvref_t<decltype(*v)> value{};
        unpack_value(in, value);
        v = std::move(value);
    } else if constexpr (RangeField<T>) {
        std::vector<typename T::value_type> elements(in.count());
        for (auto& element : elements)
            unpack_value(in, element);
        v = T(std::move(elements));
    } else {
        in.raw(&v, sizeof(v));
    }
}

namespace detail {

/// The key stands first, so that it can be read without the rest.
template <class T>
void pack_row(Packer& out, const T& row) {
    out.text(row.key.text);
    const auto one = [&](const auto& f) {
        if constexpr (std::is_same_v<decltype(f.member), Key<T> T::*>) {
            if (f.member == &T::key) return;
        }
        pack_value(out, row.*(f.member));
    };
    std::apply([&](const auto&... f) { (one(f), ...); }, T::fields());
}

template <class T>
void unpack_row(Unpacker& in, T& row) {
    row.key.text = in.text();
    const auto one = [&](const auto& f) {
        if constexpr (std::is_same_v<decltype(f.member), Key<T> T::*>) {
            if (f.member == &T::key) return;
        }
        unpack_value(in, row.*(f.member));
    };
    std::apply([&](const auto&... f) { (one(f), ...); }, T::fields());
}

}  // namespace detail

/// `bool operator==` for a struct that lists fields(): write `WEFT_FIELDS_EQUAL(T)` inside it. A template, so that only
/// who compares pays for it: there are some hundred such types.
#define WEFT_FIELDS_EQUAL(T)                            \
    template <std::same_as<T> Same>                     \
    friend bool operator==(const T& a, const Same& b) { \
        return ::weft::detail::equal_fields(a, b);      \
    }

// ---------------------------------------------------------------------------------------------------------------------

/// The Kubernetes object that a row stands for, so that a rule's error on it can become an Event.
struct ObjectRef {
    std::string kind;  ///< "Pod"; empty when the row stands for no object
    std::string ns;    ///< empty for cluster-scoped objects
    std::string name;
    std::string uid;

    static constexpr auto fields() {
        return std::tuple{field("kind", &ObjectRef::kind), field("ns", &ObjectRef::ns), field("name", &ObjectRef::name),
                          field("uid", &ObjectRef::uid)};
    }
    WEFT_FIELDS_EQUAL(ObjectRef)
};

/// What libweft knows about a row type: one constant for each type and each .so. Two of them mean the same type when
/// name and schema are equal; their addresses say nothing.
struct RowType {
    std::string_view name;
    std::uint64_t schema = 0;  ///< hash of the fields' names and types
    std::size_t size = 0;
    void (*construct)(void* memory) = nullptr;                  ///< an empty row, which destroy() ends
    void (*pack)(Packer& out, const void* row) = nullptr;       ///< its fields as bytes
    void (*unpack)(Unpacker& in, void* empty_row) = nullptr;    ///< and back
    void (*to_json)(const void* row, JsonWriter& w) = nullptr;  ///< an object with all fields
    void (*destroy)(void* row) noexcept = nullptr;              ///< ends a row's life
    /// The object this row stands for; empty kind when the type doesn't say (`static ObjectRef object(const T&)`).
    ObjectRef (*object)(const void* row) = nullptr;
    /// Who came first, for conflicts at start: seconds since the epoch (`static std::int64_t precedence(const T&)`),
    /// 0 when the type doesn't say. Ties go to the smaller key.
    std::int64_t (*precedence)(const void* row) = nullptr;
    bool has_precedence = false;  ///< the type says

    /// Same name and same fields.
    bool same_as(const RowType& other) const { return name == other.name && schema == other.schema; }
};

/// The constant of a row type.
template <Row T>
const RowType& row_type() {
    static_assert(alignof(T) <= __STDCPP_DEFAULT_NEW_ALIGNMENT__);
    static const RowType type{
        .name = T::table_name,
        .schema = detail::schema_hash<T>(),
        .size = sizeof(T),
        .construct = [](void* memory) { new (memory) T{}; },
        .pack = [](Packer& out, const void* row) { detail::pack_row(out, *static_cast<const T*>(row)); },
        .unpack = [](Unpacker& in, void* empty) { detail::unpack_row(in, *static_cast<T*>(empty)); },
        .to_json = [](const void* row, JsonWriter& w) { detail::json_fields(w, *static_cast<const T*>(row)); },
        .destroy = [](void* row) noexcept { static_cast<T*>(row)->~T(); },
        .object = [](const void* row) -> ObjectRef {
            if constexpr (requires(const T& r) { T::object(r); }) return T::object(*static_cast<const T*>(row));
            return (void)row, ObjectRef{};
        },
        .precedence = [](const void* row) -> std::int64_t {
            if constexpr (requires(const T& r) { T::precedence(r); }) return T::precedence(*static_cast<const T*>(row));
            return (void)row, 0;
        },
        .has_precedence = requires(const T& r){T::precedence(r);
}
,
};  // namespace weft
return type;
}

/// A row of some type with its fields laid out, for whoever knows the type only by its RowType. Owned by one.
class OpenRow {
  public:
    OpenRow() = default;
    /// An empty row.
    explicit OpenRow(const RowType& type) : type_(&type), row_(::operator new(type.size)) { type.construct(row_); }
    OpenRow(OpenRow&& other) noexcept
        : type_(std::exchange(other.type_, nullptr)),
          row_(std::exchange(other.row_, nullptr)) {}
    OpenRow& operator=(OpenRow other) noexcept {
        std::swap(type_, other.type_);
        std::swap(row_, other.row_);
        return *this;
    }
    ~OpenRow() {
        if (row_ == nullptr) return;
        type_->destroy(row_);
        ::operator delete(row_);
    }

    explicit operator bool() const { return row_ != nullptr; }
    /// What kind of row it is.
    const RowType& type() const { return *type_; }
    /// The row itself; null when there is none.
    const void* get() const { return row_; }
    /// The same, for filling it.
    void* get() { return row_; }
    /// The row as what it is; the caller knows its type, by table.
    template <Row T>
    const T& as() const {
        return *static_cast<const T*>(row_);
    }

  private:
    const RowType* type_ = nullptr;
    void* row_ = nullptr;
};

/// A shared, immutable row of some type, at rest: one block of bytes that holds the fields packed (see Packer), a small
/// part of what they cost laid out. Whoever wants to look at it takes a copy: as() or open(). One word; counting is
/// atomic, so rows may be let go on any thread.
class RowPtr {
  public:
    RowPtr() = default;
    RowPtr(const RowPtr& other) : block_(other.block_) {
        if (block_) block_->references.fetch_add(1, std::memory_order_relaxed);
    }
    RowPtr(RowPtr&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
    RowPtr& operator=(RowPtr other) noexcept {
        std::swap(block_, other.block_);
        return *this;
    }
    ~RowPtr() { release(); }

    explicit operator bool() const { return block_ != nullptr; }
    /// What kind of row it is.
    const RowType& type() const { return *block_->type; }
    /// Costs next to nothing, and is valid as long as the row.
    std::string_view key() const { return Unpacker(bytes()).text(); }
    /// The packed fields, the key first. Equal rows of a type have equal bytes.
    std::string_view bytes() const { return {reinterpret_cast<const char*>(block_ + 1), block_->size}; }
    /// A copy of the row as what it is; the caller knows its type, by table.
    template <Row T>
    T as() const {
        T row{};
        Unpacker in(bytes());
        block_->type->unpack(in, &row);
        return row;
    }
    /// A copy for whoever knows the type only by its RowType.
    OpenRow open() const {
        OpenRow row(type());
        Unpacker in(bytes());
        type().unpack(in, row.get());
        return row;
    }
    /// The Kubernetes object that the row stands for, as its type says.
    ObjectRef object() const { return type().object(open().get()); }
    /// Who came first, as its type says.
    std::int64_t precedence() const { return type().has_precedence ? type().precedence(open().get()) : 0; }
    /// Same content (and type), not just the same block.
    bool equals(const RowPtr& other) const {
        if (block_ == other.block_) return true;
        return block_ && other.block_ && bytes() == other.bytes() && type().same_as(other.type());
    }
    /// The same block: for telling a row from an equal one that came later.
    bool is(const RowPtr& other) const { return block_ == other.block_; }
    /// All fields as JSON.
    std::string json() const {
        JsonWriter w;
        type().to_json(open().get(), w);
        return w.take();
    }

    /// A new row with this value.
    template <Row T>
    static RowPtr make(const T& row) {
        return make(row_type<T>(), &row);
    }
    /// The same for a row whose type is known only by its RowType.
    WEFT_API static RowPtr make(const RowType& type, const void* row);

  private:
    struct Block {
        std::atomic<std::uint32_t> references;
        std::uint32_t size;
        const RowType* type;
    };

    void release() noexcept {
        if (block_ && block_->references.fetch_sub(1, std::memory_order_acq_rel) == 1) {
            ::operator delete(static_cast<void*>(block_));
        }
    }

    Block* block_ = nullptr;
};

// ---------------------------------------------------------------------------------------------------------------------
// Tables. Most tables hold the row type that names them; a second table of the same row type needs a tag:
//   struct ForeignPort { using Row = nb::LogicalSwitchPort; static constexpr std::string_view table_name = "..."; };

/// What names a table: a row type, or a tag with Row and table_name.
template <class Tag>
concept TableTag = Row<Tag> ||(
    requires { typename Tag::Row; } && Row<typename Tag::Row> &&
    requires {
        { Tag::table_name } -> std::convertible_to<std::string_view>;
    });

namespace detail {
template <class Tag>
struct RowOf {
    using type = typename Tag::Row;
};
template <Row T>
struct RowOf<T> {
    using type = T;
};
}  // namespace detail

/// The row type of a table.
template <TableTag Tag>
using RowOf = typename detail::RowOf<Tag>::type;

/// What happens when several rule instances put rows with one key into a table.
enum class Merge : std::uint8_t {
    exclusive,  ///< one owner; the incumbent keeps it, at start the smallest (precedence, key); others: conflict status
    set_union,  ///< equal rows are one row with several owners; unequal ones are a conflict as above
    ordered,    ///< all are kept; readers and appliers see them under the key as a list ordered by owner
};

/// A table named by a tag, for crossing into libweft.
struct TableSpec {
    std::string_view name;
    const RowType* type = nullptr;  ///< what its rows are
    Merge merge = Merge::exclusive;
};

/// The spec of the table that a tag names.
template <TableTag Tag>
TableSpec table_spec() {
    TableSpec spec{Tag::table_name, &row_type<RowOf<Tag>>(), Merge::exclusive};
    if constexpr (requires { Tag::merge; }) spec.merge = Tag::merge;
    return spec;
}

/// An index: rows of a table found by a text that is computed from the row. An empty text leaves the row out.
///   struct PodsOfNode {
///       using Table = tables::Pod;
///       static constexpr std::string_view index_name = "node";
///       static std::string of(const tables::Pod& pod) { return pod.node; }
///   };
template <class T>
concept IndexTag = requires(const RowOf<typename T::Table>& row) {
    { T::index_name } -> std::convertible_to<std::string_view>;
    { T::of(row) } -> std::convertible_to<std::string>;
};

/// An index, for crossing into libweft.
struct IndexSpec {
    TableSpec table;  ///< whose rows it finds
    std::string_view name;
    std::string (*of)(const void* row) = nullptr;  ///< the text that a row is found by
};

/// The spec of the index that a tag names.
template <IndexTag T>
IndexSpec index_spec() {
    using TableRow = RowOf<typename T::Table>;
    return {table_spec<typename T::Table>(), T::index_name,
            [](const void* row) -> std::string { return T::of(*static_cast<const TableRow*>(row)); }};
}

}  // namespace weft
