#pragma once

#include <weft/base/api.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

/// Values as bytes: how rows rest in memory. Equal values make equal bytes, so rows compare without being unpacked.
namespace weft {

/// Writes values one after another.
class WEFT_API Packer {
  public:
    Packer() = default;
    Packer(const Packer&) = delete;
    Packer& operator=(const Packer&) = delete;

    /// One byte below 128, more for greater ones.
    void number(std::uint64_t value);
    /// A text that was written before, alone or as part of a longer one, costs a few bytes: rows spell out in fields
    /// what their keys say already.
    void text(std::string_view value);
    /// Bytes of a known number; zeros at their end cost nothing.
    void raw(const void* bytes, std::size_t size);

    /// All that was written; valid until the next write.
    std::string_view bytes() const { return {data_, size_}; }

  private:
    void append(const void* bytes, std::size_t size);

    char inline_[768];
    std::unique_ptr<char[]> heap_;
    char* data_ = inline_;
    std::size_t size_ = 0;
    std::size_t capacity_ = sizeof(inline_);
};

/// Reads back, in the same order, what a Packer wrote. Bytes that no Packer wrote do no harm: reading stops at the
/// first that can't be, everything after that is zero or empty, and failed() says so. Whether the values make sense is
/// the reader's business.
class WEFT_API Unpacker {
  public:
    /// Reads these bytes, which must live as long.
    explicit Unpacker(std::string_view bytes) : bytes_(bytes) {}

    /// What Packer::number wrote.
    std::uint64_t number() {
        if (at_ >= bytes_.size()) return fail();
        const auto first = static_cast<unsigned char>(bytes_[at_]);
        if (first >= 0x80) return long_number();
        ++at_;
        return first;
    }
    /// A number that says how many values follow, each of at least a byte.
    std::uint64_t count() {
        const std::uint64_t value = number();
        return value <= bytes_.size() - at_ ? value : fail();
    }
    /// What Packer::text wrote; valid as long as the bytes are.
    std::string_view text() {
        const std::uint64_t head = number();
        const std::size_t size = head >> 1;
        const std::size_t from = (head & 1) != 0 ? number() : at_;
        if (from > bytes_.size() || size > bytes_.size() - from) return fail(), std::string_view();
        if ((head & 1) == 0) at_ += size;
        return bytes_.substr(from, size);
    }
    /// What Packer::raw wrote, of the same size.
    void raw(void* bytes, std::size_t size);

    /// Passes over what Packer::text wrote.
    void skip_text() {
        const std::uint64_t head = number();
        if ((head & 1) != 0) {
            number();
        } else {
            pass(head >> 1);
        }
    }
    /// Passes over what Packer::raw wrote, whatever its size.
    void skip_raw() { pass(number()); }

    /// Something was read that no Packer writes.
    bool failed() const { return failed_; }
    /// All has been read, and nothing failed.
    bool done() const { return !failed_ && at_ == bytes_.size(); }

  private:
    void pass(std::uint64_t size) { at_ += size <= bytes_.size() - at_ ? size : fail(); }
    std::uint64_t long_number();
    std::uint64_t fail();

    std::string_view bytes_;
    std::size_t at_ = 0;
    bool failed_ = false;
};

/// The one copy, kept for ever, of a text of which there are few: names of tables and columns.
WEFT_API std::string_view constant_text(std::string_view text);

}  // namespace weft
