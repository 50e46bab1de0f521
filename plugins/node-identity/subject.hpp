#pragma once

#include <weft/base/result.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace weft::node_identity {

/// Whom a PKCS #10 request asks a certificate for.
struct Subject {
    std::string common_name;
    std::vector<std::string> organizations;
};

/// Reads spec.request of a CertificateSigningRequest: base64 of one PEM block. Strict, because whoever signs reads it
/// with another library: anything that two readers could take for two different requests is an error.
Result<Subject> read_subject(std::string_view base64);

}  // namespace weft::node_identity
