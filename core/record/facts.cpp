#include "record/replay.hpp"

#include <weft/base/json.hpp>

namespace weft::record {

namespace {

std::string text_of(const JsonView& view, std::string_view member) {
    return std::string(view[member].string_or(""));
}

Result<void> read_header(std::string_view json, Facts& facts) {
    const auto document = JsonDocument::parse(json);
    if (!document) return document.error();
    const auto root = document->root();
    facts.version = text_of(root, "version");
    facts.revision = text_of(root, "revision");
    facts.fingerprint = text_of(root, "fingerprint");
    const auto role = text_of(root, "role");
    if (role != "node" && role != "cluster") return invalid("unknown role " + json_quote(role));
    facts.role = role == "node" ? Role::node : Role::cluster;
    facts.node = text_of(root, "node");
    root["plugins"].each([&](JsonView plugin) {
        facts.plugins.push_back({text_of(plugin, "name"), text_of(plugin, "version"), text_of(plugin, "sha256")});
    });
    root["config"].members(
        [&](std::string_view name, JsonView value) { facts.config.emplace_back(name, value.string_or("")); });
    return {};
}

}  // namespace

std::string header_json(const Facts& facts) {
    JsonWriter w;
    w.object([&] {
        w.member("version", facts.version).member("revision", facts.revision);
        w.member("fingerprint", facts.fingerprint);
        w.member("role", facts.role == Role::node ? "node" : "cluster").member("node", facts.node);
        w.key("plugins").array([&] {
            for (const auto& plugin : facts.plugins) {
                w.object([&] {
                    w.member("name", plugin.name).member("version", plugin.version).member("sha256", plugin.sha256);
                });
            }
        });
        w.key("config").object([&] {
            for (const auto& [name, value] : facts.config)
                w.member(name, value);
        });
    });
    return w.take();
}

Result<Facts> facts_of(std::string_view bytes) {
    auto reader = FrameReader::open(bytes);
    if (!reader) return std::move(reader).error();
    Facts facts;
    bool has_header = false;
    facts.whole_life = true;
    for (;;) {
        auto frame = reader->next();
        if (!frame) {
            facts.end = "at " + frame.error().where + ": " + frame.error().what;
            if (!has_header) return std::move(frame).error();
            break;
        }
        if (!*frame) {
            if (facts.end.empty()) facts.end = reader->end();
            break;
        }
        const Content& content = (*frame)->content;
        if (const auto* header = std::get_if<Header>(&content); header != nullptr && !has_header) {
            if (auto read = read_header(header->json, facts); !read) return std::move(read).error().at("header");
            has_header = true;
        } else if (std::holds_alternative<Slice>(content)) {
            facts.whole_life = false;
        } else if (const auto* base = std::get_if<Base>(&content)) {
            facts.has_base = true;
            facts.first = facts.last = base->time;
        } else if (const auto* begin = std::get_if<Begin>(&content); begin != nullptr && facts.has_base) {
            if (facts.ticks++ == 0) facts.first = begin->time;
            facts.last = begin->time;
        } else if (const auto* closed = std::get_if<Closed>(&content)) {
            facts.end = closed->text;
        }
    }
    if (!has_header) return invalid("the recording ends before it says who made it: " + facts.end);
    return facts;
}

}  // namespace weft::record
