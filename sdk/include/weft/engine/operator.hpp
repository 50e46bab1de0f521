#pragma once

#include <weft/engine/rule.hpp>

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// Operators: stateful nodes of the graph that the kernel brings along, where a rule for each row would cost too much
/// or where the past counts. They run inside the tick like rules: selections, counts, and the allocators of core/ipam.
/// Adapters: impure code beside the graph, told of one request table, answering into one input table.
namespace weft {

/// One row that came, changed or went. `before` is empty for a new row, `after` for a row that went.
struct Change {
    std::size_t input = 0;  ///< position in OperatorSpec::inputs
    RowPtr before;          ///< empty for a row that came
    RowPtr after;           ///< empty for a row that went

    /// The row as it is, or as it was when it went.
    const RowPtr& row() const { return after ? after : before; }
    std::string_view key() const { return row().key(); }
};

/// Where an operator's rows go.
class OperatorOut {
  public:
    /// Inserts or replaces the row under its key in output `slot`.
    virtual void put(std::size_t slot, RowPtr row) = 0;
    virtual void erase(std::size_t slot, std::string_view key) = 0;

  protected:
    ~OperatorOut() = default;
};

/// State lives in the object. `run` gets all changes of a round at once, in (input, key) order, on the engine's thread.
class WEFT_API Operator {
  public:
    virtual ~Operator();
    /// Takes a round's changes in, and puts what follows from them.
    virtual void run(std::span<const Change> changes, OperatorOut& out) = 0;
    /// For derived tables: the rows that a recompute from nothing would hold are those that are there. Allocators,
    /// whose past counts, say true.
    virtual bool keeps_history() const { return false; }
    /// How many candidates it has looked at so far, for metrics: what its work is measured in.
    virtual std::uint64_t evaluations() const { return 0; }
};

/// An operator, ready for the engine.
struct OperatorSpec {
    std::vector<TableSpec> inputs;                    ///< what it is told of
    std::vector<TableSpec> outputs;                   ///< what it alone writes
    std::function<std::unique_ptr<Operator>()> make;  ///< makes one, with no past
};

// ---------------------------------------------------------------------------------------------------------------------
// Selections: "the pods that these selectors select".

/// One requirement of a Kubernetes label selector.
struct Requirement {
    /// What a label must be like.
    enum class Op : std::uint8_t { in, not_in, exists, does_not_exist };
    std::string label;                ///< its name
    Op op = Op::exists;               ///< what it must be like
    std::vector<std::string> values;  ///< sorted; for in and not_in

    static constexpr auto fields() {
        return std::tuple{field("label", &Requirement::label), field("op", &Requirement::op),
                          field("values", &Requirement::values)};
    }
    WEFT_FIELDS_EQUAL(Requirement)
};

/// A label selector in canonical form: requirements sorted, matchLabels turned into `in` with one value. Empty selects
/// everything.
struct WEFT_API LabelSelector {
    std::vector<Requirement> requirements;  ///< all must hold; sorted

    /// From a Kubernetes LabelSelector object ({"matchLabels":…,"matchExpressions":…}); says which field is wrong.
    static Result<LabelSelector> parse(JsonView selector);
    /// From the one-line form of flags and annotations: "a=b,c!=d,e in (f,g),!h".
    static Result<LabelSelector> parse_text(std::string_view text);
    /// Canonical text, fit for interning.
    std::string text() const;
    /// Sorts and merges; parse() has done so already.
    void settle();

    static constexpr auto fields() { return std::tuple{field("requirements", &LabelSelector::requirements)}; }
    WEFT_FIELDS_EQUAL(LabelSelector)
};

/// Labels of an object, sorted by name.
using Labels = std::vector<std::pair<std::string, std::string>>;

/// Do these labels meet every requirement?
WEFT_API bool matches(const LabelSelector& selector, const Labels& labels);

/// What a selection selects: put by rules. `Tag` names one use of the built-in:
///   struct PolicyPods { using Target = tables::Pod; static constexpr std::string_view selection_name = "policy-pods";
///   };
/// Rules put SelectorOf<PolicyPods>, read MembersOf<PolicyPods> buckets; the plugin declares
/// d.selection<PolicyPods>(…). Target needs: `ns` (std::string) and `labels` (Labels). Namespaces are read from
/// tables::Namespace.
template <class Tag>
struct SelectorOf {
    static constexpr std::string_view table_name = Tag::selection_name;
    static constexpr Merge merge = Merge::set_union;

    /// By convention: the canonical text of all that follows, so that equal selectors are one row.
    Key<SelectorOf> key;
    /// Exactly this namespace; or empty, and namespaces are chosen by `namespaces`.
    std::string in_namespace;
    LabelSelector namespaces;  ///< of which namespaces, by their labels
    LabelSelector targets;     ///< which targets in them, by their labels

    void settle_key() {
        namespaces.settle();
        targets.settle();
        key.text = (in_namespace.empty() ? "{" + namespaces.text() + "}" : in_namespace) + "|" + targets.text();
    }
    static constexpr auto fields() {
        return std::tuple{field("key", &SelectorOf::key), field("in_namespace", &SelectorOf::in_namespace),
                          field("namespaces", &SelectorOf::namespaces), field("targets", &SelectorOf::targets)};
    }
};

/// One selected target: key "<selector key>#<target key>".
template <class Tag>
struct MemberOf {
    static constexpr std::string_view table_name = Tag::member_table;

    Key<MemberOf> key;
    std::string selector;  ///< key of the SelectorOf row
    std::string target;    ///< key of the target row

    static constexpr auto fields() {
        return std::tuple{field("key", &MemberOf::key), field("selector", &MemberOf::selector),
                          field("target", &MemberOf::target)};
    }
};

/// The index of MemberOf by selector.
template <class Tag>
struct MembersOf {
    using Table = MemberOf<Tag>;
    static constexpr std::string_view index_name = "selector";
    /// The selector's key.
    static std::string of(const MemberOf<Tag>& member) { return member.selector; }
};

/// How the type-erased selection operator reads and makes rows.
struct SelectionAccess {
    std::string_view (*target_namespace)(const void* target) = nullptr;                   ///< of a target row
    const Labels& (*target_labels)(const void* target) = nullptr;                         ///< of a target row
    const void* (*namespace_labels)(const void* ns) = nullptr;                            ///< returns const Labels*
    const std::string& (*selector_namespace)(const void* selector) = nullptr;             ///< SelectorOf::in_namespace
    const LabelSelector& (*selector_namespaces)(const void* selector) = nullptr;          ///< SelectorOf::namespaces
    const LabelSelector& (*selector_targets)(const void* selector) = nullptr;             ///< SelectorOf::targets
    RowPtr (*make_member)(std::string_view selector, std::string_view target) = nullptr;  ///< a MemberOf row
};

/// Made by libweft: an operator that keeps the (selector, target) pairs, evaluating for an event only the selectors
/// that can match: those indexed under one equality requirement of the target's labels, plus the rest of its namespace.
WEFT_API std::unique_ptr<Operator> make_selection(SelectionAccess access);

/// The spec for Declare::selection; `Namespace` must have `labels`.
template <class Tag>
OperatorSpec selection_spec();

// ---------------------------------------------------------------------------------------------------------------------

/// Where an adapter's answers go; any thread. Newest wins per key; nothing is dropped.
class Inbox {
  public:
    /// An answer, under its key.
    virtual void put(RowPtr row) = 0;
    virtual void erase(std::string_view key) = 0;
    /// The adapter has answered all it knew at start: rules may rely on absence from now on.
    virtual void complete() = 0;

  protected:
    ~Inbox() = default;
};

/// `changed` and `stop` are called on the host's executor, never two at once. `changed` must not block for long.
class WEFT_API Adapter {
  public:
    virtual ~Adapter();
    /// Requests came, changed or went.
    virtual void changed(std::span<const Change> requests, Inbox& answers) = 0;
    /// The last call: threads are joined and files closed when it returns.
    virtual void stop() noexcept = 0;
};

/// An adapter, ready for the engine.
struct AdapterSpec {
    TableSpec requests;                              ///< the table whose changes it is told
    TableSpec answers;                               ///< the table that it alone fills
    std::function<std::unique_ptr<Adapter>()> make;  ///< makes one
};

/// A names its tables: using Requests = DnsRequest; using Answers = DnsAnswer;
template <class A>
AdapterSpec adapter_spec() {
    return {table_spec<typename A::Requests>(), table_spec<typename A::Answers>(),
            [] { return std::make_unique<A>(); }};
}

}  // namespace weft
