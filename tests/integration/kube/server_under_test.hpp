#pragma once

#include "kube/access.hpp"
#include "kube/client.hpp"

#include <weft/base/json.hpp>
#include <weft/testing/api_server.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace weft::kube::test {

enum class ServerKind {
    embedded,      ///< in memory
    embedded_tls,  ///< the same behind TLS
    real,          ///< kube-apiserver: the test program's own, or the one that WEFT_TEST_KUBECONFIG leads to
};

/// The API server that a test runs against. Objects that a test makes carry a name of its own and are removed at the
/// end.
class ServerUnderTest {
  public:
    ServerUnderTest();
    ~ServerUnderTest();

    /// Why there is none of that kind here; nothing when there is.
    static std::optional<std::string> missing(ServerKind kind);
    void start(ServerKind kind);

    /// Null for a real server: faults can't be asked for there.
    testing::ApiServer* embedded() { return embedded_.get(); }
    const Access& access() const { return access_; }
    /// A namespace of this test's own.
    const std::string& ns() const { return ns_; }
    /// A node name of this test's own.
    std::string node(const std::string& name) const { return ns_ + "-" + name; }

    void make_node(const std::string& name);
    void make_pod(const std::string& name, const std::string& node, const std::string& labels = "{}",
                  const std::string& annotations = "{}");
    void delete_pod(const std::string& name);
    /// As somebody else would: a merge patch of metadata.
    void patch(const std::string& path, const std::string& body);
    std::string pod_path(const std::string& name) const { return "/api/v1/namespaces/" + ns_ + "/pods/" + name; }
    std::string node_path(const std::string& name) const { return "/api/v1/nodes/" + node(name); }
    /// The text of an annotation, empty when there is none.
    std::string annotation(const std::string& path, const std::string& name);
    JsonDocument get(const std::string& path);
    Answer call(Method method, const std::string& path, const std::string& body = {},
                std::string_view type = "application/json");

  private:
    void choose(ServerKind kind);

    std::unique_ptr<testing::ApiServer> embedded_;
    Access access_;
    std::optional<Client> client_;
    std::string ns_;
    std::vector<std::string> cleanup_;
};

}  // namespace weft::kube::test
