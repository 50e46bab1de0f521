#include "conditions.hpp"
#include "subject.hpp"

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include <openssl/evp.h>

/// Requests for certificates as anybody may write them: the bytes as they stand, and as what the base64 and the PEM of
/// a request hold. What is refused is refused with words.
namespace {

using namespace weft;

void check(bool holds) {
    if (!holds) std::abort();
}

std::string base64(std::string_view bytes) {
    std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');
    const int size =
        EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                        reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
    text.resize(static_cast<std::size_t>(size));
    return text;
}

void read(std::string_view text) {
    const auto subject = node_identity::read_subject(text);
    if (!subject) check(!subject.error().what.empty() && subject.error().where == "spec.request");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    read(bytes);
    read(base64(bytes));
    read(base64("-----BEGIN CERTIFICATE REQUEST-----\n" + base64(bytes) + "\n-----END CERTIFICATE REQUEST-----\n"));
    const auto conditions = node_identity::parse_conditions(bytes);
    if (!conditions) check(!conditions.error().what.empty());
    return 0;
}
