#include "conditions.hpp"
#include "decide.hpp"
#include "request.hpp"

#include <weft/plugin/fingerprint.hpp>
#include <weft/plugin/plugin.hpp>

namespace weft::node_identity {

namespace {

constexpr const char* group = "certificates.k8s.io";
constexpr const char* requests = "certificatesigningrequests";

Result<void> check_conditions(std::string_view value) {
    const auto conditions = parse_conditions(value);
    return conditions ? Result<void>() : Result<void>(conditions.error());
}

}  // namespace

/// Each node's weftd has an identity of its own: README.md.
class NodeIdentity final : public Plugin {
    void declare(Declare& d) override {
        d.resource({.group = group,
                    .version = "v1",
                    .resource = requests,
                    .kind = "CertificateSigningRequest",
                    .namespaced = false,
                    .table = table_spec<SigningRequest>(),
                    .parse = parse_request,
                    .status = "approval"},
                   WatchScope::all, Role::cluster);
        d.setting(
            {"conditions", "",
             "More requests to approve, as a JSON list of {commonNamePrefix, organizations, groups, userPrefixes}.",
             check_conditions});
        d.rule<DecideRequest>("decide-request", Role::cluster);
        d.access({group, "signers", {"approve"}, {std::string(client_signer)}}, Role::cluster);
        // A node's weftd asks for its next certificate itself, the kubelet's identity for the first one.
        d.access({group, requests, {"create", "get"}}, Role::node);
        d.access({group, requests, {"create", "get"}, {}, "system:nodes"}, Role::node);
        d.subject("system:ovn-nodes", Role::node);
    }
};

}  // namespace weft::node_identity

WEFT_PLUGIN(weft::node_identity::NodeIdentity, .name = "node-identity", .version = "0.1.0")
