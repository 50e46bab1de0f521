#pragma once

#include <weft/base/clock.hpp>
#include <weft/base/result.hpp>

#include <string>
#include <string_view>

namespace weft::kube {

/// A client certificate with its key, as one PEM file holds them.
struct ClientCertificate {
    std::string common_name;
    WallTime not_before;
    WallTime not_after;
};

/// Reads the first certificate of a PEM text that also holds its key; an error when either is missing, broken, or not
/// made for the other.
Result<ClientCertificate> read_client_certificate(std::string_view pem);

/// A fresh key (ECDSA, P-256) and the request (PKCS #10) to certify it, both PEM.
struct CertificateRequest {
    std::string key;
    std::string request;
};
Result<CertificateRequest> make_certificate_request(const std::string& common_name, const std::string& organization);

}  // namespace weft::kube
