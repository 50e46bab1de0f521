#pragma once

#include <weft/base/result.hpp>

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace weft::testing {

/// One event of an API server's audit log.
struct Audited {
    std::string id;     ///< of the request; its stages share it
    std::string stage;  ///< "ResponseStarted" (of a watch), "ResponseComplete", ...
    std::string user;
    std::string verb;  ///< "get", "list", "watch", "create", "patch", "update", ...
    std::string group;
    std::string resource;  ///< "pods/status"
    std::string ns;
    std::string name;
    std::string uri;
    int code = 0;
    std::int64_t received_us = 0;  ///< when the request had come
    std::string uid;               ///< of the object that a write answered with
    std::string version;           ///< resourceVersion of that

    bool complete() const { return stage == "ResponseComplete" || stage == "Panic"; }
    bool ok() const { return code >= 200 && code < 300; }
    bool write() const { return verb != "get" && verb != "list" && verb != "watch"; }
    /// "patch pods/status default/p1: 200", for messages.
    std::string text() const;
};

/// The log as a file that grows.
class AuditLog {
  public:
    AuditLog() = default;
    explicit AuditLog(std::filesystem::path file) : file_(std::move(file)) {}

    /// The policy that makes such a log: all of the users, writes with the objects that were answered; of others their
    /// writes of nodes and pods.
    static std::string policy(const std::vector<std::string>& users);

    /// Where it ends now.
    std::uintmax_t end() const;
    /// All that was added after a place. Whole lines only.
    Result<std::vector<Audited>> since(std::uintmax_t place) const;

  private:
    std::filesystem::path file_;
};

/// The value of a parameter in a request's URI, as it stands there; empty without it.
std::string query_value(std::string_view uri, std::string_view name);

}  // namespace weft::testing
