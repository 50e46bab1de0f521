#include "kube/certificates.hpp"

#include "kube/openssl.hpp"

#include <weft/base/json.hpp>

#include <ctime>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

namespace weft::kube {

namespace {

using namespace openssl;

Certificate next_certificate(BIO* from) {
    Certificate found(PEM_read_bio_X509(from, nullptr, no_pass_phrase, nullptr));
    ERR_clear_error();
    return found;
}

std::string text_of(const X509_NAME* name) {
    const Bio out(BIO_new(BIO_s_mem()));
    X509_NAME_print_ex(out.get(), name, 0, XN_FLAG_ONELINE & ~ASN1_STRFLGS_ESC_MSB);
    char* text = nullptr;
    const long size = BIO_get_mem_data(out.get(), &text);
    return {text, static_cast<std::size_t>(size)};
}

WallTime time_of(const ASN1_TIME* time) {
    std::tm parts{};
    if (ASN1_TIME_to_tm(time, &parts) != 1) return {};
    return std::chrono::time_point_cast<WallTime::duration>(std::chrono::system_clock::from_time_t(timegm(&parts)));
}

int witness_slot() {
    static const int slot = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
    return slot;
}

}  // namespace

std::optional<CertificateFacts> read_certificate(std::string_view pem) {
    const Bio text = reader(pem);
    const auto certificate = next_certificate(text.get());
    if (!certificate) return std::nullopt;
    return CertificateFacts{
        text_of(X509_get_subject_name(certificate.get())), text_of(X509_get_issuer_name(certificate.get())),
        time_of(X509_get0_notBefore(certificate.get())), time_of(X509_get0_notAfter(certificate.get()))};
}

std::string subjects_of(std::string_view pem) {
    const Bio text = reader(pem);
    std::string list;
    while (const auto certificate = next_certificate(text.get()))
        list += (list.empty() ? "" : " and ") + json_quote(text_of(X509_get_subject_name(certificate.get())));
    return list.empty() ? "no certificate" : list;
}

std::optional<std::string> why_no_pair(std::string_view certificate, std::string_view key) {
    const Bio certificate_text = reader(certificate);
    const auto first = next_certificate(certificate_text.get());
    if (!first) return "there is no PEM certificate in it";
    const Bio key_text = reader(key);
    const Key secret(PEM_read_bio_PrivateKey(key_text.get(), nullptr, no_pass_phrase, nullptr));
    ERR_clear_error();
    if (!secret) return "there is no PEM key in it that can be read without a pass phrase";
    const bool match = X509_check_private_key(first.get(), secret.get()) == 1;
    ERR_clear_error();
    return match ? std::nullopt : std::optional<std::string>("the key is not the certificate's");
}

void TrustWitness::watch(SSL_CTX* context) {
    SSL_CTX_set_ex_data(context, witness_slot(), this);
    SSL_CTX_set_verify(context, SSL_CTX_get_verify_mode(context), on_verdict);
}

/// Changes no verdict.
int TrustWitness::on_verdict(int good, X509_STORE_CTX* store) {
    if (good == 1) return good;
    const auto* session =
        static_cast<const SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
    if (session == nullptr) return good;
    auto* self = static_cast<TrustWitness*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(session), witness_slot()));
    const X509* certificate = X509_STORE_CTX_get_current_cert(store);
    if (self == nullptr || certificate == nullptr) return good;
    const int why = X509_STORE_CTX_get_error(store);
    self->refusal_ = Refusal{
        .reason = X509_verify_cert_error_string(why),
        .subject = text_of(X509_get_subject_name(certificate)),
        .issuer = text_of(X509_get_issuer_name(certificate)),
        .unknown_issuer = why == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY ||
                          why == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT || why == X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN ||
                          why == X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT ||
                          why == X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE,
        .expired = why == X509_V_ERR_CERT_HAS_EXPIRED || why == X509_V_ERR_CERT_NOT_YET_VALID,
    };
    return good;
}

}  // namespace weft::kube
