#include "defaults.hpp"
#include "store.hpp"

#include <charconv>

namespace weft::apiserver {

namespace {

constexpr std::string_view too_old =
    "The provided continue parameter is too old to display a consistent list result. You can start a new list without "
    "the continue parameter, or use the continue token in this response to retrieve the remainder of the results. "
    "Continuing with the provided token results in an inconsistent list - objects that were created, modified, or "
    "deleted between the time the first chunk was returned and now may show up in the list.";

/// Where a paged list goes on: behind `start`, as things were at `revision`, or as they are now when that is -1.
struct Token {
    std::int64_t revision = 0;
    std::string start;

    std::string text() const {
        Json json = {{"v", "meta.k8s.io/v1"}, {"rv", revision}, {"start", start}};
        return base64(json.dump());
    }
    static std::optional<Token> parse(std::string_view text) {
        Json json = Json::parse(base64_decode(text), nullptr, false);
        auto revision = integer_at(json, {"rv"});
        auto start = text_at(json, {"start"});
        if (!revision || start.empty()) return {};
        return Token{*revision, std::string(start)};
    }
};

Outcome<std::uint64_t> parse_revision(std::string_view text) {
    std::uint64_t revision = 0;
    if (text.empty()) return revision;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), revision);
    if (error == std::errc() && end == text.data() + text.size()) return revision;
    return bad_request("invalid resource version \"" + std::string(text) + "\"");
}

Problem check_match(const ListQuery& query) {
    if (query.match.empty()) return {};
    std::vector<FieldError> errors;
    const auto refuse = [&](FieldError::Type type, const std::string& value, const char* why) {
        errors.push_back({type, "resourceVersionMatch", value, why});
    };
    using enum FieldError::Type;
    if (query.resource_version.empty())
        refuse(forbidden, "", "resourceVersionMatch is forbidden unless resourceVersion is provided");
    if (!query.continue_token.empty())
        refuse(forbidden, "", "resourceVersionMatch is forbidden when continue is provided");
    if (query.match != "Exact" && query.match != "NotOlderThan")
        refuse(unsupported, query.match, "supported values: \"\", \"Exact\", \"NotOlderThan\"");
    if (query.match == "Exact" && query.resource_version == "0")
        refuse(forbidden, "", "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"");
    if (errors.empty()) return {};
    return invalid_object({"meta.k8s.io", "listoptions", "ListOptions"}, "", errors);
}

}  // namespace

Outcome<ListAnswer> Store::list(const Table& table, const ListQuery& query) const {
    auto asked = parse_revision(query.resource_version);
    if (!asked) return asked.take_error();
    if (auto problem = check_match(query)) return *problem;
    auto guard = lock();
    std::uint64_t at = revision_;
    std::string after;
    if (!query.continue_token.empty()) {
        if (*asked != 0) return bad_request("specifying resource version is not allowed when using continue");
        auto token = Token::parse(query.continue_token);
        if (!token) return bad_request("continue key is not valid");
        after = token->start;
        if (token->revision >= 0) at = static_cast<std::uint64_t>(token->revision);
        if (!table.remembers(at)) {
            auto error = expired(std::string(too_old));
            error.continue_token = Token{-1, after}.text();
            return error;
        }
    } else if (*asked > revision_) {
        return version_from_the_future(*asked, revision_);
    } else if (*asked != 0 && (query.match == "Exact" || (query.match.empty() && query.limit != 0))) {
        at = *asked;
        if (!table.remembers(at)) return expired("The resourceVersion for the provided list is too old.");
    }
    // As on the real server: what comes from its cache comes whole.
    std::size_t limit = query.resource_version == "0" ? 0 : query.limit;
    auto page = table.page(query.selection, after, limit, at);
    ListAnswer answer{std::move(page.items), at, "", {}};
    if (page.more) {
        answer.continue_token = Token{static_cast<std::int64_t>(at), page.last_key}.text();
        if (query.selection.everything()) answer.remaining = page.remaining;
    }
    return answer;
}

}  // namespace weft::apiserver
