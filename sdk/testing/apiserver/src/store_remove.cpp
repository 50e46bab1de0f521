// How objects go: grace for pods, finalizers, namespaces and definitions with what they hold.
#include "defaults.hpp"
#include "store.hpp"

#include <algorithm>

namespace weft::apiserver {

Outcome<Removed> Store::remove(const Target& target, const DeleteOptions& options) {
    auto guard = lock();
    return remove_locked(target, options);
}

Outcome<std::vector<ObjectPtr>> Store::remove_all(const Target& target, const Selection& selection,
                                                  const DeleteOptions& options) {
    auto guard = lock();
    std::vector<ObjectPtr> gone;
    for (const auto& object : target.table->page(selection, "", 0, revision_).items) {
        auto removed = remove_locked(target_of(target.table, *object), options);
        if (!removed) return removed.take_error();
        gone.push_back(object);
    }
    return gone;
}

namespace {

/// In the words of the real server, which are others for namespaces.
Problem check_preconditions(const Target& target, const Json& object, const DeleteOptions& options) {
    const auto& names = target.resource->names;
    const bool of_space = target.resource->is("", "namespaces");
    const auto check = [&](const std::string& what, const std::string& wanted, std::string_view has,
                           const char* perhaps) -> Problem {
        if (wanted.empty() || wanted == has) return {};
        if (of_space) {
            return conflict(names, target.name,
                            "Precondition failed: " + what + " in precondition: " + wanted + ", " + what +
                                " in object meta: " + std::string(has));
        }
        return conflict({names.group, names.kind, names.kind}, target.name,
                        "the " + what + " in the precondition (" + wanted + ") does not match the " + what +
                            " in record (" + std::string(has) + "). The object might have been " + perhaps);
    };
    if (auto problem = check("UID", options.uid, text_at(object, {"metadata", "uid"}), "deleted and then recreated"))
        return problem;
    return check("ResourceVersion", options.resource_version, text_at(object, {"metadata", "resourceVersion"}),
                 "modified");
}

}  // namespace

Outcome<Removed> Store::remove_locked(const Target& target, const DeleteOptions& options) {
    const auto& names = target.resource->names;
    auto stored = target.table->find(target.key());
    if (!stored) return not_found(names, target.name);
    Json object = stored->json(*target.resource, target.version->name);
    if (auto problem = check_preconditions(target, object, options)) return *problem;
    if (target.resource->is("", "namespaces")) return remove_namespace(target, std::move(object), options.dry_run);
    if (target.resource->is("", "pods")) return remove_pod(target, std::move(object), options);
    if (target.resource->is("apiextensions.k8s.io", "customresourcedefinitions")) {
        return remove_definition(target, std::move(object), options.dry_run);
    }
    return purge_or_wait(target, std::move(object), options.dry_run);
}

Removed Store::mark_deleting(const Target& target, Json object, std::optional<std::int64_t> grace, bool dry_run) {
    auto seconds = std::chrono::duration_cast<std::chrono::seconds>(options_.clock->wall().time_since_epoch()).count();
    Json& metadata = object["metadata"];
    const bool again = metadata.contains("deletionTimestamp");
    // A grace that is made shorter still counts from the first time.
    const auto ends = unix_seconds(std::string(text_at(metadata, {"deletionTimestamp"})));
    const auto before = integer_at(metadata, {"deletionGracePeriodSeconds"});
    if (ends && before) seconds = *ends - *before;
    metadata["deletionTimestamp"] = rfc3339(seconds + grace.value_or(0));
    if (grace) metadata["deletionGracePeriodSeconds"] = *grace;
    auto generation = integer_at(metadata, {"generation"});
    if (generation && !again) metadata["generation"] = *generation + 1;
    if (dry_run) return {make_object(*target.resource, object, revision_), true, false};
    return {commit(target, object), true};
}

Removed Store::purge_or_wait(const Target& target, Json object, bool dry_run) {
    auto stored = target.table->find(target.key());
    if (!list_at(object, {"metadata", "finalizers"}).empty()) {
        bool marked = stored->deleting && integer_at(object, {"metadata", "deletionGracePeriodSeconds"}) == 0;
        if (marked) return {stored, true, false};
        return mark_deleting(target, std::move(object), 0, dry_run);
    }
    if (!dry_run) purge(target);
    return {stored, false, !dry_run};
}

Outcome<Removed> Store::remove_pod(const Target& target, Json object, const DeleteOptions& options) {
    auto stored = target.table->find(target.key());
    auto phase = text_at(object, {"status", "phase"});
    std::int64_t grace =
        options.grace.value_or(integer_at(object, {"spec", "terminationGracePeriodSeconds"}).value_or(30));
    if (grace < 0) grace = 1;
    if (text_at(object, {"spec", "nodeName"}).empty() || phase == "Failed" || phase == "Succeeded") grace = 0;
    if (stored->deleting) {
        auto left = integer_at(object, {"metadata", "deletionGracePeriodSeconds"}).value_or(0);
        if (!options.grace && grace != 0) return Removed{stored, true, false};
        if (grace != 0 && grace >= left) return Removed{stored, true, false};
    }
    if (!list_at(object, {"metadata", "finalizers"}).empty() && grace == 0)
        return purge_or_wait(target, std::move(object), options.dry_run);
    auto removed = mark_deleting(target, std::move(object), grace, options.dry_run);
    if (grace != 0) return removed;
    // Also one that goes at once is seen to be going first.
    if (!options.dry_run) purge(target);
    removed.pending = false;
    return removed;
}

Outcome<Removed> Store::remove_namespace(const Target& target, Json object, bool dry_run) {
    if (target.name == "default" || target.name == "kube-system" || target.name == "kube-public") {
        return forbidden(target.resource->names, target.name, "this namespace may not be deleted");
    }
    Removed removed{target.table->find(target.key()), true, false};
    if (!removed.object->deleting) {
        object_at(object, "status")["phase"] = "Terminating";
        removed = mark_deleting(target, std::move(object), {}, dry_run);
    }
    if (dry_run) return removed;
    auto tables = tables_;  // a definition that ends takes its table out of the map
    for (auto& [key, table] : tables) {
        if (!table->resource().namespaced) continue;
        for (const auto& held : table->all_in(target.name))
            (void)remove_locked(target_of(table, *held), {});
    }
    finish_namespace(target.name);
    return removed;
}

Removed Store::remove_definition(const Target& target, Json object, bool dry_run) {
    auto resource = resource_of_definition(object);
    auto table = table_locked(resource.names.group, resource.names.plural);
    Removed removed{target.table->find(target.key()), true, false};
    if (!removed.object->deleting) removed = mark_deleting(target, std::move(object), {}, dry_run);
    if (dry_run || !table) return removed;
    auto objects = table->objects();
    for (const auto& [key, held] : objects)
        (void)remove_locked(target_of(table, *held), {});
    finish_definition(resource);
    return removed;
}

void Store::purge(const Target& target) {
    auto stored = target.table->find(target.key());
    if (!stored) return;
    if (target.resource->is("", "services")) services_.release(stored->json(*target.resource, target.version->name));
    ++revision_;
    if (on_write_) on_write_(*target.resource, *stored, revision_, true);
    target.table->remove(target.key(), revision_);
    changed();
    if (target.resource->custom) finish_definition(*target.resource);
    if (target.resource->namespaced) finish_namespace(target.space);
}

void Store::finish_namespace(const std::string& name) {
    auto spaces = table_locked("", "namespaces");
    auto space = spaces->find(name);
    if (!space || !space->deleting) return;
    bool holds_something = std::any_of(tables_.begin(), tables_.end(), [&](const auto& entry) {
        return entry.second->resource().namespaced && entry.second->has_any_in(name);
    });
    if (holds_something) return;
    auto target = target_of(spaces, *space);
    Json object = space->json(*target.resource, target.version->name);
    if (list_at(object, {"metadata", "finalizers"}).empty()) purge(target);
}

void Store::finish_definition(const Resource& resource) {
    auto definitions = table_locked("apiextensions.k8s.io", "customresourcedefinitions");
    auto definition = definitions->find(resource.names.plural + "." + resource.names.group);
    auto table = table_locked(resource.names.group, resource.names.plural);
    if (!definition || !definition->deleting || !table || !table->objects().empty()) return;
    auto target = target_of(definitions, *definition);
    Json object = definition->json(*target.resource, target.version->name);
    if (!list_at(object, {"metadata", "finalizers"}).empty()) return;
    table->close();
    tables_.erase(std::pair(resource.names.group, resource.names.plural));
    purge(target);
}

}  // namespace weft::apiserver
