#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace weft::record {

/// An Unpacker for bytes that come from outside: what can't be reads as zero or empty, and failed() says so.
class Checked {
  public:
    explicit Checked(std::string_view bytes) : bytes_(bytes) {}

    std::uint64_t number() {
        std::uint64_t value = 0;
        for (unsigned shift = 0; shift < 64 && at_ < bytes_.size(); shift += 7) {
            const auto byte = static_cast<unsigned char>(bytes_[at_++]);
            value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
            if (byte < 0x80) return value;
        }
        return fail();
    }
    /// A number that says how many values follow, each of at least a byte.
    std::uint64_t count() {
        const std::uint64_t value = number();
        return value <= bytes_.size() - at_ ? value : fail();
    }
    std::string_view text() {
        const std::uint64_t head = number();
        const std::uint64_t size = head >> 1;
        if ((head & 1) != 0 || size > bytes_.size() - at_) return fail(), std::string_view();
        const auto text = bytes_.substr(at_, size);
        at_ += size;
        return text;
    }
    /// So many bytes.
    std::uint64_t fixed64() {
        if (bytes_.size() - at_ < 8) return fail();
        std::uint64_t value = 0;
        for (unsigned i = 0; i < 8; ++i)
            value |= static_cast<std::uint64_t>(static_cast<unsigned char>(bytes_[at_ + i])) << (8 * i);
        at_ += 8;
        return value;
    }
    bool failed() const { return failed_; }
    /// All has been read, and nothing failed.
    bool done() const { return !failed_ && at_ == bytes_.size(); }

  private:
    std::uint64_t fail() {
        failed_ = true;
        bytes_ = {};
        at_ = 0;
        return 0;
    }

    std::string_view bytes_;
    std::size_t at_ = 0;
    bool failed_ = false;
};

}  // namespace weft::record
