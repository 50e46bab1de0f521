#include "ovsdb/remote.hpp"

#include <weft/base/json.hpp>

#include <algorithm>

namespace weft::ovsdb {

Result<Remote> Remote::parse(std::string_view text) {
    const auto wrong = [&](std::string_view what) {
        return invalid("not a database address: " + json_quote(text) + ": " + std::string(what),
                       "write unix:/path, tcp:address:port or ssl:address:port, an IPv6 address in brackets");
    };
    const auto colon = text.find(':');
    if (colon == std::string_view::npos) return wrong("no method");
    const auto method = text.substr(0, colon);
    auto rest = text.substr(colon + 1);
    Remote remote;
    if (method == "unix") {
        if (rest.empty()) return wrong("no path");
        remote.path = rest;
        return remote;
    }
    if (method != "tcp" && method != "ssl") return wrong("unknown method");
    remote.kind = method == "tcp" ? Kind::tcp : Kind::ssl;
    const auto port = rest.rfind(':');
    if (port == std::string_view::npos) return wrong("no port");
    auto host = rest.substr(0, port);
    if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
        host = host.substr(1, host.size() - 2);
    } else if (host.find(':') != std::string_view::npos) {
        return wrong("an IPv6 address without brackets");
    }
    const auto number = rest.substr(port + 1);
    const bool digits = std::all_of(number.begin(), number.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (host.empty() || number.empty() || number.size() > 5 || !digits) return wrong("no address and port");
    remote.host = host;
    remote.port = number;
    return remote;
}

Result<std::vector<Remote>> Remote::parse_list(std::string_view text) {
    std::vector<Remote> remotes;
    while (true) {
        const auto comma = text.find(',');
        auto one = text.substr(0, comma);
        while (!one.empty() && one.front() == ' ')
            one.remove_prefix(1);
        while (!one.empty() && one.back() == ' ')
            one.remove_suffix(1);
        auto remote = parse(one);
        if (!remote) return std::move(remote).error();
        remotes.push_back(*std::move(remote));
        if (comma == std::string_view::npos) return remotes;
        text.remove_prefix(comma + 1);
    }
}

std::string Remote::text() const {
    if (kind == Kind::unix_socket) return "unix:" + path;
    const bool v6 = host.find(':') != std::string::npos;
    return (kind == Kind::tcp ? "tcp:" : "ssl:") + (v6 ? "[" + host + "]" : host) + ":" + port;
}

}  // namespace weft::ovsdb
