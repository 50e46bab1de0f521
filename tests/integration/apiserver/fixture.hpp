#pragma once

#include "http_client.hpp"

#include <gtest/gtest.h>

namespace weft::testing {

/// A server of its own for each test.
struct Server {
    explicit Server(ApiServerOptions options = {}) {
        auto started = ApiServer::start(std::move(options));
        if (!started) throw std::runtime_error(started.error().text());
        api = std::move(*started);
    }
    ApiServer* operator->() { return api.get(); }

    std::string url(const std::string& path) const { return api->url() + path; }
    HttpAnswer get(const std::string& path) const { return http("GET", url(path)); }
    HttpAnswer merge(const std::string& path, const std::string& patch) const {
        return http("PATCH", url(path), {.body = patch, .content_type = "application/merge-patch+json"});
    }
    void pod(const std::string& name, const std::string& node = "n1") const {
        auto made = api->apply_yaml("{apiVersion: v1, kind: Pod, metadata: {name: " + name +
                                    "}, spec: {nodeName: " + node + ", containers: [{name: c, image: x}]}}");
        ASSERT_TRUE(made) << made.error().text();
    }
    bool wait_watches(std::uint64_t count) const {
        return api->wait_stats([&](const ApiStats& stats) { return stats.watches == count; });
    }

    std::unique_ptr<ApiServer> api;
};

inline const std::string pods_path = "/api/v1/namespaces/default/pods";

}  // namespace weft::testing
