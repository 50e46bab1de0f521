#include "tls_certificates.hpp"

#include <memory>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

namespace weft::apiserver {

namespace {

template <auto Free>
struct With {
    template <class T>
    void operator()(T* object) const {
        Free(object);
    }
};
using Key = std::unique_ptr<EVP_PKEY, With<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, With<X509_free>>;
using Memory = std::unique_ptr<BIO, With<BIO_free_all>>;

Key make_key() {
    return Key(EVP_EC_gen("P-256"));
}

bool add_extension(X509* certificate, X509* issuer, int id, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    auto* extension = X509V3_EXT_conf_nid(nullptr, &context, id, value.c_str());
    if (!extension) return false;
    bool added = X509_add_ext(certificate, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return added;
}

/// Not signed yet.
Certificate make_certificate(EVP_PKEY* key, const char* name) {
    Certificate certificate(X509_new());
    std::int64_t serial = 0;
    RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial);
    constexpr long day = 24L * 3600;
    X509_set_version(certificate.get(), X509_VERSION_3);
    ASN1_INTEGER_set_int64(X509_get_serialNumber(certificate.get()), serial & 0x7fffffffffffffff);
    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), day);
    X509_set_pubkey(certificate.get(), key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate.get()), "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(name), -1, -1, 0);
    return certificate;
}

std::string text_of(BIO* memory) {
    char* data = nullptr;
    auto size = BIO_get_mem_data(memory, &data);
    return {data, static_cast<std::size_t>(size)};
}

std::string pem(X509* certificate) {
    Memory memory(BIO_new(BIO_s_mem()));
    PEM_write_bio_X509(memory.get(), certificate);
    return text_of(memory.get());
}

std::string pem(EVP_PKEY* key) {
    Memory memory(BIO_new(BIO_s_mem()));
    PEM_write_bio_PrivateKey(memory.get(), key, nullptr, nullptr, 0, nullptr, nullptr);
    return text_of(memory.get());
}

}  // namespace

Result<Certificates> make_certificates(const std::string& address) {
    Key ca_key = make_key();
    Key key = make_key();
    if (!ca_key || !key) return broken("OpenSSL makes no P-256 key");
    auto ca = make_certificate(ca_key.get(), "weft-apiserver-ca");
    X509_set_issuer_name(ca.get(), X509_get_subject_name(ca.get()));
    bool ok = add_extension(ca.get(), ca.get(), NID_basic_constraints, "critical,CA:TRUE") &&
              add_extension(ca.get(), ca.get(), NID_key_usage, "critical,keyCertSign,cRLSign") &&
              add_extension(ca.get(), ca.get(), NID_subject_key_identifier, "hash") &&
              X509_sign(ca.get(), ca_key.get(), EVP_sha256()) > 0;
    auto server = make_certificate(key.get(), "weft-apiserver");
    X509_set_issuer_name(server.get(), X509_get_subject_name(ca.get()));
    std::string names = "DNS:localhost,DNS:kubernetes,IP:127.0.0.1,IP:::1";
    if (address != "127.0.0.1" && address != "::1") names += ",IP:" + address;
    ok = ok && add_extension(server.get(), ca.get(), NID_basic_constraints, "critical,CA:FALSE") &&
         add_extension(server.get(), ca.get(), NID_ext_key_usage, "serverAuth") &&
         add_extension(server.get(), ca.get(), NID_subject_alt_name, names) &&
         X509_sign(server.get(), ca_key.get(), EVP_sha256()) > 0;
    if (!ok) return broken("OpenSSL makes no certificate for " + address);
    return Certificates{pem(ca.get()), pem(server.get()), pem(key.get())};
}

}  // namespace weft::apiserver
