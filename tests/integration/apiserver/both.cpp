#include "both.hpp"

#include <weft/base/uuid.hpp>

#include <algorithm>

namespace weft::testing {

std::string Both::Answer::causes() const {
    std::string out;
    const auto details = json.value("details", Json::object());
    for (const auto& cause : details.value("causes", Json::array()))
        out += (out.empty() ? "" : ", ") + cause.value("reason", "") + " " + cause.value("field", "");
    return out;
}

std::string Both::Answer::names() const {
    std::string out;
    for (const auto& item : json.value("items", Json::array()))
        out += (out.empty() ? "" : " ") + item["metadata"]["name"].get<std::string>();
    return out;
}

void Both::SetUp() {
    if (GetParam() == ServerKind::embedded) {
        auto started = ApiServer::start({.token = "secret", .tls = true});
        ASSERT_TRUE(started) << started.error().text();
        embedded_ = *std::move(started);
        url = embedded_->url();
        access = {.token = "secret", .ca_pem = embedded_->ca_pem()};
    } else {
        if (const auto why = no_real_server()) GTEST_SKIP() << *why;
        auto& plane = real_server();
        url = plane.endpoint().url;
        access = {.token = plane.endpoint().token, .ca_pem = plane.ca_pem()};
    }
    ns = "t" + Uuid::random().text().substr(0, 8);
    pods = "/api/v1/namespaces/" + ns + "/pods";
    maps = "/api/v1/namespaces/" + ns + "/configmaps";
    make("/api/v1/namespaces", R"({"metadata":{"name":")" + ns + R"("}})");
}

Both::Answer Both::call(const std::string& method, const std::string& path, const std::string& body,
                        const std::string& type, const std::string& accept) const {
    auto options = access;
    options.body = body;
    options.content_type = type;
    options.headers = {"Accept: " + accept};
    const auto answer = http(method, url + path, options);
    EXPECT_EQ(answer.error, "") << method << " " << path;
    return {answer.code, Json::parse(answer.body, nullptr, false), answer.body};
}

Both::Answer Both::apply(const std::string& path, const std::string& manager, Json object, bool force) const {
    if (!object.contains("apiVersion")) object["apiVersion"] = "v1";
    const bool of_map = path.starts_with(maps + "/");
    if (!object.contains("kind")) object["kind"] = of_map ? "ConfigMap" : "Pod";
    const auto name = path.substr((of_map ? maps : pods).size() + 1);
    auto& metadata = object["metadata"];
    if (!metadata.contains("name")) metadata["name"] = name.substr(0, name.find('/'));
    return call("PATCH", path + "?fieldManager=" + manager + (force ? "&force=true" : ""), object.dump(),
                "application/apply-patch+yaml");
}

Both::Answer Both::make(const std::string& path, const std::string& body) const {
    auto answer = post(path, body);
    EXPECT_EQ(answer.code, 201) << path << ": " << answer.body;
    return answer;
}

Both::Answer Both::make_pod(const std::string& name, const std::string& node, const std::string& labels) const {
    return make(pods, R"({"metadata":{"name":")" + name + R"(","labels":)" + labels + R"(},"spec":{)" +
                          (node.empty() ? "" : R"("nodeName":")" + node + R"(",)") +
                          R"("containers":[{"name":"c","image":"x"}]}})");
}

Both::Answer Both::make_map(const std::string& name, const std::string& more_metadata) const {
    return make(maps, R"({"metadata":{"name":")" + name + "\"" + more_metadata + "}}");
}

std::unique_ptr<HttpStream> Both::watch(const std::string& path, const std::string& query) const {
    return std::make_unique<HttpStream>(url + path + "?watch=1" + (query.empty() ? "" : "&" + query), access);
}

std::string Both::events(HttpStream& stream, const std::string& expected) {
    const auto count = static_cast<std::size_t>(std::count(expected.begin(), expected.end(), ',')) + 1;
    stream.wait_lines(count);
    std::string out;
    const auto lines = stream.lines();
    for (std::size_t i = 0; i < std::min(count, lines.size()); ++i)
        out += (i == 0 ? "" : ", ") + event_name(lines[i]);
    return out;
}

void Both::forget_history() const {
    if (embedded_) {
        embedded_->compact();
        return;
    }
    auto& plane = real_server();
    auto done = plane.compact();
    if (done) done = plane.restart();
    ASSERT_TRUE(done) << done.error().text();
}

}  // namespace weft::testing
