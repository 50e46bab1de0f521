#pragma once

#include <weft/base/result.hpp>
#include <weft/testing/testbed/kube_client.hpp>

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace weft::testing {

/// Who weftd is in a real API server: two service accounts that are allowed what `weftctl rbac --bind` prints, and
/// nothing else.
class Accounts {
  public:
    /// Makes them, with a token in a file each, and waits until the authorizer knows of a right of each. The roles and
    /// bindings are there.
    static Result<Accounts> make(const KubeClient& admin, const std::filesystem::path& dir);

    std::filesystem::path token_file(const std::string& role) const { return dir_ / (role + ".token"); }

    /// An audit policy that writes down what they ask, and nothing of others.
    static std::string audit_policy();
    /// What they were forbidden since a place in the audit log and still are: rules that `weftctl rbac` lacks. While an
    /// API server starts it forbids everything, which is no lack.
    static Result<std::vector<std::string>> lacks(const KubeClient& admin, const std::filesystem::path& audit_log,
                                                  std::uintmax_t place);

  private:
    explicit Accounts(std::filesystem::path dir) : dir_(std::move(dir)) {}
    std::filesystem::path dir_;
};

}  // namespace weft::testing
