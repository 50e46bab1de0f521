#include "kube/files.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>

#include <openssl/evp.h>

namespace weft::kube {

Result<std::string> read_file(const std::string& path) {
    constexpr std::size_t limit = 1U << 20;
    std::ifstream in(path, std::ios::binary);
    if (!in) {
        return Error{ErrorKind::invalid, std::string("cannot be read: ") + std::strerror(errno), path,
                     "check that the file exists and that weft may read it"};
    }
    std::string text(limit + 1, '\0');
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    if (in.bad()) return Error{ErrorKind::invalid, "cannot be read", path, {}};
    text.resize(static_cast<std::size_t>(in.gcount()));
    if (text.size() > limit) return Error{ErrorKind::invalid, "is larger than a megabyte", path, {}};
    return text;
}

Result<std::string> decode_base64(std::string_view text) {
    static constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    out.reserve(text.size() / 4 * 3);
    std::uint32_t bits = 0;
    int count = 0;
    std::size_t padding = 0;
    for (const char c : text) {
        if (c == '\n' || c == '\r' || c == ' ') continue;
        if (c == '=') {
            ++padding;
            continue;
        }
        const auto digit = digits.find(c);
        if (digit == std::string_view::npos || padding > 0) return invalid("not base64");
        bits = (bits << 6) | static_cast<std::uint32_t>(digit);
        if (++count == 4) {
            out.push_back(static_cast<char>(bits >> 16));
            out.push_back(static_cast<char>(bits >> 8));
            out.push_back(static_cast<char>(bits));
            bits = 0;
            count = 0;
        }
    }
    if (count == 1 || padding > 2) return invalid("not base64: cut off");
    if (count >= 2) out.push_back(static_cast<char>(bits >> (count == 3 ? 10 : 4)));
    if (count == 3) out.push_back(static_cast<char>(bits >> 2));
    return out;
}

std::string encode_base64(std::string_view bytes) {
    std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');  // it ends with a zero byte
    const int size =
        EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                        reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
    text.resize(static_cast<std::size_t>(size));
    return text;
}

}  // namespace weft::kube
