#include "ctl/views.hpp"

#include "ctl/text_table.hpp"

#include <ctime>

namespace weft::ctl {

namespace {

std::string text_of(const JsonView& object, std::string_view member) {
    return plain(object[member].string_or(""));
}

std::string number_of(const JsonView& object, std::string_view member) {
    const auto number = object[member].unsigned_integer();
    return number ? std::to_string(*number) : "-";
}

bool is_some(const JsonView& object, std::string_view member) {
    return object[member].unsigned_integer().value_or(0) > 0;
}

/// How long ago "2026-08-01T12:34:56Z" was; empty for anything else.
std::string age(std::string_view rfc3339, WallTime now) {
    std::tm parts{};
    const std::string text(rfc3339);
    const char* end = ::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%SZ", &parts);
    if (!end || *end != '\0') return {};
    return short_duration(WallTime::clock::to_time_t(now) - ::timegm(&parts));
}

Colour colour_of_state(std::string_view state) {
    if (state == "running" || state == "synced") return Colour::good;
    if (state == "failed" || state == "broken" || state == "missing" || state == "conflict") return Colour::bad;
    if (state == "disabled" || state == "stopped") return Colour::dim;
    return Colour::warn;
}

std::string heading(std::string_view name, bool colours) {
    return "\n" + painted(name, Colour::strong, colours) + "\n";
}

std::string head_lines(const JsonView& s, WallTime now, bool colours) {
    const auto version = text_of(s, "version");
    const auto revision = text_of(s, "revision");
    std::string out = "weftd " + version + (revision.empty() || revision == version ? "" : " (" + revision + ")") +
                      ", role " + text_of(s, "role");
    if (const auto node = text_of(s, "node"); !node.empty()) out += ", node " + node;
    if (const auto up = age(s["started"].string_or(""), now); !up.empty()) out += ", up " + up;
    const bool ready = s["ready"].boolean().value_or(false);
    out += ": " + painted(ready ? "ready" : "not ready", ready ? Colour::good : Colour::bad, colours) + "\n";
    std::string reasons;
    s["awaiting"].each([&](JsonView name) { reasons += "  waits for " + plain(name.string_or("")) + "\n"; });
    if (!ready && reasons.empty()) {
        s["connections"].each([&](JsonView one) {
            if (!one["up"].boolean().value_or(true)) reasons += "  no connection to " + text_of(one, "name") + "\n";
        });
    }
    out += reasons;
    if (const auto leader = s["leader"]) {
        const auto identity = text_of(leader, "identity");
        const bool self = leader["self"].boolean().value_or(false);
        out += "leader: " + (identity.empty() ? painted("nobody", Colour::bad, colours) : identity) +
               (self ? " (this one)" : "; this one is standby") + "\n";
        if (const auto trouble = text_of(leader, "trouble"); !trouble.empty())
            out += "  " + painted(trouble, Colour::bad, colours) + "\n";
    }
    if (const auto cni = s["cni"]) {
        const bool serving = cni["serving"].boolean().value_or(false);
        out += "pods: " + (serving ? painted("served", Colour::good, colours)
                                   : painted("not served", Colour::bad, colours) + ": " + text_of(cni, "reason"));
        if (is_some(cni, "requests")) out += "; CNI requests under way: " + number_of(cni, "requests");
        out += "\n";
    }
    if (const auto recording = s["recording"]) {
        const bool on = recording["recording"].boolean().value_or(false);
        out += "recording: " +
               (on ? text_of(recording, "file")
                   : painted("stopped", Colour::warn, colours) + ": " + text_of(recording, "trouble")) +
               "\n";
    }
    std::string counts;
    s["counts"].members([&](std::string_view name, JsonView count) {
        counts +=
            (counts.empty() ? "" : ", ") + std::to_string(count.unsigned_integer().value_or(0)) + " " + plain(name);
    });
    return counts.empty() ? out : out + counts + "\n";
}

std::string connections(const JsonView& s, bool colours) {
    TextTable table({"NAME", "STATE", "ADDRESS"});
    s["connections"].each([&](JsonView c) {
        const bool up = c["up"].boolean().value_or(false);
        table.add(
            {text_of(c, "name"), Cell(up ? "up" : "down", up ? Colour::good : Colour::bad), text_of(c, "address")});
        if (const auto detail = text_of(c, "detail"); !detail.empty())
            table.note(detail, up ? Colour::dim : Colour::bad);
    });
    return table.empty() ? "" : heading("Connections", colours) + table.text(colours);
}

std::string plugin_states(const JsonView& s, bool colours) {
    TextTable table({"NAME", "VERSION", "STATE", "RULES", "INSTANCES", "FAILED", "CONFLICTS", "WAITING", "WARNINGS"});
    s["plugins"].each([&](JsonView p) {
        const auto state = text_of(p, "state");
        const auto count = [&](std::string_view member, Colour colour) {
            return Cell(number_of(p, member), is_some(p, member) ? colour : Colour::none);
        };
        table.add({text_of(p, "name"), text_of(p, "version"), Cell(state, colour_of_state(state)),
                   number_of(p, "rules"), number_of(p, "instances"), count("failed", Colour::bad),
                   count("conflicts", Colour::bad), count("waiting", Colour::warn), count("warnings", Colour::warn)});
        if (const auto reason = text_of(p, "reason"); !reason.empty()) table.note(reason, Colour::bad);
    });
    return table.empty() ? "" : heading("Plugins", colours) + table.text(colours);
}

std::string applier_states(const JsonView& s, WallTime now, bool colours) {
    TextTable table({"NAME", "STATE", "BEHIND BY", "CHANGES", "REQUESTS", "REPAIRED", "WAITS FOR"});
    s["appliers"].each([&](JsonView a) {
        const auto state = text_of(a, "state");
        table.add({text_of(a, "name"), Cell(state, colour_of_state(state)),
                   Cell(number_of(a, "behind"), is_some(a, "behind") ? Colour::warn : Colour::none),
                   number_of(a, "applied"), number_of(a, "requests"), number_of(a, "repaired"), text_of(a, "detail")});
        a["faults"].each([&](JsonView f) {
            auto line = text_of(f, "object") + ": " + text_of(f, "what");
            if (const auto mend = text_of(f, "mend"); !mend.empty()) line += " (" + mend + ")";
            if (const auto since = age(f["since"].string_or(""), now); !since.empty()) line += ", for " + since;
            table.note(line, Colour::bad);
        });
    });
    return table.empty() ? "" : heading("Appliers", colours) + table.text(colours);
}

std::string problems(const JsonView& s, WallTime now, bool colours) {
    TextTable table({"STATE", "FOR", "OBJECT", "PLUGIN/RULE"});
    s["problems"].each([&](JsonView p) {
        const auto state = text_of(p, "state");
        table.add({Cell(state, colour_of_state(state)), age(p["since"].string_or(""), now), text_of(p, "object"),
                   text_of(p, "plugin") + "/" + text_of(p, "rule")});
        auto line = text_of(p, "where");
        line += (line.empty() ? "" : ": ") + text_of(p, "what");
        if (const auto mend = text_of(p, "mend"); !mend.empty()) line += " (" + mend + ")";
        table.note(line, Colour::none);
    });
    if (table.empty()) return {};
    auto out = heading("Not as it should be", colours) + table.text(colours);
    if (is_some(s, "problemsOmitted"))
        out += "  … and " + number_of(s, "problemsOmitted") + " more: -o json has their number only\n";
    return out;
}

}  // namespace

std::string status_text(const JsonView& s, WallTime now, bool colours) {
    return head_lines(s, now, colours) + connections(s, colours) + plugin_states(s, colours) +
           applier_states(s, now, colours) + problems(s, now, colours);
}

std::string plugins_text(const JsonView& plugins, bool colours) {
    TextTable table({"NAME", "VERSION", "ENABLED", "STATE", "FILE", "REASON"});
    plugins.each([&](JsonView p) {
        const auto state = text_of(p, "state");
        table.add({text_of(p, "name"), text_of(p, "version"), p["enabled"].boolean().value_or(false) ? "yes" : "no",
                   Cell(state, colour_of_state(state)), text_of(p, "file"), text_of(p, "reason")});
    });
    return table.empty() ? "no plugins are installed\n" : table.text(colours, "");
}

std::string log_levels_text(const JsonView& levels, bool colours) {
    const std::string common = text_of(levels, "level");
    TextTable table({"PART", "LEVEL"});
    levels["parts"].each([&](JsonView part) {
        const std::string level = text_of(part, "level");
        table.add({text_of(part, "name"), level == common ? Cell(level) : Cell(level, Colour::strong)});
    });
    return "weftd logs at level " + common + (table.empty() ? "\n" : "; the parts that have logged so far:\n") +
           (table.empty() ? "" : table.text(colours));
}

std::string config_text(const std::vector<config::ShownValue>& values, bool changed_only, bool colours) {
    std::string out, section;
    TextTable table({"KEY", "VALUE", "FROM"});
    const auto flush = [&] {
        if (!table.empty())
            out += (out.empty() ? "" : "\n") + painted("[" + section + "]", Colour::strong, colours) + "\n" +
                   table.text(colours);
        table = TextTable({"KEY", "VALUE", "FROM"});
    };
    for (const auto& value : values) {
        const bool built_in = value.origin.kind == config::Origin::Kind::built_in;
        if (changed_only && built_in) continue;
        if (value.section != section) {
            flush();
            section = value.section;
        }
        table.add({value.key, plain(value.value), Cell(value.origin.text(), built_in ? Colour::dim : Colour::good)});
    }
    flush();
    return out.empty() ? "everything is at its default\n" : out;
}

std::string config_json(const std::vector<config::ShownValue>& values) {
    JsonWriter w;
    w.array([&] {
        for (const auto& value : values) {
            w.object([&] {
                w.member("section", value.section).member("key", value.key).member("value", value.value);
                w.member("from", value.origin.text()).member("help", value.help);
            });
        }
    });
    return w.take();
}

}  // namespace weft::ctl
