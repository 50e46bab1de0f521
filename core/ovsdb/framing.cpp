#include "ovsdb/framing.hpp"

#include <weft/base/json.hpp>

#include <cstring>
#include <string>

namespace weft::ovsdb {

namespace {

constexpr std::size_t usual_size = std::size_t{128} << 10;
constexpr std::size_t deepest = 512;

bool is_space(char c) {
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/// Is the character at `at` escaped by an odd number of backslashes? `from` is where its string can have started.
bool escaped(const char* from, const char* at) {
    const char* p = at;
    while (p != from && p[-1] == '\\')
        --p;
    return (at - p) % 2 != 0;
}

}  // namespace

std::span<char> Framer::room(std::size_t size) {
    compact(size);
    if (size_ - end_ < size) resize(std::max(end_ + size, std::min(size_ * 2, limit_)));
    return {buffer_.get() + end_, size_ - end_};
}

void Framer::resize(std::size_t size) {
    auto other = std::make_unique_for_overwrite<char[]>(size);
    if (end_ > 0) std::memcpy(other.get(), buffer_.get(), end_);
    buffer_ = std::move(other);
    size_ = size;
}

/// Moves an unfinished message to the front, and gives back the memory of a big one.
void Framer::compact(std::size_t next) {
    if (begin_ != 0) {
        std::memmove(buffer_.get(), buffer_.get() + begin_, end_ - begin_);
        end_ -= begin_;
        scanned_ -= begin_;
        begin_ = 0;
    }
    if (end_ == 0 && size_ > next) {
        resize(next);
    } else if (size_ > usual_size && end_ <= usual_size / 2) {
        resize(usual_size);
    }
}

void Framer::give_back_memory() {
    compact(size_);
    if (end_ > 0) return;
    buffer_.reset();
    size_ = 0;
}

void Framer::reset() {
    begin_ = scanned_ = end_ = depth_ = 0;
    in_string_ = false;
}

Result<std::string_view> Framer::next() {
    const char* data = buffer_.get();
    if (depth_ == 0) {
        while (begin_ < end_ && is_space(data[begin_]))
            ++begin_;
        scanned_ = begin_;
        if (begin_ == end_) return std::string_view();
        if (data[begin_] != '{') {
            return invalid("not JSON-RPC: a message starts with " +
                           json_quote(std::string_view(data + begin_, std::min<std::size_t>(end_ - begin_, 40))));
        }
    }
    while (scanned_ < end_) {
        if (in_string_) {
            const auto* quote = static_cast<const char*>(std::memchr(data + scanned_, '"', end_ - scanned_));
            if (!quote) {
                scanned_ = end_;
                break;
            }
            scanned_ = static_cast<std::size_t>(quote - data) + 1;
            in_string_ = escaped(data + begin_, quote);
            continue;
        }
        const char c = data[scanned_++];
        if (c == '"') {
            in_string_ = true;
        } else if (c == '{' || c == '[') {
            if (++depth_ > deepest) return invalid("not JSON-RPC: brackets nested deeper than 512");
        } else if (c == '}' || c == ']') {
            if (--depth_ == 0) {
                const std::string_view message(data + begin_, scanned_ - begin_);
                if (message.size() > limit_) break;
                begin_ = scanned_;
                return message;
            }
        }
    }
    if (end_ - begin_ > limit_) {
        return invalid("a message is longer than " + std::to_string(limit_) + " bytes",
                       "monitor fewer tables or columns, or raise the limit");
    }
    return std::string_view();
}

}  // namespace weft::ovsdb
