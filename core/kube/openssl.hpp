#pragma once

#include <memory>
#include <string_view>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

/// OpenSSL's objects with owners, for what reads and writes certificates.
namespace weft::kube::openssl {

template <auto release>
struct Release {
    template <class T>
    void operator()(T* held) const {
        release(held);
    }
};
using Bio = std::unique_ptr<BIO, Release<BIO_free_all>>;
using Certificate = std::unique_ptr<X509, Release<X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Release<EVP_PKEY_free>>;
using Request = std::unique_ptr<X509_REQ, Release<X509_REQ_free>>;

/// Of a text that outlives it.
inline Bio reader(std::string_view text) {
    return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

/// For what PEM functions ask a pass phrase from: nobody is here to be asked, so a file with one is an error.
inline int no_pass_phrase(char*, int, int, void*) {
    return -1;
}

}  // namespace weft::kube::openssl
