#pragma once

#include <weft/base/api.hpp>
#include <weft/base/mac.hpp>
#include <weft/base/uuid.hpp>
#include <weft/engine/packing.hpp>

#include <atomic>
#include <cstdint>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

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

/// A row type: lists its fields, names its table, and has a key.
template <class T>
concept Row = Fielded<T> && requires(const T& row) {
    { T::table_name } -> std::convertible_to<std::string_view>;
    { row.key } -> std::convertible_to<const Key<T>&>;
};

namespace detail {

template <class T>
constexpr std::uint64_t schema_hash() {
    return fnv1a64(T::table_name, type_hash_of(static_cast<const T*>(nullptr)));
}

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

template <class T>
struct MemberPointer;
template <class T, class F>
struct MemberPointer<F T::*> {
    using Owner = T;
    using Type = F;
};

/// Are these pointers to one member?
template <class A, class B>
constexpr bool same_member(A a, B b) {
    if constexpr (std::is_same_v<A, B>) {
        return a == b;
    } else {
        return false;
    }
}

/// Where in fields() a member stands.
template <auto Member>
constexpr std::size_t field_index() {
    using T = typename MemberPointer<decltype(Member)>::Owner;
    std::size_t index = 0;
    const auto passes = [&](const auto& f) { return !same_member(f.member, Member) && ++index > 0; };
    std::apply([&](const auto&... f) { (void)(passes(f) && ...); }, T::fields());
    return index;
}

template <class T, std::size_t N>
void skip_field(Unpacker& in) {
    constexpr auto member = std::get<N>(T::fields()).member;
    if constexpr (!same_member(member, &T::key)) {
        skip_value<typename MemberPointer<std::remove_cv_t<decltype(member)>>::Type>(in);
    }
}

template <class T, std::size_t... N>
void skip_fields(Unpacker& in, std::index_sequence<N...>) {
    (skip_field<T, N>(in), ...);
}

/// Passes over the fields before this one, in the order of pack_row().
template <auto Member>
void skip_to(Unpacker& in) {
    using T = typename MemberPointer<decltype(Member)>::Owner;
    constexpr std::size_t index = field_index<Member>();
    static_assert(index < std::tuple_size_v<decltype(T::fields())>, "fields() lists no such member");
    if constexpr (same_member(Member, &T::key)) return;
    in.skip_text();
    skip_fields<T>(in, std::make_index_sequence<index>());
}

}  // namespace detail

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
    /// One field, without laying out the others; the caller knows the row's type, by table. Of a text (a Key, a
    /// std::string, an optional one) it is a view that is valid as long as the row, of anything else a value:
    ///   std::optional<std::string_view> name = row.read<&nb::LogicalSwitchPort::name>();
    template <auto Member>
    auto read() const {
        Unpacker in(bytes());
        detail::skip_to<Member>(in);
        return read_value<typename detail::MemberPointer<decltype(Member)>::Type>(in);
    }
    /// What a map of texts to texts has under a key, as a view like read()'s; nothing when it has no such entry:
    ///   row.entry<&nb::LogicalSwitchPort::external_ids>("pod")
    template <auto Member>
    std::optional<std::string_view> entry(std::string_view wanted) const {
        Unpacker in(bytes());
        detail::skip_to<Member>(in);
        using Map = typename detail::MemberPointer<decltype(Member)>::Type;
        if constexpr (OptionalField<Map>) {
            if (in.number() == 0) return std::nullopt;
        }
        for (std::uint64_t left = in.count(); left > 0; --left) {
            const std::string_view name = in.text();
            const std::string_view value = in.text();
            if (name == wanted) return value;
        }
        return std::nullopt;
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

    WEFT_API static void free_block(Block* block) noexcept;
    void release() noexcept {
        if (block_ && block_->references.fetch_sub(1, std::memory_order_acq_rel) == 1) {
            free_block(block_);
        }
    }

    Block* block_ = nullptr;
};

}  // namespace weft
