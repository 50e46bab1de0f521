#include <weft/base/hash.hpp>
#include <weft/base/pack.hpp>

#include <array>
#include <cstring>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <unordered_set>

namespace weft {

namespace {

/// Texts are looked for at the beginning of a row only, so that a row with thousands of them costs no square.
constexpr std::size_t window = 1024;
constexpr std::size_t shortest_reference = 4;

std::string_view shared_constant_text(std::string_view text) {
    static std::shared_mutex mutex;
    static std::unordered_set<std::string, StringHash, std::equal_to<>> texts;
    {
        const std::shared_lock lock(mutex);
        if (const auto known = texts.find(text); known != texts.end()) return *known;
    }
    const std::unique_lock lock(mutex);
    return *texts.emplace(text).first;
}

}  // namespace

void Packer::append(const void* bytes, std::size_t size) {
    if (size == 0) return;
    if (size_ + size > capacity_) {
        capacity_ = (size_ + size) * 2;
        auto more = std::make_unique<char[]>(capacity_);
        std::memcpy(more.get(), data_, size_);
        heap_ = std::move(more);
        data_ = heap_.get();
    }
    std::memcpy(data_ + size_, bytes, size);
    size_ += size;
}

void Packer::number(std::uint64_t value) {
    unsigned char bytes[10];
    std::size_t size = 0;
    for (; value >= 0x80; value >>= 7)
        bytes[size++] = static_cast<unsigned char>(value | 0x80);
    bytes[size++] = static_cast<unsigned char>(value);
    append(bytes, size);
}

void Packer::text(std::string_view value) {
    if (value.size() >= shortest_reference) {
        const std::string_view written(data_, size_ < window ? size_ : window);
        const void* found = ::memmem(written.data(), written.size(), value.data(), value.size());
        if (found != nullptr) {
            const auto from = static_cast<std::size_t>(static_cast<const char*>(found) - data_);  // before data_ moves
            number(value.size() << 1 | 1);
            return number(from);
        }
    }
    number(value.size() << 1);
    append(value.data(), value.size());
}

void Packer::raw(const void* bytes, std::size_t size) {
    const auto* from = static_cast<const unsigned char*>(bytes);
    while (size > 0 && from[size - 1] == 0)
        --size;
    number(size);
    append(bytes, size);
}

std::uint64_t Unpacker::long_number() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && at_ < bytes_.size(); shift += 7) {
        const auto byte = static_cast<unsigned char>(bytes_[at_++]);
        value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
        if (byte < 0x80) return value;
    }
    return fail();
}

std::uint64_t Unpacker::fail() {
    failed_ = true;
    bytes_ = {};
    at_ = 0;
    return 0;
}

void Unpacker::raw(void* bytes, std::size_t size) {
    std::size_t written = number();
    if (written > size || written > bytes_.size() - at_) written = fail();
    if (written > 0) std::memcpy(bytes, bytes_.data() + at_, written);
    std::memset(static_cast<char*>(bytes) + written, 0, size - written);
    at_ += written;
}

std::string_view constant_text(std::string_view text) {
    // Rows of one table name the same few again and again.
    thread_local std::array<std::string_view, 16> latest;
    std::string_view& known = latest[hash_bytes(text) % latest.size()];
    if (known != text) known = shared_constant_text(text);
    return known;
}

}  // namespace weft
