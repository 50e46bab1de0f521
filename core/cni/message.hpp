#pragma once

#include "cni/json.hpp"
#include "cni/spec.hpp"

#include <optional>
#include <string>
#include <string_view>

/// The private protocol between the shim and weftd, which are replaced together: one request and one reply on a unix
/// socket, each a frame. A frame is the bytes 'W' 'C' 'N' and the protocol's version, four bytes of length (big endian,
/// at most 1 MiB), and that much JSON.
namespace weft::cni {

inline constexpr unsigned char protocol_version = 1;
inline constexpr std::size_t frame_header = 8;

/// What the shim asks: its environment and the configuration, byte by byte.
struct Request {
    Invocation invocation;
    std::string conf;
};

/// What weftd answers: an error; or a result for ADD, nothing for the others.
struct Reply {
    std::optional<CniError> error;
    std::optional<AddResult> result;
};

std::string encode_request(const Request& request);
Outcome<Request> decode_request(std::string_view json);
std::string encode_reply(const Reply& reply);
Outcome<Reply> decode_reply(std::string_view json);

Json json_of_result(const AddResult& result);
/// Nothing when it isn't one. Takes the form of any version of the specification from 0.3.0 on.
std::optional<AddResult> result_of_json(const Json& json);

/// The frame around a message; the message must not be larger than max_message.
std::string frame(std::string_view message);

/// Collects one frame from bytes as they come.
class FrameReader {
  public:
    enum class State { needs_more, complete, bad };
    /// Takes some bytes. After `complete` or `bad` nothing more is taken.
    State feed(std::string_view bytes);
    State state() const { return state_; }
    /// Once complete.
    const std::string& message() const { return body_; }
    /// Once bad: what was wrong, for the peer.
    const CniError& error() const { return error_; }

  private:
    State fail(std::string msg, std::string details);
    State check_header();

    State state_ = State::needs_more;
    std::string header_;
    std::string body_;
    std::size_t length_ = 0;
    CniError error_;
};

}  // namespace weft::cni
