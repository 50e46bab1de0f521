#include "subject.hpp"

#include <cstddef>
#include <memory>
#include <utility>

#include <openssl/evp.h>
#include <openssl/x509.h>

namespace weft::node_identity {

namespace {

constexpr std::string_view first_line = "-----BEGIN CERTIFICATE REQUEST-----";
constexpr std::string_view last_line = "-----END CERTIFICATE REQUEST-----";
constexpr std::size_t longest = 64U << 10;

using RequestPtr = std::unique_ptr<X509_REQ, decltype(&X509_REQ_free)>;

Error wrong(std::string what) {
    return {ErrorKind::invalid, std::move(what), "spec.request", "make it anew: openssl req -new"};
}

/// Base64 in whole groups of four, line breaks anywhere.
Result<std::string> decode(std::string_view text) {
    std::string digits;
    digits.reserve(text.size());
    for (const char c : text) {
        if (c != '\n' && c != '\r') digits.push_back(c);
    }
    if (digits.size() > longest) return wrong("is larger than 64 KiB");
    if (digits.empty() || digits.size() % 4 != 0 || digits.find_first_of(" \t") != std::string::npos)
        return wrong("is no base64");
    std::string bytes(digits.size() / 4 * 3, '\0');
    const int size =
        EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                        reinterpret_cast<const unsigned char*>(digits.data()), static_cast<int>(digits.size()));
    if (size < 0) return wrong("is no base64");
    std::size_t padding = 0;
    while (padding < digits.size() && digits[digits.size() - 1 - padding] == '=')
        ++padding;
    if (padding > 2) return wrong("is no base64");
    bytes.resize(static_cast<std::size_t>(size) - padding);
    return bytes;
}

/// What stands between the lines of the one block; nothing stands before or after it.
Result<std::string> body_of_pem(std::string_view pem) {
    while (!pem.empty() && (pem.back() == '\n' || pem.back() == '\r'))
        pem.remove_suffix(1);
    if (!pem.starts_with(first_line) || !pem.ends_with(last_line) || pem.size() < first_line.size() + last_line.size())
        return wrong("is not one PEM block CERTIFICATE REQUEST");
    pem.remove_prefix(first_line.size());
    pem.remove_suffix(last_line.size());
    if (pem.find('-') != std::string_view::npos || pem.find(':') != std::string_view::npos)
        return wrong("is more than one PEM block, or has headers");
    return decode(pem);
}

Result<std::string> text_of(const X509_NAME_ENTRY* entry) {
    unsigned char* raw = nullptr;
    const int size = ASN1_STRING_to_UTF8(&raw, X509_NAME_ENTRY_get_data(entry));
    if (size < 0) return wrong("has a subject that is no text");
    std::string text(reinterpret_cast<const char*>(raw), static_cast<std::size_t>(size));
    OPENSSL_free(raw);
    return text;
}

}  // namespace

Result<Subject> read_subject(std::string_view base64) {
    const auto pem = decode(base64);
    if (!pem) return pem.error();
    const auto der = body_of_pem(*pem);
    if (!der) return der.error();
    const auto* at = reinterpret_cast<const unsigned char*>(der->data());
    const auto* const end = at + der->size();
    const RequestPtr request(d2i_X509_REQ(nullptr, &at, static_cast<long>(der->size())), &X509_REQ_free);
    if (!request || at != end) return wrong("is no certificate request (PKCS #10)");

    const X509_NAME* name = X509_REQ_get_subject_name(request.get());
    Subject subject;
    bool named = false;
    for (int i = 0; i < X509_NAME_entry_count(name); ++i) {
        const X509_NAME_ENTRY* entry = X509_NAME_get_entry(name, i);
        const int kind = OBJ_obj2nid(X509_NAME_ENTRY_get_object(entry));
        if (kind != NID_commonName && kind != NID_organizationName) continue;
        auto text = text_of(entry);
        if (!text) return text.error();
        if (kind == NID_organizationName) {
            subject.organizations.push_back(*std::move(text));
        } else if (std::exchange(named, true)) {
            return wrong("has two common names");
        } else {
            subject.common_name = *std::move(text);
        }
    }
    return subject;
}

}  // namespace weft::node_identity
