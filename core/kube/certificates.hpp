#pragma once

#include <weft/base/clock.hpp>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <openssl/types.h>

namespace weft::kube {

/// What people have to know of a certificate to mend it.
struct CertificateFacts {
    std::string subject;  ///< "O = system:nodes, CN = system:node:n1"
    std::string issuer;
    WallTime not_before{};
    WallTime not_after{};
};

/// Of the first certificate in a PEM text; nothing when there is none that can be read.
std::optional<CertificateFacts> read_certificate(std::string_view pem);
/// Subjects of all certificates in a PEM text: `"CN = kubernetes"`, or `"CN = old" and "CN = new"`.
std::string subjects_of(std::string_view pem);
/// Why these two are no certificate and its key; nothing when they are.
std::optional<std::string> why_no_pair(std::string_view certificate, std::string_view key);

/// Notes why a server's certificate was not believed: libcurl tells the reason only, not whose certificate it was.
class TrustWitness {
  public:
    struct Refusal {
        std::string reason;  ///< "self-signed certificate in certificate chain"
        std::string subject;
        std::string issuer;
        bool unknown_issuer = false;
        bool expired = false;
    };

    /// Has the connections of a context tell this object, which must outlive it.
    void watch(SSL_CTX* context);
    /// The last one, and it is forgotten.
    std::optional<Refusal> take() { return std::exchange(refusal_, std::nullopt); }

  private:
    static int on_verdict(int good, X509_STORE_CTX* store);
    std::optional<Refusal> refusal_;
};

}  // namespace weft::kube
