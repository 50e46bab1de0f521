#include "api.hpp"
#include "counters.hpp"
#include "defaults.hpp"
#include "faults.hpp"
#include "http_server.hpp"
#include "journal.hpp"
#include "patch.hpp"
#include "tls_certificates.hpp"
#include "yaml.hpp"

#include <weft/testing/api_server.hpp>

#include <algorithm>
#include <fstream>
#include <sstream>

namespace weft::testing {

namespace {

using namespace apiserver;

Error error_of(const Target& target, const ApiError& error) {
    auto kind = error.code == 409 ? ErrorKind::conflict : ErrorKind::invalid;
    return {kind, error.message, target.resource->names.kind + " " + target.key(), {}};
}

}  // namespace

struct ApiServer::Impl {
    explicit Impl(const ApiServerOptions& o, std::vector<IpPrefix> ranges)
        : store({o.history, std::move(ranges), o.clock}),
          api(store, o.version) {}

    Store store;
    Journal journal;
    Api api;
    Faults faults;
    Counters counters;
    std::unique_ptr<HttpServer> server;
    std::string address;
    std::string token;
    std::string ca_pem;
    bool tls = false;
    mutable std::mutex mutex;  ///< over token

    HttpResponse control(const HttpRequest& request);
    HttpResponse control_faults(const HttpRequest& request);
    Outcome<Target> target_of(const Json& object) const;
    std::optional<Target> target_of(std::string_view kind, std::string_view space, std::string_view name) const;
    Result<void> apply(Json object);
};

// --- control over HTTP -----------------------------------------------------------------------------------------------

HttpResponse ApiServer::Impl::control(const HttpRequest& request) {
    if (request.target.starts_with("/_faults")) return control_faults(request);
    if (request.method == "DELETE") counters.reset();
    Json json = counters.json();
    json["revision"] = store.revision();
    return {200, dump(json) + "\n", "application/json", {}};
}

HttpResponse ApiServer::Impl::control_faults(const HttpRequest& request) {
    auto ok = [](const Json& json) { return HttpResponse{200, dump(json) + "\n", "application/json", {}}; };
    auto bad = [](const std::string& why) {
        auto problem = bad_request(why);
        return HttpResponse{problem.code, dump(problem.status()) + "\n", "application/json", {}};
    };
    if (request.method == "DELETE") {
        faults.heal_all();
        return ok({{"healed", "all"}});
    }
    if (request.method != "POST") return bad("POST a fault or an action, DELETE to heal all");
    std::string why;
    auto body = parse_json(request.body, why);
    if (!body) return bad(why);
    auto action = text_at(*body, {"action"});
    std::string path(text_at(*body, {"path"}));
    if (action.empty()) {
        auto fault = Faults::parse(*body);
        if (!fault) return bad(fault.error().text());
        return ok({{"id", faults.inject(*fault)}});
    }
    if (action == "heal") {
        faults.heal(static_cast<int>(integer_at(*body, {"id"}).value_or(0)));
    } else if (action == "heal-all") {
        faults.heal_all();
    } else if (action == "drop-watches") {
        server->drop_watches(path);
    } else if (action == "drop-connections") {
        server->drop_connections();
    } else if (action == "compact") {
        store.compact();
    } else if (action == "bookmarks") {
        server->send_bookmarks();
    } else if (action == "restart") {
        server->restart(std::chrono::milliseconds(integer_at(*body, {"downMs"}).value_or(1000)));
    } else {
        return bad("unknown action \"" + std::string(action) +
                   "\": heal, heal-all, drop-watches, drop-connections, compact, bookmarks, restart");
    }
    return ok({{"done", action}});
}

// --- objects ---------------------------------------------------------------------------------------------------------

std::optional<Target> ApiServer::Impl::target_of(std::string_view kind, std::string_view space,
                                                 std::string_view name) const {
    auto table = store.find_kind(kind);
    if (!table) return {};
    auto guard = store.lock();
    auto resource = table->shared_resource();
    auto stored = std::find_if(resource->versions.begin(), resource->versions.end(),
                               [](const Version& version) { return version.storage; });
    const Version* version = stored == resource->versions.end() ? &resource->versions[0] : &*stored;
    return Target{table, resource, version, std::string(space), std::string(name), ""};
}

Outcome<Target> ApiServer::Impl::target_of(const Json& object) const {
    auto kind = std::string(text_at(object, {"kind"}));
    auto api_version = text_at(object, {"apiVersion"});
    auto slash = api_version.find('/');
    auto group = slash == std::string_view::npos ? std::string_view() : api_version.substr(0, slash);
    auto version = slash == std::string_view::npos ? api_version : api_version.substr(slash + 1);
    for (const auto& table : store.tables()) {
        auto guard = store.lock();
        auto resource = table->shared_resource();
        if (resource->names.group != group || resource->names.kind != kind) continue;
        const Version* served = resource->version(version);
        if (!served) continue;
        std::string space(text_at(object, {"metadata", "namespace"}));
        if (resource->namespaced && space.empty()) space = "default";
        if (!resource->namespaced) space.clear();
        return Target{table, resource, served, space, std::string(text_at(object, {"metadata", "name"})), ""};
    }
    return bad_request("no resource serves kind \"" + kind + "\" of apiVersion \"" + std::string(api_version) + "\"");
}

Result<void> ApiServer::Impl::apply(Json object) {
    auto target = target_of(object);
    if (!target) return invalid(target.error().message, "create its CustomResourceDefinition first");
    for (const char* name : {"resourceVersion", "uid", "creationTimestamp", "managedFields"}) {
        if (Json* metadata = find(object, {"metadata"}); metadata && metadata->is_object()) metadata->erase(name);
    }
    WriteOptions options{.manager = "manifests"};
    bool generated = target->name.empty();
    if (generated || !store.get(*target)) {
        auto made = store.create(*target, object, options);
        if (!made) return error_of(*target, made.error());
        if (generated) return {};
    }
    auto merge = [&](const Json& before) -> Outcome<Json> { return merge_patch(before, object); };
    auto merged = store.update(*target, merge, false, options);
    if (!merged) return error_of(*target, merged.error());
    if (!target->version->status || !object.contains("status")) return {};
    target->subresource = "status";
    auto with_status = store.update(*target, merge, false, options);
    if (!with_status) return error_of(*target, with_status.error());
    return {};
}

ApiServer::ApiServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

ApiServer::~ApiServer() = default;

Result<std::unique_ptr<ApiServer>> ApiServer::start(ApiServerOptions options) {
    std::vector<IpPrefix> ranges;
    for (const auto& text : options.service_cidrs) {
        auto range = IpPrefix::parse(text);
        if (!range) return std::move(range).error().at("service_cidrs");
        ranges.push_back(*range);
    }
    auto impl = std::make_unique<Impl>(options, std::move(ranges));
    impl->address = options.address;
    impl->token = options.token;
    impl->tls = options.tls;
    if (options.tls && options.certificate_pem.empty()) {
        auto made = make_certificates(options.address);
        if (!made) return std::move(made).error();
        impl->ca_pem = made->ca_pem;
        options.certificate_pem = made->certificate_pem;
        options.key_pem = made->key_pem;
    }
    if (!options.tls) options.certificate_pem.clear();
    auto* raw = impl.get();
    impl->server = std::make_unique<HttpServer>(
        ServerOptions{options.address, options.port, options.token, options.certificate_pem, options.key_pem,
                      options.client_ca_pem, options.bookmark_every},
        impl->api, impl->faults, impl->counters, [raw](const HttpRequest& request) { return raw->control(request); });
    impl->store.on_change([raw] { raw->server->wake(); });
    impl->faults.on_change([raw] { raw->server->faults_changed(); });
    if (!options.state_file.empty()) {
        if (auto opened = impl->journal.open(options.state_file, impl->store); !opened) return opened.error();
    }
    if (auto started = impl->server->start(); !started) return std::move(started).error();
    return std::unique_ptr<ApiServer>(new ApiServer(std::move(impl)));
}

std::uint16_t ApiServer::port() const {
    return impl_->server->port();
}

std::string ApiServer::url() const {
    std::string host = impl_->address;
    if (host == "0.0.0.0") host = "127.0.0.1";
    if (host == "::") host = "::1";
    if (host.find(':') != std::string::npos) host = "[" + host + "]";
    return (impl_->tls ? "https://" : "http://") + host + ":" + std::to_string(port());
}

const std::string& ApiServer::ca_pem() const {
    return impl_->ca_pem;
}

std::string ApiServer::kubeconfig() const {
    Json cluster = {{"server", url()}};
    if (!impl_->ca_pem.empty()) cluster["certificate-authority-data"] = base64(impl_->ca_pem);
    Json user = Json::object();
    {
        std::lock_guard guard(impl_->mutex);
        if (!impl_->token.empty()) user["token"] = impl_->token;
    }
    Json config = {
        {"apiVersion", "v1"},
        {"kind", "Config"},
        {"current-context", "weft"},
        {"clusters", Json::array({{{"name", "weft"}, {"cluster", cluster}}})},
        {"users", Json::array({{{"name", "weft"}, {"user", user}}})},
        {"contexts", Json::array({{{"name", "weft"}, {"context", {{"cluster", "weft"}, {"user", "weft"}}}}})}};
    return config.dump(2) + "\n";
}

void ApiServer::set_token(std::string token) {
    {
        std::lock_guard guard(impl_->mutex);
        impl_->token = token;
    }
    impl_->server->set_token(std::move(token));
}

Result<void> ApiServer::apply_yaml(std::string_view text) {
    std::string why;
    auto objects = parse_manifests(text, why);
    if (!objects) return invalid("the manifest can't be read: " + why);
    for (auto& object : *objects) {
        if (auto applied = impl_->apply(std::move(object)); !applied) return applied;
    }
    return {};
}

Result<void> ApiServer::apply_path(const std::filesystem::path& path) {
    std::vector<std::filesystem::path> files;
    std::error_code error;
    if (std::filesystem::is_directory(path, error)) {
        for (const auto& entry : std::filesystem::directory_iterator(path, error)) {
            auto extension = entry.path().extension();
            if (extension == ".yaml" || extension == ".yml" || extension == ".json") files.push_back(entry.path());
        }
        std::sort(files.begin(), files.end());
    } else {
        files = {path};
    }
    for (const auto& file : files) {
        std::ifstream in(file);
        std::stringstream text;
        text << in.rdbuf();
        if (!in) return invalid("can't read " + file.string());
        if (auto applied = apply_yaml(text.str()); !applied) return Error(applied.error()).at(file.string());
    }
    return {};
}

Result<void> ApiServer::restore(std::string_view text) {
    std::string why;
    auto objects = parse_manifests(text, why);
    if (!objects) return invalid("the objects can't be read: " + why);
    for (auto& object : *objects) {
        auto target = impl_->target_of(object);
        if (!target) return invalid(target.error().message);
        auto restored = impl_->store.restore(*target, std::move(object));
        if (!restored) return error_of(*target, restored.error());
    }
    return {};
}

namespace {

std::string text_of(const Target& target, const Object& object) {
    return Encoder(target.resource, *target.version, Form::whole, RowObject::none).object(object, object.revision);
}

}  // namespace

std::optional<std::string> ApiServer::get(std::string_view kind, std::string_view space, std::string_view name) const {
    auto target = impl_->target_of(kind, space, name);
    if (!target) return {};
    auto object = impl_->store.get(*target);
    if (!object) return {};
    return text_of(*target, *object);
}

std::vector<std::string> ApiServer::list(std::string_view kind, std::string_view space) const {
    std::vector<std::string> out;
    auto target = impl_->target_of(kind, space, "");
    if (!target) return out;
    ListQuery query;
    query.selection.space = space;
    auto listed = impl_->store.list(*target->table, query);
    if (!listed) return out;
    for (const auto& object : listed->items)
        out.push_back(text_of(*target, *object));
    return out;
}

Result<void> ApiServer::remove(std::string_view kind, std::string_view space, std::string_view name,
                               int grace_seconds) {
    auto target = impl_->target_of(kind, space, name);
    if (!target) return invalid("no resource is called \"" + std::string(kind) + "\"");
    auto removed = impl_->store.remove(*target, {.grace = grace_seconds});
    if (!removed) return error_of(*target, removed.error());
    return {};
}

ApiReply ApiServer::request(std::string_view method, std::string_view path, std::string_view body,
                            std::string_view content_type) const {
    HttpRequest request;
    request.method = method;
    request.target = path;
    request.content_type = content_type;
    request.user_agent = "test";
    request.body = body;
    auto reply = impl_->api.handle(request);
    if (!reply.watch) return {reply.response.code, std::move(reply.response.body)};
    // A watch outside of a connection tells what there is by now.
    std::string lines;
    reply.watch->fill(lines, std::string::npos);
    return {200, std::move(lines)};
}

std::uint64_t ApiServer::revision() const {
    return impl_->store.revision();
}

bool ApiServer::wait_for(std::string_view kind, std::string_view space, std::string_view name,
                         const std::function<bool(JsonView)>& holds, Duration within) const {
    auto deadline = std::chrono::steady_clock::now() + within;
    ObjectPtr looked_at;
    for (bool first = true;; first = false) {
        auto revision = impl_->store.revision();
        auto target = impl_->target_of(kind, space, name);  // each time: its definition may come later
        auto object = target ? impl_->store.get(*target) : nullptr;
        if (first || object != looked_at) {
            auto document = JsonDocument::parse(object ? text_of(*target, *object) : "null");
            if (document && holds(object ? document->root() : JsonView())) return true;
        }
        looked_at = object;
        if (!impl_->store.wait_beyond(revision, deadline)) return false;
    }
}

bool ApiServer::wait_gone(std::string_view kind, std::string_view space, std::string_view name, Duration within) const {
    return wait_for(
        kind, space, name, [](JsonView object) { return !object.present(); }, within);
}

int ApiServer::inject(Fault fault) {
    return impl_->faults.inject(std::move(fault));
}

void ApiServer::heal(int id) {
    impl_->faults.heal(id);
}

void ApiServer::heal_all() {
    impl_->faults.heal_all();
}

void ApiServer::drop_watches(std::string_view path) {
    impl_->server->drop_watches(std::string(path));
}

void ApiServer::drop_connections() {
    impl_->server->drop_connections();
}

void ApiServer::close() {
    impl_->server->close();
}

Result<void> ApiServer::listen() {
    return impl_->server->listen();
}

void ApiServer::restart(std::chrono::milliseconds down) {
    impl_->server->restart(down);
}

void ApiServer::compact() {
    impl_->store.compact();
}

void ApiServer::send_bookmarks() {
    impl_->server->send_bookmarks();
}

ApiStats ApiServer::stats() const {
    return impl_->counters.get();
}

void ApiServer::reset_stats() {
    impl_->counters.reset();
}

bool ApiServer::wait_stats(const std::function<bool(const ApiStats&)>& holds, Duration within) const {
    return impl_->counters.wait(holds, std::chrono::steady_clock::now() + within);
}

}  // namespace weft::testing
