#include "server_under_test.hpp"

#include "../real_server.hpp"

#include <weft/base/uuid.hpp>

#include <cstdlib>
#include <stdexcept>

namespace weft::kube::test {

namespace {

std::string foreign_kubeconfig() {
    const char* path = std::getenv("WEFT_TEST_KUBECONFIG");
    return path == nullptr ? "" : path;
}

}  // namespace

ServerUnderTest::ServerUnderTest() : ns_("weft-" + Uuid::random().text().substr(0, 8)) {}

std::optional<std::string> ServerUnderTest::missing(ServerKind kind) {
    if (kind != ServerKind::real || !foreign_kubeconfig().empty()) return std::nullopt;
    return testing::no_real_server();
}

void ServerUnderTest::choose(ServerKind kind) {
    if (kind != ServerKind::real) {
        testing::ApiServerOptions options;
        options.tls = kind == ServerKind::embedded_tls;
        options.token = "integration";
        auto started = testing::ApiServer::start(options);
        if (!started) throw std::runtime_error(started.error().text());
        embedded_ = *std::move(started);
        access_.server = embedded_->url();
        access_.ca = embedded_->ca_pem();
        access_.token = options.token;
    } else if (const auto kubeconfig = foreign_kubeconfig(); !kubeconfig.empty()) {
        auto access = access_from_kubeconfig(kubeconfig);
        if (!access) throw std::runtime_error(access.error().text());
        access_ = *std::move(access);
    } else {
        auto& plane = testing::real_server();
        access_.server = plane.endpoint().url;
        access_.ca = plane.ca_pem();
        access_.token = plane.endpoint().token;
    }
}

void ServerUnderTest::start(ServerKind kind) {
    choose(kind);
    client_.emplace(access_);
    client_->start();
    call(Method::post, "/api/v1/namespaces",
         R"({"apiVersion":"v1","kind":"Namespace","metadata":{"name":")" + ns_ + R"("}})");
    cleanup_.push_back("/api/v1/namespaces/" + ns_);
}

ServerUnderTest::~ServerUnderTest() {
    if (embedded_ || !client_) return;
    for (auto path = cleanup_.rbegin(); path != cleanup_.rend(); ++path) {
        Request request;
        request.method = Method::del;
        request.path = *path;
        request.body = R"({"kind":"DeleteOptions","apiVersion":"v1","gracePeriodSeconds":0})";
        client_->call(std::move(request));
    }
}

Answer ServerUnderTest::call(Method method, const std::string& path, const std::string& body, std::string_view type) {
    Request request;
    request.method = method;
    request.path = path;
    request.body = body;
    request.content_type = type;
    Answer answer = client_->call(std::move(request));
    if (!answer.ok()) throw std::runtime_error(answer.error(std::string(to_string(method)) + " " + path).text());
    return answer;
}

void ServerUnderTest::make_node(const std::string& name) {
    call(Method::post, "/api/v1/nodes",
         R"({"apiVersion":"v1","kind":"Node","metadata":{"name":")" + node(name) +
             R"("},"spec":{"taints":[{"key":"weft","effect":"NoExecute"}]}})");
    cleanup_.push_back(node_path(name));
    patch(node_path(name) + "/status", R"({"status":{"addresses":[{"type":"InternalIP","address":"192.0.2.7"}]}})");
}

void ServerUnderTest::make_pod(const std::string& name, const std::string& node, const std::string& labels,
                               const std::string& annotations) {
    call(Method::post, "/api/v1/namespaces/" + ns_ + "/pods",
         R"({"apiVersion":"v1","kind":"Pod","metadata":{"name":")" + name + R"(","labels":)" + labels +
             R"(,"annotations":)" + annotations + R"(},"spec":{"nodeName":")" + node +
             R"(","automountServiceAccountToken":false,"tolerations":[{"operator":"Exists"}],)"
             R"("containers":[{"name":"c","image":"example.com/none"}]}})");
    cleanup_.push_back(pod_path(name));
}

void ServerUnderTest::delete_pod(const std::string& name) {
    call(Method::del, pod_path(name), R"({"kind":"DeleteOptions","apiVersion":"v1","gracePeriodSeconds":0})");
    std::erase(cleanup_, pod_path(name));
}

void ServerUnderTest::patch(const std::string& path, const std::string& body) {
    call(Method::patch, path, body, "application/merge-patch+json");
}

JsonDocument ServerUnderTest::get(const std::string& path) {
    auto document = JsonDocument::parse(call(Method::get, path).body);
    if (!document) throw std::runtime_error(document.error().text());
    return *std::move(document);
}

std::string ServerUnderTest::annotation(const std::string& path, const std::string& name) {
    return std::string(get(path).root()["metadata"]["annotations"][name].string_or(""));
}

}  // namespace weft::kube::test
