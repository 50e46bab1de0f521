#pragma once

#include <weft/base/clock.hpp>
#include <weft/base/result.hpp>
#include <weft/engine/table.hpp>

#include <cstddef>
#include <exception>
#include <functional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

/// Rules: pure functions from one driver row and what they read to the rows that should be there.
///
///   struct PortOfPod {
///       using Driver = tables::Pod;
///       using Reads = Tables<tables::NodeSubnet, tables::AddressLease>;
///       using Writes = Tables<nb::LogicalSwitchPort>;
///       static void derive(const Driver& pod, const Reader<Reads>& in, Desired<Writes>& out);
///   };
///
/// The engine keeps one *instance* of a rule for each driver row. The instance owns what it put: not put again is
/// withdrawn, driver gone withdraws all. It runs again only when a row or bucket that it read (present or absent)
/// changes. `derive` must depend on nothing but its arguments: no clock, no globals, no I/O. It may run on any thread,
/// beside other instances; it need not be thread-safe beyond being pure.
namespace weft {

/// The tables (and indexes) a rule reads or writes; using any other does not compile.
template <class... Tag>
struct Tables {
    static constexpr std::size_t size = sizeof...(Tag);
};

namespace detail {

template <class Tag, class List>
struct SlotOf;
template <class Tag, class... Tags>
struct SlotOf<Tag, Tables<Tags...>> {
    static constexpr bool found = (std::is_same_v<Tag, Tags> || ...);
    static constexpr std::size_t value = [] {
        std::size_t slot = 0;
        static_cast<void>(((std::is_same_v<Tag, Tags> ? true : (++slot, false)) || ...));
        return slot;
    }();
};

/// What the engine gives a running instance. Slots are positions in the rule's Reads and Writes.
class ReaderCore {
  public:
    /// The row under `key`, or null; the access is recorded either way.
    virtual const void* find(std::size_t slot, std::string_view key) = 0;
    /// Visits the rows of an index bucket in key order; records the bucket.
    virtual void bucket(std::size_t slot, std::string_view value, void* context,
                        void (*visit)(void* context, const void* row)) = 0;
    /// Visits the whole table in key order; recorded as a scan, counted and reported.
    virtual void scan(std::size_t slot, void* context, void (*visit)(void* context, const void* row)) = 0;
    /// True once the clock has reached `when`; before that it schedules one rerun at `when`.
    virtual bool passed(TimePoint when) = 0;
    /// Visits all rows under `key` in an `ordered` table by owner, the single one in others; records the key.
    virtual void list(std::size_t slot, std::string_view key, void* context,
                      void (*visit)(void* context, const void* row)) = 0;

  protected:
    ~ReaderCore() = default;
};

class DesiredCore {
  public:
    virtual void put(std::size_t slot, RowPtr row) = 0;
    virtual void wait(std::string reason) = 0;
    virtual void fail(Error error) = 0;
    virtual void warn(Error error) = 0;

  protected:
    ~DesiredCore() = default;
};

}  // namespace detail

/// What a rule reads with; every access is recorded.
template <class List>
class Reader {
  public:
    explicit Reader(detail::ReaderCore& core) : core_(core) {}

    /// The row with this key, or null. Valid until derive returns.
    template <TableTag Tag>
    requires(detail::SlotOf<Tag, List>::found) const RowOf<Tag>* find(const Key<RowOf<Tag>>& key) const {
        return static_cast<const RowOf<Tag>*>(core_.find(detail::SlotOf<Tag, List>::value, key.text));
    }

    /// The rows whose index text is `value`, in key order: for (const auto& pod : in.bucket<PodsOfNode>("n1")).
    template <IndexTag Tag>
    requires(detail::SlotOf<Tag, List>::found)
        std::vector<std::reference_wrapper<const RowOf<typename Tag::Table>>> bucket(std::string_view value)
    const {
        using Element = RowOf<typename Tag::Table>;
        std::vector<std::reference_wrapper<const Element>> rows;
        core_.bucket(detail::SlotOf<Tag, List>::value, value, &rows, [](void* context, const void* row) {
            static_cast<decltype(rows)*>(context)->emplace_back(*static_cast<const Element*>(row));
        });
        return rows;
    }

    /// All rows that rules put under this key of an `ordered` table, by owner: (precedence, driver key, rule).
    template <TableTag Tag>
    requires(detail::SlotOf<Tag, List>::found) std::vector<std::reference_wrapper<const RowOf<Tag>>> list(
        const Key<RowOf<Tag>>& key)
    const {
        std::vector<std::reference_wrapper<const RowOf<Tag>>> rows;
        core_.list(detail::SlotOf<Tag, List>::value, key.text, &rows, [](void* context, const void* row) {
            static_cast<decltype(rows)*>(context)->emplace_back(*static_cast<const RowOf<Tag>*>(row));
        });
        return rows;
    }

    /// Every row, in key order. Any change in the table runs the instance again: for small tables only.
    template <TableTag Tag>
    requires(detail::SlotOf<Tag, List>::found) std::vector<std::reference_wrapper<const RowOf<Tag>>> all()
    const {
        std::vector<std::reference_wrapper<const RowOf<Tag>>> rows;
        core_.scan(detail::SlotOf<Tag, List>::value, &rows, [](void* context, const void* row) {
            static_cast<decltype(rows)*>(context)->emplace_back(*static_cast<const RowOf<Tag>*>(row));
        });
        return rows;
    }

    /// Has `when` come? If not, the instance runs once more when it has.
    bool passed(TimePoint when) const { return core_.passed(when); }

  private:
    detail::ReaderCore& core_;
};

/// What a rule says what should be with.
template <class List>
class Desired {
  public:
    explicit Desired(detail::DesiredCore& core) : core_(core) {}

    /// This row should be there. Returns its key, for other rows that refer to it.
    template <Row T>
    requires(detail::SlotOf<T, List>::found) Key<T> put(T row) {
        if constexpr (requires { row.settle_key(); }) row.settle_key();
        Key<T> key = row.key;
        core_.put(detail::SlotOf<T, List>::value, RowPtr::make(std::move(row)));
        return key;
    }
    /// The same for a table whose tag is not its row type.
    template <TableTag Tag>
    requires(!Row<Tag> && detail::SlotOf<Tag, List>::found) void put(RowOf<Tag> row) {
        core_.put(detail::SlotOf<Tag, List>::value, RowPtr::make(std::move(row)));
    }

    /// An input is missing: what this run put is dropped, the rows of the last good run stay, the status says why.
    void wait(std::string reason) { core_.wait(std::move(reason)); }
    /// The data is wrong: as wait(), with an error status, an Event on the driver's object, and a retry with backoff
    /// for ErrorKind::again.
    void fail(Error error) { core_.fail(std::move(error)); }
    /// Something to tell about this object; what this run put holds.
    void warn(Error error) { core_.warn(std::move(error)); }

  private:
    detail::DesiredCore& core_;
};

/// A rule: Driver, Reads, Writes, and derive().
template <class R>
concept RuleType = TableTag<typename R::Driver> &&
    requires(const RowOf<typename R::Driver>& driver, const Reader<typename R::Reads>& in,
             Desired<typename R::Writes>& out) {
    { R::derive(driver, in, out) } -> std::same_as<void>;
};

/// In which weftd a rule, watch or claim exists.
enum class Role : std::uint8_t { cluster = 1, node = 2, both = 3 };

/// Does what was declared for one role exist in a weftd of the other?
constexpr bool runs_in(Role declared, Role running) {
    return (static_cast<unsigned>(declared) & static_cast<unsigned>(running)) != 0;
}

/// One entry of a rule's Reads: a table or one of its indexes.
struct ReadSpec {
    TableSpec table;        ///< what is read
    bool is_index = false;  ///< by an index of it
    IndexSpec index;        ///< when is_index
};

/// A rule, ready for the engine.
struct RuleSpec {
    std::string name;               ///< unique within the plugin
    Role role = Role::node;         ///< in which weftd it runs
    TableSpec driver;               ///< one instance a row of this table
    std::vector<ReadSpec> reads;    ///< slots of ReaderCore
    std::vector<TableSpec> writes;  ///< slots of DesiredCore
    /// Compiled into the plugin; turns exceptions into a broken Error, so none crosses the boundary.
    void (*derive)(const void* driver, detail::ReaderCore& in, detail::DesiredCore& out) noexcept = nullptr;
};

namespace detail {

template <class Tag>
ReadSpec read_spec() {
    if constexpr (IndexTag<Tag>) {
        return {index_spec<Tag>().table, true, index_spec<Tag>()};
    } else {
        return {table_spec<Tag>(), false, {}};
    }
}

template <class... Tag>
std::vector<ReadSpec> read_specs(Tables<Tag...>) {
    return {read_spec<Tag>()...};
}

template <class... Tag>
std::vector<TableSpec> table_specs(Tables<Tag...>) {
    return {table_spec<Tag>()...};
}

}  // namespace detail

/// The spec of a rule's class.
template <RuleType R>
RuleSpec rule_spec(std::string name, Role role) {
    return {std::move(name),
            role,
            table_spec<typename R::Driver>(),
            detail::read_specs(typename R::Reads{}),
            detail::table_specs(typename R::Writes{}),
            [](const void* driver, detail::ReaderCore& in, detail::DesiredCore& out) noexcept {
                try {
                    const Reader<typename R::Reads> reader(in);
                    Desired<typename R::Writes> desired(out);
                    R::derive(*static_cast<const RowOf<typename R::Driver>*>(driver), reader, desired);
                } catch (const std::exception& e) {
                    out.fail(broken(std::string("the rule threw: ") + e.what()));
                } catch (...) {
                    out.fail(broken("the rule threw something that is no std::exception"));
                }
            }};
}

}  // namespace weft
