#pragma once

#include "../real_server.hpp"
#include "http_client.hpp"
#include "throwing_json.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace weft::testing {

enum class ServerKind { embedded, real };

/// What the embedded API server guarantees is what the real one does: each test here runs against both, in a namespace
/// of its own.
class Both : public ::testing::TestWithParam<ServerKind> {
  protected:
    using Json = nlohmann::json;
    struct Answer {
        long code = 0;
        Json json;
        std::string body;

        std::string name() const { return json["metadata"]["name"]; }
        std::string uid() const { return json["metadata"]["uid"]; }
        std::string version() const { return json["metadata"]["resourceVersion"]; }
        std::string reason() const { return json.value("reason", ""); }
        /// "reason field, reason field" of a Status
        std::string causes() const;
        /// Names of a list's items: "a b c".
        std::string names() const;
    };

    void SetUp() override;

    Answer call(const std::string& method, const std::string& path, const std::string& body = {},
                const std::string& type = "application/json", const std::string& accept = "application/json") const;
    Answer get(const std::string& path) const { return call("GET", path); }
    Answer post(const std::string& path, const std::string& body) const { return call("POST", path, body); }
    Answer put(const std::string& path, const Json& object) const { return call("PUT", path, object.dump()); }
    Answer merge(const std::string& path, const std::string& patch) const {
        return call("PATCH", path, patch, "application/merge-patch+json");
    }
    Answer json_patch(const std::string& path, const std::string& patch) const {
        return call("PATCH", path, patch, "application/json-patch+json");
    }
    Answer strategic(const std::string& path, const std::string& patch) const {
        return call("PATCH", path, patch, "application/strategic-merge-patch+json");
    }
    /// Server-side apply; the object needs no apiVersion, kind and name.
    Answer apply(const std::string& path, const std::string& manager, Json object, bool force = false) const;
    Answer remove(const std::string& path, const std::string& body = {}) const { return call("DELETE", path, body); }

    /// Creates; a failure fails the test.
    Answer make(const std::string& path, const std::string& body) const;
    Answer make_pod(const std::string& name, const std::string& node = {}, const std::string& labels = "{}") const;
    Answer make_map(const std::string& name, const std::string& more_metadata = {}) const;

    /// A watch that lives as long as it is kept.
    std::unique_ptr<HttpStream> watch(const std::string& path, const std::string& query) const;
    /// The first events of a watch: "ADDED p1, MODIFIED p1". Waits for as many as there are in `expected`.
    static std::string events(HttpStream& stream, const std::string& expected);

    /// From now on versions of before are forgotten.
    void forget_history() const;

    std::string ns, pods, maps;
    std::string url;
    HttpOptions access;  ///< what an administrator sends

  private:
    std::unique_ptr<ApiServer> embedded_;
};

#define WEFT_ON_BOTH_SERVERS(suite)                                                     \
    INSTANTIATE_TEST_SUITE_P(Embedded, suite, ::testing::Values(ServerKind::embedded)); \
    INSTANTIATE_TEST_SUITE_P(Real, suite, ::testing::Values(ServerKind::real))

}  // namespace weft::testing
