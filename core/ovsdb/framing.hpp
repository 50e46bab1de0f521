#pragma once

#include <weft/base/result.hpp>

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

namespace weft::ovsdb {

/// Cuts a stream of JSON-RPC messages, which have nothing between them, into messages. It counts brackets outside
/// strings and nothing more; whether a message is good JSON is for the parser to say.
///
///   auto room = framer.room(64 * 1024);
///   framer.filled(read(fd, room.data(), room.size()));
///   while (auto message = framer.next()) { ... }
///
/// Every byte is looked at once, however small the pieces come. An error is final: the stream can't be trusted any
/// more.
class Framer {
  public:
    static constexpr std::size_t default_limit = std::size_t{512} << 20;

    /// Messages longer than `limit` bytes are refused.
    explicit Framer(std::size_t limit = default_limit) : limit_(limit) {}

    /// Space for at least `size` more bytes. Ends the life of what next() returned.
    std::span<char> room(std::size_t size);
    /// The first `size` bytes of room() are there.
    void filled(std::size_t size) { end_ += size; }

    /// The next whole message, an empty text when there is none yet, or why the stream is no JSON-RPC.
    Result<std::string_view> next();

    /// Starts over with an empty stream.
    void reset();
    /// Frees what no message needs. Ends the life of what next() returned.
    void give_back_memory();

  private:
    void compact(std::size_t next);
    void resize(std::size_t size);

    std::unique_ptr<char[]> buffer_;  ///< not filled in: what is never read costs no page
    std::size_t size_ = 0;            ///< of buffer_
    std::size_t begin_ = 0;           ///< where the current message starts
    std::size_t scanned_ = 0;         ///< everything before was looked at
    std::size_t end_ = 0;
    std::size_t depth_ = 0;
    bool in_string_ = false;
    std::size_t limit_;
};

}  // namespace weft::ovsdb
