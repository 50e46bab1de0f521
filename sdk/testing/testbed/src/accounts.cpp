#include "accounts.hpp"

#include <weft/base/json.hpp>
#include <weft/testing/testbed/wait.hpp>

#include <fstream>
#include <set>

namespace weft::testing {

namespace {

constexpr auto* path = "/api/v1/namespaces/ovn-kubernetes/serviceaccounts";
constexpr auto* user_prefix = "system:serviceaccount:ovn-kubernetes:";

struct Account {
    const char* role;
    const char* name;
    const char* right;  ///< attributes of something that it may do
};
constexpr Account accounts[] = {
    {"cluster", "ovnkube-cluster-manager",
     R"("group": "coordination.k8s.io", "resource": "leases", "verb": "update", "namespace": "ovn-kubernetes")"},
    {"node", "ovnkube-node", R"("group": "", "resource": "events", "verb": "create")"}};

Result<bool> is_allowed(const KubeClient& admin, const std::string& user, const std::string& attributes) {
    auto answer =
        admin.create("/apis/authorization.k8s.io/v1/subjectaccessreviews",
                     R"({"spec": {"user": )" + json_quote(user) + R"(, "resourceAttributes": {)" + attributes + "}}}");
    if (!answer) return answer.error();
    return answer->root()["status"]["allowed"].boolean().value_or(false);
}

}  // namespace

Result<Accounts> Accounts::make(const KubeClient& admin, const std::filesystem::path& dir) {
    Accounts made(dir);
    std::error_code failed;
    std::filesystem::create_directories(dir, failed);
    for (const Account& account : accounts) {
        const auto object = R"({"metadata": {"name": ")" + std::string(account.name) + "\"}}";
        if (auto created = admin.create(path, object); !created) return created.error();
        auto token = admin.create(std::string(path) + "/" + account.name + "/token",
                                  R"({"spec": {"expirationSeconds": 86400}})");
        if (!token) return token.error();
        std::ofstream out(made.token_file(account.role));
        out << token->root()["status"]["token"].string_or("") << "\n" << std::flush;
        if (!out) return again("can't write " + made.token_file(account.role).string());
        auto known = wait_for("the rights of " + std::string(account.name), [&]() -> Result<void> {
            auto allowed = is_allowed(admin, std::string(user_prefix) + account.name, account.right);
            if (!allowed) return allowed.error();
            return *allowed ? Result<void>() : Result<void>(waiting("it has none"));
        });
        if (!known) return known.error();
    }
    return made;
}

std::string Accounts::audit_policy() {
    std::string users;
    for (const auto& account : accounts)
        users += (users.empty() ? "\"" : ", \"") + std::string(user_prefix) + account.name + "\"";
    return "apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [RequestReceived, ResponseStarted]\nrules:\n"
           "- {level: Metadata, users: [" +
           users + "]}\n- {level: None}\n";
}

Result<std::vector<std::string>> Accounts::lacks(const KubeClient& admin, const std::filesystem::path& audit_log,
                                                 std::uintmax_t place) {
    std::ifstream log(audit_log);
    log.seekg(static_cast<std::streamoff>(place));
    std::set<std::pair<std::string, std::string>> forbidden;  ///< user, attributes
    for (std::string line; std::getline(log, line);) {
        const auto event = JsonDocument::parse(line);
        if (!event || event->root()["responseStatus"]["code"].integer().value_or(0) != 403) continue;
        const auto object = event->root()["objectRef"];
        const auto text = [&](const char* member) { return json_quote(object[member].string_or("")); };
        forbidden.emplace(event->root()["user"]["username"].string_or(""),
                          R"("group": )" + text("apiGroup") + R"(, "resource": )" + text("resource") +
                              R"(, "subresource": )" + text("subresource") + R"(, "namespace": )" + text("namespace") +
                              R"(, "name": )" + text("name") + R"(, "verb": )" +
                              json_quote(event->root()["verb"].string_or("")));
    }
    std::vector<std::string> lacking;
    for (const auto& [user, attributes] : forbidden) {
        auto allowed = is_allowed(admin, user, attributes);
        if (!allowed) return allowed.error();
        if (!*allowed) lacking.push_back(std::string(user).append(": ").append(attributes));
    }
    return lacking;
}

}  // namespace weft::testing
