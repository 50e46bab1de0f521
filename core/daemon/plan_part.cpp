#include "daemon/daemon.hpp"
#include "daemon/plugin_set.hpp"
#include "insight/plan.hpp"
#include "kube/objects.hpp"

#include <weft/base/log.hpp>
#include <weft/tables/kube.hpp>
#include <weft/tables/settings.hpp>

#include <algorithm>
#include <cctype>
#include <set>

/// What would change with another configuration, other plugins or other objects; and plugins switched by hand.
namespace weft::daemon {

namespace {

std::vector<std::string> texts_of(const JsonView& list) {
    std::vector<std::string> out;
    list.each([&](JsonView text) { out.emplace_back(text.string_or("")); });
    return out;
}

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out)
        c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return out;
}

/// The object with a uid: its own, that of the object it takes the place of, or one made of its name.
std::string with_uid(const JsonView& object, const std::string& uid) {
    JsonWriter w;
    w.object([&] {
        object.members([&](std::string_view name, JsonView value) {
            if (name != "metadata") return void(w.key(name).raw(value.dump()));
            w.key(name).object([&] {
                value.members([&](std::string_view member, JsonView inner) {
                    if (member != "uid") w.key(member).raw(inner.dump());
                });
                w.member("uid", uid);
            });
        });
    });
    return w.take();
}

template <class T>
void keep_annotations(T& planned, const T& known) {
    for (const auto& entry : known.annotations) {
        const auto at = std::lower_bound(planned.annotations.begin(), planned.annotations.end(), entry,
                                         [](const auto& a, const auto& b) { return a.first < b.first; });
        if (at == planned.annotations.end() || at->first != entry.first) planned.annotations.insert(at, entry);
    }
}

/// A manifest says what its author wants; what the cluster has added to the object meanwhile stays.
RowPtr merged(const RowPtr& planned, const RowPtr& known) {
    if (!known) return planned;
    if (known.type().name == tables::Pod::table_name) {
        tables::Pod pod = planned.as<tables::Pod>();
        const auto& old = known.as<tables::Pod>();
        pod.created = old.created;
        if (pod.node.empty()) pod.node = old.node;
        if (pod.ips.empty()) pod.ips = old.ips, pod.phase = old.phase, pod.ready = old.ready;
        keep_annotations(pod, old);
        return RowPtr::make(pod);
    }
    if (known.type().name == tables::Node::table_name) {
        tables::Node node = planned.as<tables::Node>();
        const auto& old = known.as<tables::Node>();
        node.created = old.created;
        if (node.internal_ips.empty()) node.internal_ips = old.internal_ips;
        if (node.external_ips.empty()) node.external_ips = old.external_ips;
        if (node.provider_id.empty()) node.provider_id = old.provider_id;
        if (node.container_runtime.empty()) node.container_runtime = old.container_runtime;
        keep_annotations(node, old);
        return RowPtr::make(node);
    }
    return planned;
}

/// Puts manifests among the facts of a plan.
class Objects {
  public:
    Objects(const std::vector<const plugin::Loaded*>& plugins, const config::Settings& settings,
            insight::PlanInput& plan)
        : plan_(plan),
          node_(settings.role == Role::node ? settings.node_name : std::string()) {
        std::vector<std::string> prefixes;
        for (const auto* plugin : plugins)
            std::ranges::copy(plugin->declared().annotation_prefixes, std::back_inserter(prefixes));
        kinds_ = {kube::node_resource(prefixes), kube::pod_resource(prefixes), kube::namespace_resource(prefixes)};
        for (const auto* plugin : plugins) {
            for (const auto& resource : plugin->declared().resources)
                kinds_.push_back(resource.spec);
        }
        for (const auto& watch : watches(plugins, settings.role))
            scopes_.emplace(watch.table.name, watch.scope);
    }

    Result<void> apply(const JsonView& object) {
        const auto meta = kube::meta_of(object);
        const std::string name = std::string(object["kind"].string_or("?")) + " " + meta.identity();
        const ResourceSpec* spec = find(object["kind"].string_or(""));
        if (spec == nullptr || !scopes_.contains(spec->table.name)) {
            plan_.notes.push_back(name + " is no fact for the enabled plugins: passed over");
            return {};
        }
        auto& rows = plan_.facts[std::string(spec->table.name)];
        const auto known = rows.find(meta.identity());
        const RowPtr before = known == rows.end() ? RowPtr() : known->second;
        std::string uid(meta.uid);
        if (before) uid = before.object().uid;
        if (uid.empty()) uid = "planned-" + meta.identity();
        const auto document = JsonDocument::parse(with_uid(object, uid));
        if (!document) return document.error();
        auto row = spec->parse(document->root());
        if (!row) return std::move(row).error().at(name);
        if (!*row) return {};
        if (spec->table.name == tables::Pod::table_name && !is_ours(row->as<tables::Pod>(), before, name)) return {};
        const std::string key((*row).key());
        rows.insert_or_assign(key, merged(*row, before));
        return {};
    }

    Result<void> erase(const std::string& reference) {
        const auto slash = reference.find('/');
        const ResourceSpec* spec = find(std::string_view(reference).substr(0, slash));
        if (slash == std::string::npos || spec == nullptr)
            return invalid("\"" + reference + "\" names no object", "use KIND/NAMESPACE/NAME or KIND/NAME");
        if (plan_.facts[std::string(spec->table.name)].erase(reference.substr(slash + 1)) == 0)
            plan_.notes.push_back(reference + " is not there, or not known to this weftd");
        return {};
    }

  private:
    const ResourceSpec* find(std::string_view kind) const {
        const auto at = std::find_if(kinds_.begin(), kinds_.end(),
                                     [&](const ResourceSpec& spec) { return lower(spec.kind) == lower(kind); });
        return at == kinds_.end() ? nullptr : &*at;
    }
    /// A node that watches just its own pods is told of no others.
    bool is_ours(const tables::Pod& pod, const RowPtr& before, const std::string& name) {
        if (node_.empty() || scopes_.at(tables::Pod::table_name) == WatchScope::all) return true;
        if (pod.node == node_ || (pod.node.empty() && before)) return true;
        plan_.notes.push_back(name + (pod.node.empty() ? " has no spec.nodeName: a node does nothing for it"
                                                       : " is of node " + pod.node + ": nothing to do here"));
        return false;
    }

    insight::PlanInput& plan_;
    const std::string node_;
    std::vector<ResourceSpec> kinds_;
    std::map<std::string_view, WatchScope> scopes_;
};

/// Tables that a plugin reads and that this weftd does not follow yet.
void note_unwatched(const std::vector<Watch>& wanted, insight::PlanInput& plan) {
    for (const Watch& watch : wanted) {
        if (plan.facts.contains(watch.table.name)) continue;
        plan.inputs.push_back(watch.table);
        plan.notes.push_back("this weftd does not watch " + std::string(watch.table.name) +
                             " yet: of these only the manifests given here count");
    }
}

/// Annotations that a plugin asks for and that this weftd's rows lack.
void note_annotations(const std::vector<const plugin::Loaded*>& plugins, const std::vector<std::string>& kept,
                      insight::PlanInput& plan) {
    std::set<std::string> missing;
    for (const auto* plugin : plugins)
        missing.insert(plugin->declared().annotation_prefixes.begin(), plugin->declared().annotation_prefixes.end());
    for (const auto& prefix : kept)
        missing.erase(prefix);
    for (const auto& prefix : missing)
        plan.notes.push_back("this weftd does not keep annotations under " + prefix +
                             " yet: of these only those in the manifests given here count");
}

}  // namespace

Result<std::vector<std::string>> Daemon::plugin_names(const config::Config& config,
                                                      const std::map<std::string, bool>& by_hand) const {
    auto names = enabled_plugins(config, *registry_);
    if (!names) return names;
    for (const auto& [name, on] : by_hand) {
        std::erase(*names, name);
        if (on) names->push_back(name);
    }
    return names;
}

Result<insight::PlanInput> Daemon::plan_input(JsonView args) const {
    if (const auto awaiting = engine_->awaiting(); !awaiting.empty() || (candidacy_ && !leads_))
        return again("this weftd does not know enough yet: it " +
                     (awaiting.empty() ? std::string("stands by") : "waits for " + awaiting.front()));
    insight::PlanInput plan;
    const auto file = args["configFile"].string();
    auto other = config_.with_file(file ? std::optional(std::string(*file)) : std::nullopt);
    if (!other) return std::move(other).error();
    const auto& settings = other->config.settings();
    plan.role = config_.settings().role;
    for (const auto& key : other->changes.changed) {
        plan.changed.push_back(key.name + ": " + (key.before.empty() ? "(none)" : key.before) + " → " +
                               (key.after.empty() ? "(none)" : key.after) +
                               (key.needs_restart ? "; takes effect at the next start" : ""));
    }
    auto by_hand = by_hand_;
    for (const auto& [member, on] : {std::pair("enable", true), {"disable", false}}) {
        for (const auto& name : texts_of(args[member]))
            by_hand[name] = on;
    }
    const auto names = plugin_names(other->config, by_hand);
    if (!names) return names.error();
    std::map<std::string, std::string> frozen;
    const auto plugins = load(*names, frozen);
    if (!plugins) return plugins.error();
    for (const auto& [frozen_name, why] : frozen)
        plan.notes.push_back("plugin " + frozen_name + " is frozen: its rows stay as they are");
    auto rows = other->config.plugin_settings(plugin_schemas(*registry_, *plugins));
    if (!rows) return std::move(rows).error();

    plan.now = insight::desired_rows(*engine_);
    plan.facts = insight::input_rows(*engine_);
    plan.inputs = engine_->inputs();
    plan.modules.push_back(ipam_module());
    for (const auto* plugin : *plugins)
        plan.modules.push_back(module_of(*plugin));
    note_unwatched(watches(*plugins, plan.role), plan);
    note_annotations(*plugins, annotation_prefixes_, plan);
    const auto replace = [&](std::string_view table, auto made) {
        auto& of = plan.facts[std::string(table)];
        of.clear();
        for (auto& row : made) {
            RowPtr pointer = RowPtr::make(row);
            std::string key(pointer.key());
            of.emplace(std::move(key), std::move(pointer));
        }
    };
    replace(tables::NetworkConfig::table_name, std::vector{config::network_row(settings)});
    replace(tables::PluginSetting::table_name, *std::move(rows));

    Objects objects(*plugins, config_.settings(), plan);
    Result<void> done;
    args["apply"].each([&](JsonView object) {
        if (done) done = objects.apply(object);
    });
    for (const auto& reference : texts_of(args["delete"])) {
        if (done) done = objects.erase(reference);
    }
    if (!done) return std::move(done).error();
    return plan;
}

void Daemon::plan(JsonView args, const services::AdminReply& reply) {
    auto input = plan_input(args);
    if (!input) return reply(std::move(input).error());
    auto shared = std::make_shared<insight::PlanInput>(*std::move(input));
    insight_->worker().post([shared, reply] { reply(insight::plan_json(std::move(*shared))); });
}

/// Holds until the next start or reload, as a log level that was set by hand does.
Result<std::string> Daemon::switch_plugin(JsonView args) {
    const std::string name(args["name"].string_or(""));
    const auto on = args["enabled"].boolean();
    if (name.empty() || !on) return invalid("\"name\" and \"enabled\" are needed");
    const auto listed = registry_->list();
    const auto entry = std::find_if(listed.begin(), listed.end(),
                                    [&](const plugin::Listing& listing) { return listing.name == name; });
    if (entry == listed.end()) return invalid("no plugin \"" + name + "\" is installed", "weftctl plugins lists them");
    auto by_hand = by_hand_;
    by_hand[name] = *on;
    const auto names = plugin_names(config_, by_hand);
    if (!names) return names.error();
    // Who enables a frozen plugin gives it another chance. If it comes to nothing it is as before.
    auto& quarantine = containment_->quarantine();
    auto forgiven = *on ? quarantine.release(name) : std::nullopt;
    auto result = switch_to(name, *on, *names);
    if (!result && forgiven) quarantine.put_back(name, *std::move(forgiven));
    if (!result) return result;
    by_hand_ = std::move(by_hand);
    if (auto done = post_settings(); !done) return done.error();
    return result;
}

Result<std::string> Daemon::switch_to(const std::string& name, bool on, const std::vector<std::string>& names) {
    std::map<std::string, std::string> frozen;
    auto loaded = load(names, frozen);
    if (!loaded) return loaded.error();
    if (on && frozen.contains(name))
        return Error{ErrorKind::conflict, "plugin " + name + " " + frozen.at(name), {}, {}};
    if (auto rows = config_.plugin_settings(plugin_schemas(*registry_, *loaded)); !rows) return std::move(rows).error();
    const bool was_on = std::any_of(plugins_.begin(), plugins_.end(), [&](const auto* p) { return p->name() == name; });
    if (!on && frozen_.contains(name)) {
        if (auto taken = take_claims_of_frozen(name); !taken) return taken.error();
    }
    if (auto changed = change_plugins(*std::move(loaded)); !changed) return changed.error();
    set_frozen(std::move(frozen));
    log(LogLevel::info, "plugin", on ? "enabled by hand" : "disabled by hand", {{"plugin", name}});
    const auto configured = enabled_plugins(config_, *registry_);
    const bool lasts =
        configured && (std::find(configured->begin(), configured->end(), name) != configured->end()) == on;
    JsonWriter w;
    w.object([&] {
        w.member("name", name).member("enabled", on).member("changed", was_on != on);
        // At the next start the configuration counts.
        w.member("lasts", lasts);
        w.key("files").array([&] {
            for (const auto& file : config_.files())
                w.value(file);
        });
    });
    return w.take();
}

void Daemon::add_plan_calls() {
    admin_->on_slow("plan", [this](const JsonView& args, const services::AdminReply& reply) { plan(args, reply); });
    admin_->on("plugin-switch", [this](const JsonView& args) { return switch_plugin(args); });
}

}  // namespace weft::daemon
