#include "api.hpp"

#include "defaults.hpp"
#include "discovery.hpp"
#include "patch.hpp"
#include "protobuf.hpp"
#include "validation.hpp"
#include "yaml.hpp"

#include <algorithm>
#include <charconv>

namespace weft::apiserver {

namespace {

HttpResponse json_response(int code, const Json& body) {
    return {code, dump(body) + "\n", "application/json", {}};
}

HttpResponse error_response(const ApiError& error) {
    auto response = json_response(error.code, error.status());
    if (error.retry_after > 0) response.headers.emplace_back("Retry-After", std::to_string(error.retry_after));
    return response;
}

Reply reply(int code, std::string body, bool changed) {
    return {{code, std::move(body), "application/json", {}}, nullptr, {}, changed};
}

WriteOptions write_options(const HttpRequest& request, const RequestInfo& info) {
    WriteOptions options;
    options.manager = info.parameter("fieldManager");
    if (options.manager.empty()) options.manager = request.user_agent.substr(0, request.user_agent.find('/'));
    if (options.manager.empty()) options.manager = "unknown";
    options.dry_run = info.parameter("dryRun") == "All";
    return options;
}

std::string_view media_type(const HttpRequest& request) {
    std::string_view type = request.content_type;
    type = type.substr(0, type.find(';'));
    while (type.ends_with(' '))
        type.remove_suffix(1);
    return type;
}

Outcome<Json> read_body(const HttpRequest& request) {
    auto type = media_type(request);
    std::string why;
    std::optional<Json> body;
    if (type.empty() || type == "application/json" || type == "*/*") {
        body = parse_json(request.body, why);
    } else if (type == "application/yaml") {
        body = parse_yaml(request.body, why);
    } else if (type == protobuf_type) {
        body = parse_protobuf(request.body, why);
    } else {
        return unsupported_media_type("application/json, application/yaml");
    }
    if (!body) return bad_request("the body of the request can't be read: " + why);
    return std::move(*body);
}

/// The body of a create or update: its type must be the one of the URL.
Problem check_type(const Json& object, const Target& target) {
    if (!object.is_object()) return bad_request("the object provided is no JSON object");
    auto kind = text_at(object, {"kind"});
    auto version = text_at(object, {"apiVersion"});
    if ((!kind.empty() && kind != target.resource->names.kind) ||
        (!version.empty() && version != target.resource->api_version(target.version->name))) {
        return bad_request("the object provided is unrecognized (must be of type " + target.resource->names.kind +
                           "): got " + std::string(version) + " " + std::string(kind));
    }
    auto space = text_at(object, {"metadata", "namespace"});
    if (target.resource->namespaced && !space.empty() && space != target.space) {
        return bad_request("the namespace of the provided object does not match the namespace sent on the request");
    }
    return {};
}

Outcome<Encoder> encoder_of(const HttpRequest& request, const RequestInfo& info, const Target& target) {
    auto form = negotiate(request.accept);
    if (!form) return not_acceptable();
    auto rows = RowObject::metadata;
    if (info.parameter("includeObject") == "None") rows = RowObject::none;
    if (info.parameter("includeObject") == "Object") rows = RowObject::whole;
    return Encoder(target.resource, *target.version, *form, rows);
}

Outcome<Selection> selection_of(const RequestInfo& info, const Target& target) {
    Selection selection;
    selection.space = target.space;
    auto labels = LabelSelector::parse(info.parameter("labelSelector"));
    if (!labels) return labels.take_error();
    selection.labels = std::move(*labels);
    std::string wanted(info.parameter("fieldSelector"));
    if (!target.name.empty()) wanted = "metadata.name=" + target.name + (wanted.empty() ? "" : "," + wanted);
    auto fields = FieldSelector::parse(wanted, *target.resource);
    if (!fields) return fields.take_error();
    selection.fields = std::move(*fields);
    return selection;
}

/// A number of the query; 0 when it is missing or none.
std::int64_t number(const RequestInfo& info, std::string_view name) {
    auto text = info.parameter(name);
    std::int64_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return std::max<std::int64_t>(value, 0);
}

}  // namespace

Reply Api::handle(const HttpRequest& request) {
    try {
        return route(request, parse_target(request.target));
    } catch (const Json::exception& error) {
        // The shapes that the server reads are checked; this is for one that was forgotten.
        return {error_response(bad_request(std::string("the object cannot be handled: ") + error.what())),
                nullptr,
                {},
                false};
    }
}

Reply Api::route(const HttpRequest& request, const RequestInfo& info) {
    if (!info.about_resource) {
        auto answer = discover(store_, version_, info.path);
        if (answer && request.method == "GET") return {std::move(*answer), nullptr, {}, false};
        return {error_response(answer ? method_not_allowed() : no_such_resource()), nullptr, {}, false};
    }
    auto target = target_of(info);
    if (!target) return {error_response(target.error()), nullptr, {}, false};
    auto answer = [&]() -> Outcome<Reply> {
        if (request.method == "GET") return read(request, info, *target);
        if (request.method == "POST" && info.subresource == "binding") return bind(request, info, *target);
        if (request.method == "POST" && info.name.empty()) return create(request, info, *target);
        if (request.method == "PUT" && !info.name.empty()) return update(request, info, *target);
        if (request.method == "PATCH" && !info.name.empty()) return patch(request, info, *target);
        if (request.method == "DELETE" && info.subresource.empty()) return remove(request, info, *target);
        return method_not_allowed();
    }();
    if (!answer) return {error_response(answer.error()), nullptr, {}, false};
    return std::move(*answer);
}

Outcome<Target> Api::target_of(const RequestInfo& info) const {
    auto table = store_.find_table(info.group, info.plural);
    if (!table) return no_such_resource();
    Target target{table, nullptr, nullptr, info.space, info.name, info.subresource};
    {
        auto guard = store_.lock();
        target.resource = table->shared_resource();
    }
    target.version = target.resource->version(info.version);
    if (!target.version) return no_such_resource();
    if (!target.resource->namespaced && info.named_space) return no_such_resource();
    const auto& sub = info.subresource;
    bool known = sub.empty() || (sub == "status" && target.version->status) ||
                 (sub == "binding" && target.resource->is("", "pods"));
    if (!known) return no_such_resource();
    return target;
}

// --- reading ---------------------------------------------------------------------------------------------------------

Outcome<Reply> Api::read(const HttpRequest& request, const RequestInfo& info, const Target& target) {
    auto encoder = encoder_of(request, info, target);
    if (!encoder) return encoder.take_error();
    bool one = !info.name.empty() && !info.flag("watch");
    if (one) {
        if (target.resource->namespaced && !info.named_space) return no_such_resource();
        auto object = store_.get(target);
        if (!object) return not_found(target.resource->names, target.name);
        return reply(200, encoder->object(*object, object->revision) + "\n", false);
    }
    auto selection = selection_of(info, target);
    if (!selection) return selection.take_error();
    if (info.flag("watch")) return watch(info, target, std::move(*encoder), std::move(*selection));
    if (info.query.contains("sendInitialEvents")) {
        return invalid_object(
            {"meta.k8s.io", "listoptions", "ListOptions"}, "",
            {{FieldError::Type::forbidden, "sendInitialEvents", "", "sendInitialEvents is forbidden for list"}});
    }
    ListQuery query{std::move(*selection), static_cast<std::size_t>(number(info, "limit")),
                    std::string(info.parameter("continue")), std::string(info.parameter("resourceVersion")),
                    std::string(info.parameter("resourceVersionMatch"))};
    auto listed = store_.list(*target.table, query);
    if (!listed) return listed.take_error();
    return reply(200, encoder->list(*listed), false);
}

Outcome<Reply> Api::watch(const RequestInfo& info, const Target& target, Encoder encoder, Selection selection) {
    WatchQuery query;
    query.selection = std::move(selection);
    query.resource_version = info.parameter("resourceVersion");
    query.match = info.parameter("resourceVersionMatch");
    query.bookmarks = info.flag("allowWatchBookmarks");
    query.send_initial = info.flag("sendInitialEvents");
    query.initial_is_asked = info.query.contains("sendInitialEvents");
    auto watch = Watch::open(store_, target, std::move(encoder), std::move(query));
    if (!watch) return watch.take_error();
    Reply reply;
    reply.watch = std::move(*watch);
    if (auto seconds = number(info, "timeoutSeconds"); seconds > 0) reply.watch_for = std::chrono::seconds(seconds);
    return reply;
}

// --- writing ---------------------------------------------------------------------------------------------------------

Outcome<Reply> Api::create(const HttpRequest& request, const RequestInfo& info, const Target& target) {
    if (target.resource->namespaced && !info.named_space) return method_not_allowed();
    auto encoder = encoder_of(request, info, target);
    if (!encoder) return encoder.take_error();
    auto body = read_body(request);
    if (!body) return body.take_error();
    if (auto problem = check_type(*body, target)) return *problem;
    auto options = write_options(request, info);
    auto made = store_.create(target, std::move(*body), options);
    if (!made) return made.take_error();
    return reply(201, encoder->object(**made, (*made)->revision) + "\n", !options.dry_run);
}

Outcome<Reply> Api::bind(const HttpRequest& request, const RequestInfo& info, const Target& target) {
    auto body = read_body(request);
    if (!body) return body.take_error();
    auto options = write_options(request, info);
    auto bound = store_.bind(target, *body, options);
    if (!bound) return bound.take_error();
    Json status = {
        {"kind", "Status"}, {"apiVersion", "v1"}, {"metadata", Json::object()}, {"status", "Success"}, {"code", 201}};
    return reply(201, status.dump() + "\n", !options.dry_run);
}

Outcome<Reply> Api::update(const HttpRequest& request, const RequestInfo& info, const Target& target) {
    auto encoder = encoder_of(request, info, target);
    if (!encoder) return encoder.take_error();
    auto body = read_body(request);
    if (!body) return body.take_error();
    if (auto problem = check_type(*body, target)) return *problem;
    auto edit = [&](const Json&) -> Outcome<Json> { return std::move(*body); };
    bool may_create = target.resource->create_on_update && target.subresource.empty();
    auto written = store_.update(target, edit, may_create, write_options(request, info));
    if (!written) return written.take_error();
    const auto& object = *written->object;
    return reply(written->created ? 201 : 200, encoder->object(object, object.revision) + "\n", written->changed);
}

Outcome<Reply> Api::patch(const HttpRequest& request, const RequestInfo& info, const Target& target) {
    auto type = media_type(request);
    if (type == "application/apply-patch+yaml") return apply(request, info, target);
    bool json = type == "application/json-patch+json";
    bool merge = type == "application/merge-patch+json";
    bool strategic = type == "application/strategic-merge-patch+json";
    if (!json && !merge && (!strategic || target.resource->custom)) {
        return unsupported_media_type(
            "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml" +
            std::string(target.resource->custom ? "" : ", application/strategic-merge-patch+json"));
    }
    auto encoder = encoder_of(request, info, target);
    if (!encoder) return encoder.take_error();
    std::string why;
    auto wanted = parse_json(request.body, why);
    if (!wanted) return bad_request("error decoding patch: " + why);
    if (!json && !wanted->is_object()) return bad_request("error decoding patch: it is no object");
    auto edit = [&](const Json& before) -> Outcome<Json> {
        if (json) return json_patch(before, *wanted);
        if (merge) return merge_patch(before, *wanted);
        return strategic_merge_patch(before, *wanted, target.resource->names.kind);
    };
    auto written = store_.update(target, edit, false, write_options(request, info));
    if (!written) return written.take_error();
    return reply(200, encoder->object(*written->object, written->object->revision) + "\n", written->changed);
}

Outcome<Reply> Api::apply(const HttpRequest& request, const RequestInfo& info, const Target& target) {
    auto encoder = encoder_of(request, info, target);
    if (!encoder) return encoder.take_error();
    std::string why;
    auto config = parse_yaml(request.body, why);
    if (!config) return bad_request("error decoding YAML: " + why);
    if (auto problem = check_type(*config, target)) return *problem;
    if (auto problem = check_shape(*target.resource, *config)) return *problem;
    if (info.parameter("fieldManager").empty()) {
        return invalid_object({"meta.k8s.io", "patchoptions", "PatchOptions"}, "",
                              {{FieldError::Type::required, "fieldManager", "", "is required for apply patch"}});
    }
    if (!list_at(*config, {"metadata", "managedFields"}).empty()) {
        return bad_request("metadata.managedFields must be nil");
    }
    normalise(*target.resource, *target.version, *config);
    if (target.subresource.empty() && target.version->status && !target.resource->is("", "nodes")) {
        config->erase("status");
    }
    if (text_at(*config, {"metadata", "name"}).empty()) {
        return bad_request("the name of the object (" + target.name +
                           " based on URL) was undeterminable: name must be provided");
    }
    if (text_at(*config, {"metadata", "name"}) != target.name) {
        return bad_request("the name of the object (" + std::string(text_at(*config, {"metadata", "name"})) +
                           ") does not match the name on the URL (" + target.name + ")");
    }
    auto options = write_options(request, info);
    options.applied = true;
    Writer writer{options.manager, target.subresource, store_.time(), info.flag("force")};
    auto edit = [&](const Json& before) {
        return server_side_apply(*target.resource, *target.version, before, *config, writer);
    };
    auto written = store_.update(target, edit, target.subresource.empty(), options);
    if (!written) return written.take_error();
    const auto& object = *written->object;
    return reply(written->created ? 201 : 200, encoder->object(object, object.revision) + "\n", written->changed);
}

// --- deleting --------------------------------------------------------------------------------------------------------

namespace {

Outcome<DeleteOptions> delete_options(const HttpRequest& request, const RequestInfo& info) {
    DeleteOptions options;
    options.dry_run = info.parameter("dryRun") == "All";
    if (info.query.contains("gracePeriodSeconds")) options.grace = number(info, "gracePeriodSeconds");
    if (request.body.empty()) return options;
    auto body = read_body(request);
    if (!body) return body.take_error();
    if (auto grace = integer_at(*body, {"gracePeriodSeconds"})) options.grace = grace;
    options.uid = text_at(*body, {"preconditions", "uid"});
    options.resource_version = text_at(*body, {"preconditions", "resourceVersion"});
    if (!list_at(*body, {"dryRun"}).empty()) options.dry_run = true;
    return options;
}

}  // namespace

Outcome<Reply> Api::remove(const HttpRequest& request, const RequestInfo& info, const Target& target) {
    auto encoder = encoder_of(request, info, target);
    if (!encoder) return encoder.take_error();
    auto options = delete_options(request, info);
    if (!options) return options.take_error();
    if (info.name.empty()) {
        if (target.resource->namespaced && !info.named_space) return method_not_allowed();
        auto selection = selection_of(info, target);
        if (!selection) return selection.take_error();
        auto gone = store_.remove_all(target, *selection, *options);
        if (!gone) return gone.take_error();
        ListAnswer answer{std::move(*gone), store_.revision(), "", {}};
        bool changed = !answer.items.empty() && !options->dry_run;
        return reply(200, encoder->list(answer), changed);
    }
    auto removed = store_.remove(target, *options);
    if (!removed) return removed.take_error();
    const auto& object = *removed->object;
    if (removed->pending || target.resource->returns_deleted) {
        return reply(200, encoder->object(object, object.revision) + "\n", removed->changed);
    }
    Json uid = object.json(*target.resource, target.version->name)["metadata"]["uid"];
    Json details = {{"name", object.name}, {"kind", target.resource->names.plural}, {"uid", std::move(uid)}};
    if (!target.resource->names.group.empty()) details["group"] = target.resource->names.group;
    Json status = {{"kind", "Status"},
                   {"apiVersion", "v1"},
                   {"metadata", Json::object()},
                   {"status", "Success"},
                   {"details", std::move(details)}};
    return reply(200, status.dump() + "\n", removed->changed);
}

}  // namespace weft::apiserver
