#pragma once

#include "api.hpp"
#include "defaults.hpp"
#include "yaml.hpp"

#include <string>
#include <vector>

namespace weft::apiserver {

/// The API without sockets: requests in, codes and JSON out.
struct Cluster {
    struct Answer {
        int code = 0;
        Json json;
        std::string text;
    };

    explicit Cluster(std::size_t history = 1000) : store(options(history)) {}

    Answer call(const std::string& method, const std::string& target, const std::string& body = {},
                const std::string& type = "application/json", const std::string& accept = {}) {
        HttpRequest request;
        request.method = method;
        request.target = target;
        request.body = body;
        request.content_type = type;
        request.accept = accept;
        request.user_agent = "tester/1.0";
        auto reply = api.handle(request);
        watch = std::move(reply.watch);
        if (watch) return {200, {}, ""};
        return {reply.response.code, Json::parse(reply.response.body, nullptr, false), reply.response.body};
    }
    Answer get(const std::string& target) { return call("GET", target); }
    Answer post(const std::string& target, const std::string& yaml) {
        return call("POST", target, yaml, "application/yaml");
    }
    Answer put(const std::string& target, const Json& object) { return call("PUT", target, object.dump()); }
    Answer merge(const std::string& target, const std::string& patch) {
        return call("PATCH", target, patch, "application/merge-patch+json");
    }
    Answer json_patch(const std::string& target, const std::string& patch) {
        return call("PATCH", target, patch, "application/json-patch+json");
    }
    Answer strategic(const std::string& target, const std::string& patch) {
        return call("PATCH", target, patch, "application/strategic-merge-patch+json");
    }
    /// The object's name, which every applied object has to say, is put in where it says no metadata.
    Answer apply(const std::string& target, const std::string& manager, std::string yaml, bool force = false) {
        if (yaml.starts_with("{") && yaml.find("metadata:") == std::string::npos) {
            auto object = target.ends_with("/status") ? target.substr(0, target.rfind('/')) : target;
            yaml = "{metadata: {name: " + object.substr(object.rfind('/') + 1) + "}, " + yaml.substr(1);
        }
        return call("PATCH", target + "?fieldManager=" + manager + (force ? "&force=true" : ""), yaml,
                    "application/apply-patch+yaml");
    }
    Answer remove(const std::string& target, const std::string& body = {}) { return call("DELETE", target, body); }

    void space(const std::string& name) { post("/api/v1/namespaces", "metadata: {name: " + name + "}"); }
    Answer pod(const std::string& name, const std::string& node = {}, const std::string& labels = "{}") {
        std::string spec = "containers: [{name: c, image: x}]";
        if (!node.empty()) spec += ", nodeName: " + node;
        return post("/api/v1/namespaces/default/pods",
                    "metadata: {name: " + name + ", labels: " + labels + "}\nspec: {" + spec + "}");
    }

    /// What the watch of the last call says now, one event each.
    std::vector<Json> events() {
        std::string lines;
        ended = watch->fill(lines, std::string::npos) == Watch::State::ended;
        std::vector<Json> out;
        for (std::size_t at = 0; at < lines.size();) {
            auto end = lines.find('\n', at);
            out.push_back(Json::parse(lines.substr(at, end - at)));
            at = end + 1;
        }
        return out;
    }
    /// "ADDED p1 MODIFIED p2"
    std::string event_names() {
        std::string out;
        for (const auto& event : events()) {
            auto name = text_at(event, {"object", "metadata", "name"});
            out += (out.empty() ? "" : " ") + std::string(text_at(event, {"type"})) + (name.empty() ? "" : " ") +
                   std::string(name);
        }
        return out;
    }

    static StoreOptions options(std::size_t history) {
        StoreOptions out;
        out.history = history;
        out.service_ranges = {*IpPrefix::parse("10.96.0.0/16"), *IpPrefix::parse("fd00:10:96::/112")};
        out.clock = &clock();
        return out;
    }
    static ManualClock& clock() {
        static ManualClock clock;
        return clock;
    }

    Store store;
    Api api{store, "v1.32.0"};
    std::unique_ptr<Watch> watch;
    bool ended = false;
};

/// YAML to Json, for short tests.
inline Json yaml(const std::string& text) {
    std::string why;
    auto json = parse_yaml(text, why);
    return json ? *json : Json(why);
}

inline std::string revision_of(const Json& object) {
    return std::string(text_at(object, {"metadata", "resourceVersion"}));
}

/// Names of a list's items: "a b c".
inline std::string names_of(const Json& list) {
    std::string out;
    for (const auto& item : list_at(list, {"items"})) {
        out += (out.empty() ? "" : " ") + std::string(text_at(item, {"metadata", "name"}));
    }
    return out;
}

}  // namespace weft::apiserver
