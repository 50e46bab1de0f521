#pragma once

#include <weft/base/json.hpp>
#include <weft/base/result.hpp>

#include <string>
#include <string_view>

/// What weftctl and weftd say to each other over the admin socket: one line of JSON each way a call, any number of
/// calls on a connection, one after the other.
///
///     → {"version":1,"call":"log-level","args":{"part":"ovsdb","level":"debug"}}
///     ← {"version":1,"result":{…}}
///     ← {"version":1,"error":{"kind":"invalid","what":"…","where":"…","mend":"…"}}
///
/// README.md lists the calls. Another version is refused with an error that says so.
namespace weft::services {

inline constexpr int admin_version = 1;
/// A request line may have so many bytes, its end included; a longer one is refused and the connection closed.
inline constexpr std::size_t max_request_size = std::size_t{1} << 20;

/// A request that has been read; `args` lives as long as `document`.
struct AdminRequest {
    JsonDocument document;
    std::string call;

    /// An object, or absent.
    JsonView args() const { return document.root()["args"]; }
};

Result<AdminRequest> parse_request(std::string_view line);
/// Lines without their newline.
std::string write_request(std::string_view call, std::string_view args_json = {});
std::string write_result(std::string_view result_json);
std::string write_error(const Error& error);

/// The result of a reply, or the error in it.
Result<JsonDocument> parse_reply(std::string_view line);

}  // namespace weft::services
