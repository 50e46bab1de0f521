#include "kube/client_certificate.hpp"

#include "kube/openssl.hpp"

#include <cstdint>
#include <ctime>

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>

namespace weft::kube {

namespace {

using namespace openssl;

/// Says what OpenSSL says, and leaves no error in its queue for others.
Error trouble(std::string what) {
    char text[256] = "";
    if (const auto code = ERR_peek_error(); code != 0) ERR_error_string_n(code, text, sizeof(text));
    ERR_clear_error();
    if (*text != '\0') what += std::string(": ") + text;
    return invalid(std::move(what));
}

/// Runs `write` on a buffer and returns what it wrote; empty when it failed.
template <class Write>
std::string written(Write&& write) {
    const Bio out(BIO_new(BIO_s_mem()));
    if (!out || write(out.get()) != 1) return {};
    char* text = nullptr;
    const long size = BIO_get_mem_data(out.get(), &text);
    return {text, static_cast<std::size_t>(size)};
}

Result<WallTime> time_of(const ASN1_TIME* time) {
    std::tm parts{};
    if (ASN1_TIME_to_tm(time, &parts) != 1) return trouble("a time in the certificate can't be read");
    return std::chrono::system_clock::from_time_t(timegm(&parts));
}

std::string common_name_of(const X509* certificate) {
    const X509_NAME* name = X509_get_subject_name(certificate);
    const int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
    if (at < 0) return {};
    unsigned char* raw = nullptr;
    const int size = ASN1_STRING_to_UTF8(&raw, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
    if (size < 0) return {};
    std::string text(reinterpret_cast<const char*>(raw), static_cast<std::size_t>(size));
    OPENSSL_free(raw);
    return text;
}

}  // namespace

Result<ClientCertificate> read_client_certificate(std::string_view pem) {
    const auto certificate_bio = reader(pem);
    const Certificate certificate(PEM_read_bio_X509(certificate_bio.get(), nullptr, no_pass_phrase, nullptr));
    if (!certificate) return trouble("holds no certificate");
    const auto key_bio = reader(pem);
    const Key key(PEM_read_bio_PrivateKey(key_bio.get(), nullptr, no_pass_phrase, nullptr));
    if (!key) return trouble("holds no private key");
    if (X509_check_private_key(certificate.get(), key.get()) != 1)
        return trouble("the key is not that of the certificate");
    ClientCertificate out;
    out.common_name = common_name_of(certificate.get());
    const auto before = time_of(X509_get0_notBefore(certificate.get()));
    if (!before) return before.error();
    const auto after = time_of(X509_get0_notAfter(certificate.get()));
    if (!after) return after.error();
    out.not_before = *before;
    out.not_after = *after;
    return out;
}

Result<CertificateRequest> make_certificate_request(const std::string& common_name, const std::string& organization) {
    const Key key(EVP_EC_gen("P-256"));
    const Request request(X509_REQ_new());
    if (!key || !request) return trouble("no key can be made");
    X509_NAME* name = X509_REQ_get_subject_name(request.get());
    const auto add = [&](int kind, const std::string& text) {
        return X509_NAME_add_entry_by_NID(name, kind, MBSTRING_UTF8,
                                          reinterpret_cast<const unsigned char*>(text.data()),
                                          static_cast<int>(text.size()), -1, 0) == 1;
    };
    if (!add(NID_organizationName, organization) || !add(NID_commonName, common_name) ||
        X509_REQ_set_version(request.get(), X509_REQ_VERSION_1) != 1 ||
        X509_REQ_set_pubkey(request.get(), key.get()) != 1 ||
        X509_REQ_sign(request.get(), key.get(), EVP_sha256()) == 0) {
        return trouble("no certificate request can be made for " + common_name);
    }
    CertificateRequest out;
    out.key = written(
        [&](BIO* to) { return PEM_write_bio_PrivateKey(to, key.get(), nullptr, nullptr, 0, no_pass_phrase, nullptr); });
    out.request = written([&](BIO* to) { return PEM_write_bio_X509_REQ(to, request.get()); });
    if (out.key.empty() || out.request.empty()) return trouble("no certificate request can be written");
    return out;
}

}  // namespace weft::kube
