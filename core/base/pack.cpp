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

/// Where `text` first stands in `in`. Both are so short that memmem() would spend its time on preparations.
std::size_t find_in(std::string_view in, std::string_view text) {
    using Bytes = char __attribute__((vector_size(16)));
    if (text.size() > in.size()) return std::string_view::npos;
    const std::size_t to_last = text.size() - 1;
    const std::size_t starts = in.size() - to_last;
    const auto is_at = [&](std::size_t at) { return std::memcmp(in.data() + at, text.data(), text.size()) == 0; };
    std::size_t at = 0;
    for (; at + sizeof(Bytes) <= starts; at += sizeof(Bytes)) {
        Bytes first;
        Bytes last;
        std::memcpy(&first, in.data() + at, sizeof(Bytes));
        std::memcpy(&last, in.data() + at + to_last, sizeof(Bytes));
        const auto both = (first == text.front()) & (last == text.back());
        std::uint64_t halves[2];
        static_assert(sizeof(halves) == sizeof(both));
        std::memcpy(halves, &both, sizeof(both));
        if ((halves[0] | halves[1]) == 0) continue;
        for (std::size_t i = 0; i < sizeof(Bytes); ++i) {
            if (both[i] != 0 && is_at(at + i)) return at + i;
        }
    }
    for (; at < starts; ++at) {
        if (in[at] == text.front() && in[at + to_last] == text.back() && is_at(at)) return at;
    }
    return std::string_view::npos;
}

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
    if (value < 0x80 && size_ < capacity_) {
        data_[size_++] = static_cast<char>(value);
        return;
    }
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
        if (const std::size_t from = find_in(written, value); from != std::string_view::npos) {
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
