#pragma once

#include <weft/base/json.hpp>
#include <weft/base/result.hpp>
#include <weft/engine/row.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace weft::node_identity {

inline constexpr std::string_view plugin_name = "node-identity";
inline constexpr std::string_view client_signer = "kubernetes.io/kube-apiserver-client";

/// A CertificateSigningRequest: who asks, and for what.
struct SigningRequest {
    static constexpr std::string_view table_name = "node-identity/SigningRequest";

    Key<SigningRequest> key;  ///< its name
    std::string uid;
    std::string signer;
    bool decided = false;  ///< approved, denied, failed or signed
    std::string username;  ///< who asks, as the API server knows them
    std::vector<std::string> groups;
    std::vector<std::string> usages;
    std::int64_t expiration = 0;  ///< seconds; 0: not said
    std::string common_name;      ///< of the certificate that is asked for
    std::vector<std::string> organizations;
    std::string trouble;                  ///< why the request in it can't be read
    std::vector<std::string> conditions;  ///< that others put, as JSON

    static ObjectRef object(const SigningRequest& r) { return {"CertificateSigningRequest", "", r.key.text, r.uid}; }
    static constexpr auto fields() {
        return std::tuple{field("key", &SigningRequest::key),
                          field("uid", &SigningRequest::uid),
                          field("signer", &SigningRequest::signer),
                          field("decided", &SigningRequest::decided),
                          field("username", &SigningRequest::username),
                          field("groups", &SigningRequest::groups),
                          field("usages", &SigningRequest::usages),
                          field("expiration", &SigningRequest::expiration),
                          field("common_name", &SigningRequest::common_name),
                          field("organizations", &SigningRequest::organizations),
                          field("trouble", &SigningRequest::trouble),
                          field("conditions", &SigningRequest::conditions)};
    }
};

/// Reads one object. Of requests that are decided, or for another signer, no more is kept than that.
Result<RowPtr> parse_request(JsonView object);

}  // namespace weft::node_identity
