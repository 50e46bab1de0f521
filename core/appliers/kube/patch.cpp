#include "appliers/kube/patch.hpp"

#include "kube/objects.hpp"
#include "kube/times.hpp"

#include <weft/base/json.hpp>

#include <algorithm>

namespace weft::appliers {

namespace {

/// A JSON pointer below /metadata/annotations.
std::string pointer(std::string_view annotation) {
    std::string path = "/metadata/annotations/";
    for (const char c : annotation) {
        if (c == '~') {
            path += "~0";
        } else if (c == '/') {
            path += "~1";
        } else {
            path.push_back(c);
        }
    }
    return path;
}

void operation(JsonWriter& w, std::string_view op, std::string_view path, const std::string* value) {
    w.object([&] {
        w.member("op", op).member("path", path);
        if (value != nullptr) w.member("value", *value);
    });
}

void annotations_object(JsonWriter& w, std::span<const AnnotationChange> changes) {
    w.object([&] {
        for (const auto& change : changes) {
            w.key(change.name);
            change.after ? w.value(*change.after) : w.null();
        }
    });
}

void conditions_array(JsonWriter& w, std::span<const ConditionChange> changes, WallTime now) {
    const std::string time = kube::time_text(now);
    w.array([&] {
        for (const auto& change : changes) {
            w.object([&] {
                if (!change.after) {
                    w.member("$patch", "delete").member("type", change.type);
                    return;
                }
                const auto& condition = change.after.as<tables::NodeCondition>();
                w.member("type", condition.type).member("status", condition.status);
                w.member("reason", condition.reason).member("message", condition.message);
                w.member("lastHeartbeatTime", time);
                if (change.transition) w.member("lastTransitionTime", time);
            });
        }
    });
}

}  // namespace

kube::Request pod_patch(std::string_view ns, std::string_view name, const Snapshot& seen,
                        std::span<const AnnotationChange> changes) {
    JsonWriter w;
    w.reserve(1024);  // of an annotation for two families
    w.array([&] {
        if (!seen.uid.empty()) operation(w, "test", "/metadata/uid", &seen.uid);
        const bool any_new = std::any_of(changes.begin(), changes.end(), [](const auto& c) { return !c.before; });
        const std::string version = std::to_string(seen.version);
        if (any_new && seen.version != 0) operation(w, "test", "/metadata/resourceVersion", &version);
        if (!seen.annotated) {
            w.object([&] {
                w.member("op", "add").member("path", "/metadata/annotations").key("value");
                annotations_object(w, changes);
            });
            return;
        }
        for (const auto& change : changes) {
            const std::string path = pointer(change.name);
            if (change.before) operation(w, "test", path, &*change.before);
            operation(w, change.after ? "add" : "remove", path, change.after ? &*change.after : nullptr);
        }
    });
    kube::Request request;
    request.method = kube::Method::patch;
    request.path = kube::object_path(kube::pod_resource(), ns, name, "status");
    request.body = w.take();
    request.content_type = "application/json-patch+json";
    request.accept = metadata_only;
    return request;
}

kube::Request node_patch(std::string_view name, const Snapshot& seen, std::span<const AnnotationChange> annotations,
                         std::span<const ConditionChange> conditions, WallTime now) {
    JsonWriter w;
    w.object([&] {
        w.key("metadata").object([&] {
            if (!seen.uid.empty()) w.member("uid", seen.uid);
            const bool shared =
                std::any_of(annotations.begin(), annotations.end(), [](const auto& a) { return a.shared; });
            if (shared && seen.version != 0) w.member("resourceVersion", std::to_string(seen.version));
            if (annotations.empty()) return;
            w.key("annotations");
            annotations_object(w, annotations);
        });
        if (conditions.empty()) return;
        w.key("status").object([&] {
            w.key("conditions");
            conditions_array(w, conditions, now);
        });
    });
    kube::Request request;
    request.method = kube::Method::patch;
    request.path = kube::object_path(kube::node_resource(), "", name, "status");
    request.body = w.take();
    request.content_type = "application/strategic-merge-patch+json";
    request.accept = metadata_only;
    return request;
}

kube::Request look(std::string_view kind, std::string_view ns, std::string_view name, bool whole) {
    kube::Request request;
    request.path = kube::object_path(kind == "Node" ? kube::node_resource() : kube::pod_resource(), ns, name);
    if (!whole) request.accept = metadata_only;
    return request;
}

}  // namespace weft::appliers
