#include "request.hpp"

#include "subject.hpp"

#include <weft/tables/object.hpp>

namespace weft::node_identity {

namespace {

std::vector<std::string> texts(JsonView list) {
    std::vector<std::string> out;
    list.each([&](JsonView value) { out.emplace_back(value.string_or("")); });
    return out;
}

}  // namespace

Result<RowPtr> parse_request(JsonView object) {
    const auto metadata = tables::read_metadata(object);
    if (!metadata) return metadata.error();
    const JsonView spec = object["spec"];
    const JsonView status = object["status"];
    SigningRequest row;
    row.key = Key<SigningRequest>{metadata->name};
    row.uid = metadata->uid;
    row.signer = spec["signerName"].string_or("");
    row.decided = !status["certificate"].string_or("").empty();
    status["conditions"].each([&](JsonView condition) {
        const auto type = condition["type"].string_or("");
        row.decided |= type == "Approved" || type == "Denied" || type == "Failed";
        row.conditions.push_back(condition.dump());
    });
    if (row.decided || row.signer != client_signer) {
        row.conditions.clear();
        return RowPtr::make(row);
    }
    row.username = spec["username"].string_or("");
    row.groups = texts(spec["groups"]);
    row.usages = texts(spec["usages"]);
    row.expiration = spec["expirationSeconds"].integer().value_or(0);
    if (auto subject = read_subject(spec["request"].string_or(""))) {
        row.common_name = std::move(subject->common_name);
        row.organizations = std::move(subject->organizations);
    } else {
        row.trouble = subject.error().what;
    }
    return RowPtr::make(row);
}

}  // namespace weft::node_identity
