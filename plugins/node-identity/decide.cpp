#include "decide.hpp"

#include <weft/base/json.hpp>

#include <algorithm>
#include <set>
#include <utility>

namespace weft::node_identity {

namespace {

constexpr std::int64_t longest_expiration = std::int64_t{365} * 24 * 3600;

/// Cut at the last ':': a node's name has none.
std::pair<std::string_view, std::string_view> cut(std::string_view name) {
    const auto colon = name.rfind(':');
    if (colon == std::string_view::npos) return {name, {}};
    return {name.substr(0, colon), name.substr(colon + 1)};
}

bool is_label(std::string_view text) {
    const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
    return !text.empty() && plain(text.front()) && plain(text.back()) &&
           std::ranges::all_of(text, [&](char c) { return plain(c) || c == '-'; });
}

/// As DNS-1123 has it: what a node can be called.
bool is_subdomain(std::string_view text) {
    if (text.size() > 253) return false;
    for (;;) {
        const auto dot = std::min(text.find('.'), text.size());
        if (!is_label(text.substr(0, dot))) return false;
        if (dot == text.size()) return true;
        text.remove_prefix(dot + 1);
    }
}

bool has(const std::vector<std::string>& list, std::string_view text) {
    return std::ranges::find(list, text) != list.end();
}

std::string list_of(const auto& texts) {
    std::string out;
    for (const auto& text : texts)
        out += (out.empty() ? "" : ", ") + json_quote(text);
    return "[" + out + "]";
}

Verdict denied(std::string why) {
    return {Verdict::Kind::denied, std::move(why)};
}

Verdict judge_by(const SigningRequest& request, const Condition& condition) {
    const auto [user_prefix, node] = cut(request.username);
    if (!has(condition.user_prefixes, user_prefix)) {
        return denied("CSR is asked for by " + json_quote(request.username) + ", not by one of " +
                      list_of(condition.user_prefixes));
    }
    if (!is_subdomain(node)) {
        return denied("CSR is asked for by " + json_quote(request.username) + ", in which " + json_quote(node) +
                      " can be no node's name");
    }
    const std::set<std::string> usages(request.usages.begin(), request.usages.end());
    const std::set<std::string> wanted{"client auth", "digital signature"};
    if (usages != wanted) return denied("CSR has usages " + list_of(usages) + ", not exactly " + list_of(wanted));
    for (const auto& group : request.groups) {
        if (has(condition.groups, group)) continue;
        return denied("CSR is asked for by a member of group " + json_quote(group) + ", which is not one of " +
                      list_of(condition.groups));
    }
    const std::string expected = condition.common_name_prefix + ":" + std::string(node);
    if (request.common_name != expected) {
        return denied("CSR of " + json_quote(request.username) + " is for common name " +
                      json_quote(request.common_name) + ", not " + json_quote(expected));
    }
    if (request.organizations != condition.organizations) {
        return denied("CSR is for organizations " + list_of(request.organizations) + ", not " +
                      list_of(condition.organizations));
    }
    if (request.expiration <= 0) return denied("CSR does not say expirationSeconds");
    if (request.expiration > longest_expiration) {
        return denied("CSR asks for " + std::to_string(request.expiration) + " seconds, which is more than 365 days (" +
                      std::to_string(longest_expiration) + ")");
    }
    return {Verdict::Kind::approved,
            "Auto-approved CSR " + json_quote(request.key.text) + " for " + json_quote(request.common_name)};
}

}  // namespace

Verdict judge(const SigningRequest& request, const std::vector<Condition>& conditions) {
    if (request.decided || request.signer != client_signer) return {};
    const bool ours = std::ranges::any_of(
        conditions, [&](const Condition& c) { return request.common_name.starts_with(c.common_name_prefix); });
    if (!ours) return {};
    const auto prefix = cut(request.common_name).first;
    const auto condition =
        std::ranges::find_if(conditions, [&](const Condition& c) { return c.common_name_prefix == prefix; });
    if (condition == conditions.end())
        return denied("CSR is for common name " + json_quote(request.common_name) +
                      ", of a prefix that nobody configured");
    return judge_by(request, *condition);
}

void DecideRequest::derive(const Driver& request, const Reader<Reads>& in, Desired<Writes>& out) {
    if (request.decided || request.signer != client_signer) return;
    const auto* setting = in.find<tables::PluginSetting>(Key<tables::PluginSetting>{plugin_name, "conditions"});
    if (!setting) return out.wait("the configuration is not there yet");
    std::vector<Condition> conditions{own_condition()};
    auto more = parse_conditions(setting->value);
    if (!more) return out.fail(std::move(more).error().at("[plugin.node-identity] conditions"));
    for (auto& condition : *more)
        conditions.push_back(std::move(condition));
    if (!request.trouble.empty()) {
        return out.warn({ErrorKind::invalid, request.trouble, "spec.request",
                         "it is left to others: delete it, and make it anew with openssl req -new"});
    }
    const auto verdict = judge(request, conditions);
    if (verdict.kind == Verdict::Kind::ignored) return;
    const bool approved = verdict.kind == Verdict::Kind::approved;
    JsonWriter w;
    w.array([&] {
        for (const auto& condition : request.conditions)
            w.raw(condition);
        w.object([&] {
            w.member("type", approved ? "Approved" : "Denied").member("status", "True");
            w.member("reason", approved ? "AutoApproved" : "CSRDenied").member("message", verdict.why);
        });
    });
    auto status = tables::object_status(SigningRequest::object(request), "conditions", w.take());
    status.stays = true;
    out.put(std::move(status));
}

}  // namespace weft::node_identity
