#pragma once

#include <weft/base/result.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace weft::ovsdb {

/// Where a database is: "unix:/var/run/ovn/ovnnb_db.sock", "tcp:10.0.0.1:6641", "ssl:[fd00::1]:6641".
struct Remote {
    enum class Kind { unix_socket, tcp, ssl };
    Kind kind = Kind::unix_socket;
    std::string path;  ///< of a unix socket
    std::string host;  ///< address or name
    std::string port;

    static Result<Remote> parse(std::string_view text);
    /// Several of them, joined by commas: the servers of one cluster.
    static Result<std::vector<Remote>> parse_list(std::string_view text);
    std::string text() const;
    friend bool operator==(const Remote&, const Remote&) = default;
};

}  // namespace weft::ovsdb
