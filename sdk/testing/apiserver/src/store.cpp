#include "store.hpp"

#include "defaults.hpp"
#include "validation.hpp"

#include <weft/base/uuid.hpp>

#include <algorithm>
#include <charconv>
#include <random>

namespace weft::apiserver {

namespace {

std::string random_suffix() {
    // The letters that the real server uses: no vowels, no look-alikes.
    static constexpr std::string_view letters = "bcdfghjklmnpqrstvwxz2456789";
    thread_local std::mt19937_64 random{std::random_device{}()};
    std::string out;
    for (int i = 0; i < 5; ++i)
        out += letters[random() % letters.size()];
    return out;
}

/// What counts for the generation: everything but metadata, and but the status where that has its own subresource.
bool same_spec(const Json& a, const Json& b, bool status_apart) {
    auto counted = [&](const std::string& name) { return name != "metadata" && !(status_apart && name == "status"); };
    auto covered = [&](const Json& from, const Json& by) {
        for (const auto& [name, value] : from.items()) {
            if (!counted(name)) continue;
            auto other = by.find(name);
            if (other == by.end() || *other != value) return false;
        }
        return true;
    };
    return covered(a, b) && covered(b, a);
}

void copy_member(const Json& from, Json& to, const char* name) {
    auto member = from.find(name);
    if (member == from.end()) {
        to.erase(name);
    } else {
        to[name] = *member;
    }
}

/// Through /status only the status changes, and for most built-in kinds labels and annotations.
Json status_edit(const Resource& resource, const Json& before, Json& wanted) {
    Json result = before;
    copy_member(wanted, result, "status");
    copy_member(wanted["metadata"], result["metadata"], "managedFields");
    if (resource.status_writes_metadata) {
        for (const char* name : {"labels", "annotations"})
            copy_member(wanted["metadata"], result["metadata"], name);
    }
    return result;
}

bool has_finalizers(const Json& object) {
    return !list_at(object, {"metadata", "finalizers"}).empty();
}

bool is_definition(const Resource& resource) {
    return resource.is("apiextensions.k8s.io", "customresourcedefinitions");
}

std::string_view uid_of(const Json& object) {
    return text_at(object, {"metadata", "uid"});
}

}  // namespace

Store::Store(StoreOptions options) : options_(std::move(options)), services_(options_.service_ranges) {
    for (auto& resource : builtin_resources()) {
        std::pair key(resource.names.group, resource.names.plural);
        tables_[key] = std::make_shared<Table>(std::move(resource), options_.history);
    }
    auto table = tables_.at({"", "namespaces"});
    for (const char* name : {"default", "kube-system", "kube-public", "kube-node-lease"}) {
        Target target{table, table->shared_resource(), &table->resource().versions[0], "", name, ""};
        (void)create_locked(target, {{"metadata", {{"name", name}}}}, {});
    }
}

std::string Store::now() const {
    return rfc3339(std::chrono::duration_cast<std::chrono::seconds>(options_.clock->wall().time_since_epoch()).count());
}

std::shared_ptr<Table> Store::table_locked(std::string_view group, std::string_view plural) const {
    auto found = tables_.find(std::pair(std::string(group), std::string(plural)));
    return found == tables_.end() ? nullptr : found->second;
}

std::shared_ptr<Table> Store::find_table(std::string_view group, std::string_view plural) const {
    auto guard = lock();
    return table_locked(group, plural);
}

std::shared_ptr<Table> Store::find_kind(std::string_view word) const {
    auto guard = lock();
    for (const auto& [key, table] : tables_) {
        if (table->resource().answers_to(word)) return table;
    }
    return nullptr;
}

std::vector<std::shared_ptr<Table>> Store::tables() const {
    auto guard = lock();
    std::vector<std::shared_ptr<Table>> out;
    for (const auto& [key, table] : tables_)
        out.push_back(table);
    return out;
}

ObjectPtr Store::get(const Target& target) const {
    auto guard = lock();
    return target.table->find(target.key());
}

std::uint64_t Store::revision() const {
    auto guard = lock();
    return revision_;
}

void Store::compact() {
    auto guard = lock();
    for (auto& [key, table] : tables_)
        table->forget(revision_);
}

bool Store::wait_beyond(std::uint64_t revision, TimePoint deadline) const {
    auto guard = lock();
    return changed_.wait_until(guard, deadline, [&] { return revision_ > revision; });
}

void Store::changed() {
    changed_.notify_all();
    if (on_change_) on_change_();
}

ObjectPtr Store::commit(const Target& target, const Json& object) {
    auto stored = make_object(*target.resource, object, ++revision_);
    if (on_write_) on_write_(*target.resource, *stored, revision_, false);
    target.table->put(stored);
    changed();
    return stored;
}

Target Store::target_of(const std::shared_ptr<Table>& table, const Object& object) const {
    auto resource = table->shared_resource();
    const Version* version = &resource->versions[0];
    return {table, std::move(resource), version, object.space, object.name, ""};
}

// --- create ----------------------------------------------------------------------------------------------------------

Problem Store::check_namespace(const Target& target) const {
    if (!target.resource->namespaced) return {};
    auto spaces = table_locked("", "namespaces");
    auto space = spaces->find(target.space);
    if (!space) return not_found(spaces->resource().names, target.space);
    if (space->deleting) {
        auto error =
            forbidden(target.resource->names, target.name,
                      "unable to create new content in namespace " + target.space + " because it is being terminated");
        error.details["causes"] = Json::array({{{"reason", "NamespaceTerminating"},
                                                {"message", "namespace " + target.space + " is being terminated"},
                                                {"field", "metadata.namespace"}}});
        return error;
    }
    return {};
}

Problem Store::name_new_object(const Target& target, Json& metadata) const {
    if (!text_at(metadata, {"name"}).empty()) return {};
    std::string prefix(text_at(metadata, {"generateName"}));
    if (prefix.empty()) {
        return invalid_object(target.resource->names, "",
                              {{FieldError::Type::required, "metadata.name", "", "name or generateName is required"}});
    }
    constexpr std::size_t longest_prefix = 58;
    prefix.resize(std::min(prefix.size(), longest_prefix));
    Target tried = target;
    do {
        tried.name = prefix + random_suffix();
    } while (target.table->find(tried.key()));
    metadata["name"] = tried.name;
    return {};
}

Outcome<ObjectPtr> Store::create(const Target& target, Json object, const WriteOptions& options) {
    auto guard = lock();
    return create_locked(target, std::move(object), options);
}

Outcome<ObjectPtr> Store::create_locked(const Target& target, Json object, const WriteOptions& options) {
    const auto& resource = *target.resource;
    if (auto problem = check_shape(*target.resource, object)) return *problem;
    normalise(resource, *target.version, object);
    Json& metadata = object["metadata"];
    if (!text_at(metadata, {"resourceVersion"}).empty()) {
        return ApiError{500, "", "resourceVersion should not be set on objects to be created", {}, {}, 0};
    }
    if (auto problem = name_new_object(target, metadata)) return *problem;
    Target named = target;
    named.name = text_at(metadata, {"name"});
    if (resource.namespaced) metadata["namespace"] = target.space;
    if (auto problem = check_namespace(named)) return *problem;
    if (target.table->closed()) return no_such_resource();
    metadata["uid"] = Uuid::random().text();
    metadata["creationTimestamp"] = now();
    for (const char* name : {"deletionTimestamp", "deletionGracePeriodSeconds", "generation"})
        metadata.erase(name);
    if (!options.applied) metadata.erase("managedFields");
    if (resource.counts_generations) metadata["generation"] = 1;
    default_create(resource, *target.version, object, now());
    if (auto errors = validate_create(resource, object); !errors.empty()) {
        return invalid_object(resource.names, named.name, errors);
    }
    if (target.table->find(named.key())) return already_exists(resource.names, named.name);
    if (is_definition(resource)) {
        if (auto problem = check_definition(object)) return *problem;
    }
    if (resource.is("", "services")) {
        if (auto errors = services_.assign(object); !errors.empty())
            return invalid_object(resource.names, named.name, errors);
        if (options.dry_run) services_.release(object);
    }
    if (options.dry_run) return make_object(resource, object, 0);
    if (is_definition(resource)) serve_definition(object);
    return commit(named, object);
}

void Store::forget(const Target& target, std::uint64_t revision) {
    auto guard = lock();
    auto stored = target.table->find(target.key());
    if (!stored) return;
    if (target.resource->is("", "services")) services_.release(stored->json(*target.resource, target.version->name));
    revision_ = std::max(revision_, revision);
    target.table->remove(target.key(), revision);
    if (!is_definition(*target.resource)) return;
    const auto served = resource_of_definition(stored->json(*target.resource, target.version->name));
    tables_.erase(std::pair(served.names.group, served.names.plural));
}

Outcome<ObjectPtr> Store::restore(const Target& target, Json object, std::uint64_t revision) {
    auto guard = lock();
    const auto latest = std::max(revision_, revision);
    if (auto problem = check_shape(*target.resource, object)) return *problem;
    normalise(*target.resource, *target.version, object);
    Json& metadata = object["metadata"];
    if (text_at(metadata, {"name"}).empty()) return bad_request("an object to restore has a name");
    if (target.resource->namespaced) metadata["namespace"] = target.space;
    set_default(metadata, "uid", Uuid::random().text());
    set_default(metadata, "creationTimestamp", now());
    default_update(*target.resource, {}, object);
    if (target.resource->is("", "services")) services_.adopt(object);
    if (is_definition(*target.resource)) {
        if (auto errors = validate_definition(object); !errors.empty()) {
            return invalid_object(target.resource->names, target.name, errors);
        }
        if (auto problem = check_definition(object)) return *problem;
        serve_definition(object);
    }
    if (revision == 0) return commit(target, object);
    revision_ = revision - 1;
    auto restored = commit(target, object);
    revision_ = latest;
    return restored;
}

Problem Store::check_definition(const Json& definition) const {
    auto wanted = resource_of_definition(definition);
    auto table = table_locked(wanted.names.group, wanted.names.plural);
    if (!table || table->resource().custom) return {};
    return invalid_object(
        {"apiextensions.k8s.io", "customresourcedefinitions", "CustomResourceDefinition"},
        text_at(definition, {"metadata", "name"}),
        {{FieldError::Type::invalid, "spec.names.plural", wanted.names.plural, "is a built-in resource"}});
}

void Store::serve_definition(const Json& definition) {
    auto resource = resource_of_definition(definition);
    std::pair key(resource.names.group, resource.names.plural);
    auto& table = tables_[key];
    if (table) {
        table->set_resource(std::move(resource));
    } else {
        table = std::make_shared<Table>(std::move(resource), options_.history);
    }
}

// --- update ----------------------------------------------------------------------------------------------------------

Outcome<Written> Store::update(const Target& target, const Edit& edit, bool may_create, const WriteOptions& options) {
    auto guard = lock();
    return update_locked(target, edit, may_create, options);
}

Outcome<Json> Store::check_edit(const Target& target, const Json& before, Json wanted) const {
    const auto& names = target.resource->names;
    if (auto problem = check_shape(*target.resource, wanted)) return *problem;
    normalise(*target.resource, *target.version, wanted);
    auto name = text_at(wanted, {"metadata", "name"});
    if (name != target.name) {
        return bad_request("the name of the object (" + std::string(name) + ") does not match the name on the URL (" +
                           target.name + ")");
    }
    Json& metadata = wanted["metadata"];
    const Json& had = before.at("metadata");
    if (auto uid = uid_of(wanted); !uid.empty() && uid != uid_of(before)) {
        return conflict(names, target.name,
                        "Precondition failed: UID in precondition: " + std::string(uid) +
                            ", UID in object meta: " + std::string(uid_of(before)));
    }
    auto version = text_at(metadata, {"resourceVersion"});
    if (version.empty() && !target.resource->unconditional_update) {
        return invalid_object(
            names, target.name,
            {{FieldError::Type::invalid, "metadata.resourceVersion", "0x0", "must be specified for an update"}});
    }
    if (!version.empty() && version != text_at(had, {"resourceVersion"})) return modified(names, target.name);
    for (const char* fixed : {"namespace", "uid", "creationTimestamp", "deletionTimestamp",
                              "deletionGracePeriodSeconds", "generation", "generateName", "resourceVersion"}) {
        copy_member(had, metadata, fixed);
    }
    if (target.subresource == "status") wanted = status_edit(*target.resource, before, wanted);
    if (target.subresource.empty() && target.version->status) copy_member(before, wanted, "status");
    if (target.resource->is("", "namespaces")) copy_member(before, wanted, "spec");
    default_update(*target.resource, before, wanted);
    if (target.resource->counts_generations && !same_spec(before, wanted, target.version->status)) {
        wanted["metadata"]["generation"] = integer_at(had, {"generation"}).value_or(0) + 1;
    }
    if (auto errors = validate_update(*target.resource, before, wanted); !errors.empty()) {
        return invalid_object(names, target.name, errors);
    }
    return wanted;
}

Outcome<Written> Store::update_locked(const Target& target, const Edit& edit, bool may_create,
                                      const WriteOptions& options) {
    auto stored = target.table->find(target.key());
    if (!stored) {
        if (!may_create) return not_found(target.resource->names, target.name);
        auto wanted = edit(Json::object());
        if (!wanted) return wanted.take_error();
        auto made = create_locked(target, std::move(*wanted), options);
        if (!made) return made.take_error();
        return Written{*made, true, !options.dry_run};
    }
    Json before = stored->json(*target.resource, target.version->name);
    auto edited = edit(before);
    if (!edited) return edited.take_error();
    auto checked = check_edit(target, before, std::move(*edited));
    if (!checked) return checked.take_error();
    Json& wanted = *checked;
    if (!options.applied) {
        track_update(*target.resource, *target.version, before, wanted,
                     {options.manager, target.subresource, now(), false});
    }
    if (wanted == before) return Written{stored, false, false};
    if (target.resource->is("", "services")) {
        auto assigned = reassign_service(before, wanted, target);
        if (!assigned) return assigned.take_error();
        if (options.dry_run) (void)reassign_service(wanted, before, target);
    }
    if (options.dry_run) return Written{make_object(*target.resource, wanted, stored->revision), false, false};
    if (is_definition(*target.resource)) serve_definition(wanted);
    bool going = stored->deleting && !has_finalizers(wanted) &&
                 integer_at(wanted, {"metadata", "deletionGracePeriodSeconds"}).value_or(0) == 0;
    bool holds_others = target.resource->is("", "namespaces") || is_definition(*target.resource);
    if (going && !holds_others) {
        // The last finalizer went: that write itself is never seen.
        auto last = make_object(*target.resource, wanted, stored->revision);
        purge(target);
        return Written{last, false};
    }
    Written written{commit(target, wanted), false};
    if (going && target.resource->is("", "namespaces")) finish_namespace(target.name);
    if (going && is_definition(*target.resource)) finish_definition(resource_of_definition(wanted));
    return written;
}

Outcome<bool> Store::reassign_service(const Json& before, Json& object, const Target& target) {
    services_.release(before);
    if (auto errors = services_.assign(object); !errors.empty()) {
        services_.adopt(before);
        return invalid_object(target.resource->names, target.name, errors);
    }
    return true;
}

Outcome<ObjectPtr> Store::bind(const Target& pod, const Json& binding, const WriteOptions& options) {
    if (text_at(binding, {"metadata", "name"}) != pod.name)
        return bad_request("name in URL does not match name in Binding object");
    // These two have a code, but no reason.
    auto kind = text_at(binding, {"target", "kind"});
    if (!kind.empty() && kind != "Node") {
        return ApiError{
            500, "",
            "target.kind: Unsupported value: \"" + std::string(kind) + "\": supported values: \"Node\", \"<empty>\""};
    }
    auto node = text_at(binding, {"target", "name"});
    if (node.empty()) return ApiError{500, "", "target.name: Required value"};
    auto guard = lock();
    auto stored = pod.table->find(pod.key());
    if (!stored) return not_found(pod.resource->names, pod.name);
    Json object = stored->json(*pod.resource, pod.version->name);
    if (auto bound = text_at(object, {"spec", "nodeName"}); !bound.empty()) {
        return conflict({"", "pods/binding", "Binding"}, pod.name,
                        "pod " + pod.name + " is already assigned to node \"" + std::string(bound) + "\"");
    }
    object_at(object, "spec")["nodeName"] = node;
    for (const char* name : {"labels", "annotations"}) {
        for (const auto& [key, value] : map_at(binding, {"metadata", name}).items()) {
            object_at(object["metadata"], name)[key] = value;
        }
    }
    Json& conditions = object_at(object, "status")["conditions"];
    if (!conditions.is_array()) conditions = Json::array();
    conditions.push_back({{"type", "PodScheduled"}, {"status", "True"}, {"lastTransitionTime", now()}});
    if (auto problem = check_shape(*pod.resource, object)) return *problem;
    if (options.dry_run) return stored;
    return commit(pod, object);
}

}  // namespace weft::apiserver
