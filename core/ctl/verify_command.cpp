#include "ctl/extra_commands.hpp"
#include "ctl/row_text.hpp"
#include "ctl/text_table.hpp"

#include <ostream>

namespace weft::ctl {

namespace {

/// "rule of plugin for driver", from "plugin/rule/driver key".
std::string maker(std::string_view instance) {
    const auto first = instance.find('/');
    const auto second = first == std::string_view::npos ? first : instance.find('/', first + 1);
    if (second == std::string_view::npos) return plain(instance);
    return plain(instance.substr(0, second)) + " for " + plain(instance.substr(second + 1));
}

std::string verify_text(const JsonView& answer, bool colours) {
    const auto number = [&](std::string_view name) { return answer[name].unsigned_integer().value_or(0); };
    const auto us = [&](std::string_view name) { return answer[name].number().value_or(0); };
    const auto all = number("all");
    std::string out = all == 0
                          ? painted("no difference", Colour::good, colours)
                          : painted(grouped(all) + (all == 1 ? " difference" : " differences"), Colour::bad, colours);
    out += ": " + grouped(number("instances")) + " rule instances run anew, " + grouped(number("rows")) +
           " rows compared in " + duration_text(us("tookUs")) + "\n" + "weftd paused " + grouped(number("slices")) +
           (number("slices") == 1 ? " time" : " times") + " for it, " + duration_text(us("longestPauseUs")) +
           " at most\n";
    answer["differences"].each([&](JsonView d) {
        out += "\n" + painted(row_name(d), Colour::strong, colours) + "\n";
        const auto instance = d["instance"].string_or("");
        if (!instance.empty()) out += "  " + maker(instance) + "\n";
        out += "  " + painted(plain(d["what"].string_or("")), Colour::bad, colours) + "\n";
        if (d["expected"].is_object() && d["found"].is_object()) {
            for (const auto& line : row_changes(d["found"], d["expected"]))
                out += "      " + line + "\n";
            return;
        }
        for (const auto* side : {"expected", "found"}) {
            if (!d[side].is_object()) continue;
            out += std::string("  ") + side + "\n";
            for (const auto& line : row_lines(d[side]))
                out += "      " + line + "\n";
        }
    });
    const auto shown = answer["differences"].size();
    if (all > shown) out += "\n… and " + grouped(all - shown) + " more\n";
    if (all > 0) {
        out +=
            "\nA difference is a fault of weft or of the plugin that is named: please report it with weftctl support.\n"
            "Until then a restart of weftd computes everything anew.\n";
    }
    return out;
}

}  // namespace

int verify_command(const Context& context, const std::vector<std::string>& args) {
    const Arguments none(args, {}, {}, 0);
    const auto answer = context.call("verify", {});
    if (!answer) return context.fail(answer.error());
    const auto result = answer->root()["result"];
    context.io.out << (context.json ? result.dump() + "\n" : verify_text(result, context.io.colours));
    return result["all"].unsigned_integer().value_or(0) == 0 ? 0 : 1;
}

}  // namespace weft::ctl
