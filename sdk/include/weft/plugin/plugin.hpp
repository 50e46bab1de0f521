#pragma once

#include <weft/base/result.hpp>
#include <weft/engine/operator.hpp>
#include <weft/engine/rule.hpp>
#include <weft/ovsdb/column.hpp>

#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// A plugin, whole: a class that declares its rules, and one line that exports it. See sdk/README.md.
namespace weft {

/// How much of a resource this weftd needs to watch.
enum class WatchScope : std::uint8_t {
    all,         ///< every object of the cluster
    local_node,  ///< only objects bound to the own node (a field selector; for pods)
};

/// A Kubernetes resource that a plugin brings along: how to reach it and how to read it.
struct ResourceSpec {
    std::string group;       ///< "" for core
    std::string version;     ///< "v1"
    std::string resource;    ///< plural, "pods"
    std::string kind;        ///< "Pod"
    bool namespaced = true;  ///< false: objects of the cluster
    TableSpec table;         ///< where its rows go
    /// Reads one object into a row; an Error goes to the object's status and Event, other objects are not affected.
    std::function<Result<RowPtr>(JsonView object)> parse;
    /// The subresource that takes what rules put into ObjectStatus for objects of this kind: "approval" of
    /// CertificateSigningRequests. `weftctl rbac` prints the right to patch it.
    std::string status = "status";
};

/// One key of the plugin's section [plugin.<name>].
struct SettingSpec {
    std::string key;
    std::string fallback;  ///< used when the key is not set
    std::string help;      ///< one sentence, shown by `weftctl config`
    /// Checks a value; an Error stops the start (or the reload) with file and line.
    std::function<Result<void>(std::string_view value)> check;
};

/// A verb on a resource that the plugin needs besides watching, for `weftctl rbac`.
struct AccessSpec {
    std::string group;               ///< "" for core
    std::string resource;            ///< "pods/status"
    std::vector<std::string> verbs;  ///< "create", "patch", ...
    /// Only objects of these names; empty: all.
    std::vector<std::string> names = {};
    /// A group of users, not weftd, that needs this right for weft's sake: "system:nodes". It is printed as a
    /// ClusterRole of its own. Empty: the right is weftd's.
    std::string subject = {};
};

namespace detail {

/// The host's side of Declare.
class DeclareCore {
  public:
    virtual void rule(RuleSpec rule) = 0;
    virtual void extension_point(TableSpec table) = 0;
    virtual void op(std::string name, Role role, OperatorSpec spec) = 0;
    virtual void adapter(std::string name, Role role, AdapterSpec spec) = 0;
    virtual void claim(Role role, ovsdb::ClaimSpec claim) = 0;
    virtual void watch(TableSpec table, WatchScope scope, Role role) = 0;
    virtual void resource(ResourceSpec resource, WatchScope scope, Role role) = 0;
    virtual void setting(SettingSpec setting) = 0;
    virtual void access(AccessSpec access, Role role) = 0;
    virtual void annotations(std::string prefix) = 0;
    virtual void subject(std::string group, Role role) = 0;

  protected:
    ~DeclareCore() = default;
};

}  // namespace detail

/// Describes what a plugin is made of. Nothing runs here: the loader checks the whole graph first.
class Declare {
  public:
    explicit Declare(detail::DeclareCore& core) : core_(core) {}

    /// A rule; `name` is what status, metrics and explain call it, in kebab-case.
    template <RuleType R>
    void rule(std::string name, Role role = Role::node) {
        core_.rule(rule_spec<R>(std::move(name), role));
    }
    /// A table that any plugin may write and that may have no writer at all.
    template <TableTag T>
    void extension_point() {
        core_.extension_point(table_spec<T>());
    }
    /// A selection: rules put SelectorOf<Tag> rows, the engine keeps MemberOf<Tag> rows. See engine/operator.hpp.
    template <class Tag>
    void selection(std::string_view name, Role role = Role::node) {
        core_.op(std::string(name), role, selection_spec<Tag>());
    }
    /// The only impure code a plugin may have: told of the changes of one request table, puts rows in one input table.
    template <class A>
    void adapter(std::string_view name, Role role = Role::node) {
        core_.adapter(std::string(name), role, adapter_spec<A>());
    }
    /// Rows of an OVSDB table that are ours: `covers(row)` says which, `identity(row)` under which key a rule puts
    /// them. Both see row.parent. Captureless functions; they run on rows of others too, so they must take anything.
    ///   d.claim<nb::ACL>("node-acls", [](const nb::ACL& r) {...}, [](const nb::ACL& r) {...});
    template <class T, class Covers, class Identity>
    requires(!std::is_same_v<Identity, Role>) void claim(std::string name, Covers, Identity, Role role = Role::node) {
        add_claim<T, Covers, Identity>(std::move(name), nullptr, role);
    }
    /// The same with `driver(row)`: the key of the driver row whose rule instance puts the row, as text. With it a row
    /// that was there before a restart is kept just while *its* instance waits or failed; without it nothing of the
    /// claim is deleted while *any* instance does.
    template <class T, class Covers, class Identity, class Driver>
    requires(!std::is_same_v<Driver, Role>) void claim(std::string name, Covers, Identity, Driver,
                                                       Role role = Role::node) {
        static_assert(std::is_empty_v<Driver>, "claims can't capture");
        add_claim<T, Covers, Identity>(
            std::move(name), [](const void* row) -> std::string { return guarded<T, Driver>(row, std::string()); },
            role);
    }
    /// Rows that rules put and that may be there already, but that nobody can tell from somebody else's: they are
    /// recognised under `identity(row)`, and never deleted. For rows that go by themselves when nothing refers to them.
    template <class T, class Identity>
    void adopt(std::string name, Identity, Role role = Role::node) {
        static_assert(std::is_empty_v<Identity>, "claims can't capture");
        core_.claim(role, {std::move(name), &row_type<T>(), [](const void*) { return true; },
                           [](const void* row) -> std::string { return guarded<T, Identity>(row, std::string()); },
                           nullptr, true});
    }
    /// Watches a built-in resource (tables::Pod, tables::Node, tables::Namespace).
    template <TableTag T>
    void watch(WatchScope scope = WatchScope::all, Role role = Role::node) {
        core_.watch(table_spec<T>(), scope, role);
    }
    /// Watches a resource of the plugin's own. Its rows are an input table like any other.
    void resource(ResourceSpec spec, WatchScope scope = WatchScope::all, Role role = Role::node) {
        core_.resource(std::move(spec), scope, role);
    }
    /// Rows of pods, nodes and namespaces keep the annotations under this prefix, such as "qos.example.org/", besides
    /// those that weft itself knows (see tables/kube.hpp). Others are dropped before a rule could see them.
    void annotations(std::string prefix) { core_.annotations(std::move(prefix)); }
    /// A key of the section [plugin.<name>]. Rules read it as tables::PluginSetting{"<name>", "<key>"}; a reload
    /// changes the row.
    void setting(SettingSpec spec) { core_.setting(std::move(spec)); }
    /// A right that the plugin needs besides watching what it declares and writing what weft writes for it.
    void access(AccessSpec spec, Role role = Role::node) { core_.access(std::move(spec), role); }
    /// While this plugin is enabled, weftd of this role is known to the API server as a member of a group of users,
    /// such as "system:ovn-nodes", and not by its service account: `weftctl rbac --bind` binds the role's rights to the
    /// group alone.
    void subject(std::string group, Role role) { core_.subject(std::move(group), role); }

  private:
    template <class T, class Covers, class Identity>
    void add_claim(std::string name, std::string (*driver)(const void*), Role role) {
        static_assert(std::is_empty_v<Covers> && std::is_empty_v<Identity>, "claims can't capture");
        core_.claim(
            role,
            {std::move(name), &row_type<T>(), [](const void* row) -> bool { return guarded<T, Covers>(row, false); },
             [](const void* row) -> std::string { return guarded<T, Identity>(row, std::string()); }, driver});
    }
    /// A claim that throws on a row does not cover it.
    template <class T, class Function, class Answer>
    static Answer guarded(const void* row, Answer otherwise) noexcept {
        try {
            return Function{}(*static_cast<const T*>(row));
        } catch (...) {
            return otherwise;
        }
    }

    detail::DeclareCore& core_;
};

/// The class a plugin derives from. One instance may exist beside another in one process (verify, plan): no globals.
class WEFT_API Plugin {
  public:
    virtual ~Plugin();
    /// Says what the plugin is made of; called once, before anything runs.
    virtual void declare(Declare& d) = 0;
};

/// What crosses the boundary: a plugin whose exceptions stay at home.
class WEFT_API PluginHandle {
  public:
    virtual ~PluginHandle();
    /// declare() with exceptions turned into an Error; never throws.
    virtual Result<void> declare(Declare& d) noexcept = 0;
};

namespace detail {

/// Compiled into the plugin by WEFT_PLUGIN.
template <class P>
class GuardedPlugin final : public PluginHandle {
  public:
    Result<void> declare(Declare& d) noexcept override {
        try {
            static_cast<Plugin&>(plugin_).declare(d);
            return {};
        } catch (const std::exception& e) {
            return broken(std::string("declare() threw: ") + e.what());
        } catch (...) {
            return broken("declare() threw something that is no std::exception");
        }
    }

  private:
    P plugin_;
};

}  // namespace detail

/// What the loader reads from the file before it opens it for execution. Fixed-size, no pointers, so no relocation.
struct Manifest {
    char magic[8];  ///< manifest_magic
    std::uint32_t size;
    std::uint32_t abi_kind;  ///< 1: C entry points that carry C++ interfaces, exact match
    char fingerprint[128];   ///< SDK version, header hash, compiler, standard library, sanitizer
    char name[64];
    char version[32];    ///< of the plugin
    char needs[256];     ///< plugins this one needs, separated by spaces
    char switches[256];  ///< upstream configuration switches that enable it without a [plugins] section
    char gates[32];      ///< "pods": none are served while the plugin can't run
};

inline constexpr char manifest_magic[8] = {'w', 'e', 'f', 't', 'p', 'l', 'g', '1'};  ///< How a manifest begins.

namespace detail {

template <std::size_t N>
constexpr void copy_text(char (&to)[N], std::string_view from) {
    if (from.size() >= N) throw "a text in WEFT_PLUGIN is too long";
    for (std::size_t i = 0; i < from.size(); ++i)
        to[i] = from[i];
}

/// What WEFT_PLUGIN takes besides the class.
struct PluginFacts {
    std::string_view name;
    std::string_view version;
    std::string_view needs = "";
    std::string_view switches = "";  ///< "always" or names such as "enable-egress-ip"
    /// "pods": while the plugin is frozen, new pods get an error in place of a network without it. For what protects
    /// them.
    std::string_view gates = "";
};

consteval Manifest make_manifest(std::string_view fingerprint, PluginFacts facts) {
    Manifest m{};
    for (int i = 0; i < 8; ++i)
        m.magic[i] = manifest_magic[i];
    m.size = sizeof(Manifest);
    m.abi_kind = 1;
    copy_text(m.fingerprint, fingerprint);
    copy_text(m.name, facts.name);
    copy_text(m.version, facts.version);
    copy_text(m.needs, facts.needs);
    copy_text(m.switches, facts.switches);
    if (!facts.gates.empty() && facts.gates != "pods") throw "gates in WEFT_PLUGIN is \"pods\" or nothing";
    copy_text(m.gates, facts.gates);
    return m;
}

}  // namespace detail
}  // namespace weft

/// Exports a plugin: WEFT_PLUGIN(PodNetwork, .name = "pod-network", .version = "1.0.0", .needs = "ipam")
/// Needs <weft/plugin/fingerprint.hpp>, which the build generates.
#define WEFT_PLUGIN(Class, ...)                                                                      \
    extern "C" {                                                                                     \
    [[gnu::used, gnu::retain, gnu::section(".weft_plugin"),                                          \
      gnu::visibility("default")]] extern constexpr ::weft::Manifest weft_plugin_manifest =          \
        ::weft::detail::make_manifest(WEFT_FINGERPRINT, ::weft::detail::PluginFacts{__VA_ARGS__});   \
    [[gnu::visibility("default")]] ::weft::PluginHandle* weft_plugin_create() noexcept {             \
        try {                                                                                        \
            return new ::weft::detail::GuardedPlugin<Class>();                                       \
        } catch (...) {                                                                              \
            return nullptr;                                                                          \
        }                                                                                            \
    }                                                                                                \
    [[gnu::visibility("default")]] void weft_plugin_destroy(::weft::PluginHandle* plugin) noexcept { \
        delete plugin;                                                                               \
    }                                                                                                \
    }
