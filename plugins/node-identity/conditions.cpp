#include "conditions.hpp"

#include <weft/base/json.hpp>

#include <algorithm>
#include <optional>

namespace weft::node_identity {

Condition own_condition() {
    return {"system:ovn-node",
            {"system:ovn-nodes"},
            {"system:nodes", "system:ovn-nodes", "system:authenticated"},
            {"system:node", "system:ovn-node"}};
}

Result<std::vector<Condition>> parse_conditions(std::string_view text) {
    constexpr const char* example =
        R"(write [{"commonNamePrefix": "…", "organizations": ["…"], "groups": ["…"], "userPrefixes": ["…"]}])";
    std::vector<Condition> conditions;
    if (text.empty()) return conditions;
    const auto document = JsonDocument::parse(text);
    if (!document) return document.error();
    if (!document->root().is_array()) return invalid("is no JSON list", example);
    std::optional<Error> wrong;
    const auto read_list = [&](JsonView list, const char* name, std::vector<std::string>& to) {
        list.each([&](JsonView value) { to.emplace_back(value.string_or("")); });
        if (!list.is_array() || to.empty() || std::find(to.begin(), to.end(), "") != to.end())
            wrong = invalid(std::string("has no list of texts ") + json_quote(name), example);
    };
    document->root().each([&](JsonView entry) {
        Condition condition;
        condition.common_name_prefix = entry["commonNamePrefix"].string_or("");
        if (condition.common_name_prefix.empty()) wrong = invalid("has no text \"commonNamePrefix\"", example);
        read_list(entry["organizations"], "organizations", condition.organizations);
        read_list(entry["groups"], "groups", condition.groups);
        read_list(entry["userPrefixes"], "userPrefixes", condition.user_prefixes);
        conditions.push_back(std::move(condition));
    });
    if (wrong) return *wrong;
    return conditions;
}

}  // namespace weft::node_identity
