#include "audit.hpp"

#include <weft/base/json.hpp>

#include <cstdlib>
#include <ctime>
#include <fstream>

namespace weft::testing {

namespace {

/// Of "2026-01-31T12:00:00.123456Z", microseconds since 1970; 0 when it is something else.
std::int64_t microseconds(const std::string& text) {
    std::tm parts{};
    const char* fraction = ::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S.", &parts);
    if (fraction == nullptr) return 0;
    return static_cast<std::int64_t>(::timegm(&parts)) * 1'000'000 + std::strtol(fraction, nullptr, 10);
}

Audited read(JsonView event) {
    const auto text = [](JsonView value) { return std::string(value.string_or("")); };
    Audited read;
    read.id = text(event["auditID"]);
    read.stage = text(event["stage"]);
    read.user = text(event["user"]["username"]);
    read.verb = text(event["verb"]);
    const auto object = event["objectRef"];
    read.group = text(object["apiGroup"]);
    read.resource = text(object["resource"]);
    if (const auto part = text(object["subresource"]); !part.empty()) read.resource += "/" + part;
    read.ns = text(object["namespace"]);
    read.name = text(object["name"]);
    read.uri = text(event["requestURI"]);
    read.code = static_cast<int>(event["responseStatus"]["code"].integer().value_or(0));
    read.received_us = microseconds(text(event["requestReceivedTimestamp"]));
    const auto metadata = event["responseObject"]["metadata"];
    read.uid = text(metadata["uid"]);
    read.version = text(metadata["resourceVersion"]);
    if (read.name.empty()) read.name = text(metadata["name"]);
    return read;
}

}  // namespace

std::string Audited::text() const {
    return user.substr(user.rfind(':') + 1) + " " + verb + " " + uri + ": " + std::to_string(code);
}

std::string AuditLog::policy(const std::vector<std::string>& users) {
    std::string list;
    for (const auto& user : users)
        list += (list.empty() ? "\"" : ", \"") + user + "\"";
    return "apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [RequestReceived]\nrules:\n"
           "- {level: RequestResponse, users: [" +
           list + "], verbs: [create, update, patch, delete]}\n- {level: Metadata, users: [" + list +
           "]}\n"
           "- {level: RequestResponse, verbs: [create, update, patch], resources: [{group: \"\", resources: [nodes, "
           "nodes/status, pods, pods/status]}]}\n- {level: None}\n";
}

std::uintmax_t AuditLog::end() const {
    std::error_code none;
    const auto size = std::filesystem::file_size(file_, none);
    return none ? 0 : size;
}

Result<std::vector<Audited>> AuditLog::since(std::uintmax_t place) const {
    std::ifstream in(file_);
    in.seekg(static_cast<std::streamoff>(place));
    std::vector<Audited> all;
    std::string line;
    while (std::getline(in, line) && !in.eof()) {
        const auto event = JsonDocument::parse(line);
        if (!event) return event.error();
        all.push_back(read(event->root()));
    }
    return all;
}

std::string query_value(std::string_view uri, std::string_view name) {
    auto rest = uri.substr(std::min(uri.find('?'), uri.size()));
    while (!rest.empty()) {
        rest.remove_prefix(1);
        const auto pair = rest.substr(0, rest.find('&'));
        rest.remove_prefix(pair.size());
        if (pair.starts_with(name) && pair.substr(name.size()).starts_with('=')) {
            return std::string(pair.substr(name.size() + 1));
        }
    }
    return {};
}

}  // namespace weft::testing
