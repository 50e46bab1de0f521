#include "ctl/extra_commands.hpp"
#include "ctl/program.hpp"
#include "ctl/row_text.hpp"
#include "ctl/text_table.hpp"

#include <array>
#include <cerrno>
#include <map>
#include <ostream>
#include <set>
#include <utility>

namespace weft::ctl {

namespace {

std::string text_of(const JsonView& object, std::string_view member) {
    return plain(object[member].string_or(""));
}

std::string full_name(const JsonView& rule) {
    return text_of(rule, "plugin") + "/" + text_of(rule, "rule");
}

std::string quoted(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') out += '\\';
        out += c;
    }
    return out + "\"";
}

/// Rules to show, by plugin.
std::map<std::string, std::vector<JsonView>> by_plugin(const JsonView& graph, const std::string& only) {
    std::map<std::string, std::vector<JsonView>> plugins;
    graph["rules"].each([&](JsonView rule) {
        const auto plugin = text_of(rule, "plugin");
        if (only.empty() || plugin == only) plugins[plugin].push_back(rule);
    });
    return plugins;
}

std::set<std::string> tables_of(const std::map<std::string, std::vector<JsonView>>& plugins) {
    std::set<std::string> names;
    for (const auto& [name, rules] : plugins) {
        for (const JsonView& rule : rules) {
            if (!rule["driver"].string_or("").empty()) names.insert(text_of(rule, "driver"));
            rule["reads"].each([&](JsonView read) { names.insert(text_of(read, "table")); });
            rule["writes"].each([&](JsonView table) { names.emplace(table.string_or("")); });
        }
    }
    return names;
}

std::string graph_dot(const JsonView& graph, const std::string& only) {
    const auto plugins = by_plugin(graph, only);
    const auto tables = tables_of(plugins);
    std::string out =
        "digraph weft {\n  rankdir=LR;\n  node [fontname=\"sans-serif\", fontsize=11];\n"
        "  edge [color=\"#808080\"];\n";
    graph["tables"].each([&](JsonView table) {
        const auto name = text_of(table, "name");
        if (!tables.contains(name)) return;
        const bool input = table["input"].boolean().value_or(false);
        const auto rows = table["rows"].unsigned_integer().value_or(0);
        out += "  " + quoted("t:" + name) +
               " [shape=box, style=filled, fillcolor=" + (input ? "\"#dbe9f6\"" : "\"#f4f4f4\"") +
               ", label=" + quoted(name + " (" + grouped(rows) + ")") + "];\n";
    });
    std::size_t number = 0;
    for (const auto& [plugin, rules] : plugins) {
        out += "  subgraph cluster_" + std::to_string(number++) + " {\n    label=" + quoted(plugin) +
               ";\n    style=rounded;\n";
        for (const JsonView& rule : rules) {
            const bool is_operator = rule["operator"].boolean().value_or(false);
            out += "    " + quoted("r:" + full_name(rule)) + " [shape=" + (is_operator ? "hexagon" : "ellipse") +
                   ", label=" + quoted(text_of(rule, "rule")) + "];\n";
        }
        out += "  }\n";
    }
    for (const auto& [plugin, rules] : plugins) {
        for (const JsonView& rule : rules) {
            const auto self = quoted("r:" + full_name(rule));
            if (const auto driver = text_of(rule, "driver"); !driver.empty())
                out.append("  ")
                    .append(quoted("t:" + driver))
                    .append(" -> ")
                    .append(self)
                    .append(" [penwidth=2, color=black];\n");
            rule["reads"].each([&](JsonView read) {
                out.append("  ").append(quoted("t:" + text_of(read, "table"))).append(" -> ").append(self);
                if (const auto index = text_of(read, "index"); !index.empty())
                    out += " [label=" + quoted("by " + index) + ", fontsize=9]";
                out += ";\n";
            });
            rule["writes"].each([&](JsonView table) {
                out.append("  ")
                    .append(self)
                    .append(" -> ")
                    .append(quoted("t:" + plain(table.string_or(""))))
                    .append(";\n");
            });
        }
    }
    return out + "}\n";
}

std::string graph_text(const JsonView& graph, const std::string& only, bool colours) {
    const auto plugins = by_plugin(graph, only);
    const auto names = tables_of(plugins);
    std::string out;
    for (const auto& [plugin, rules] : plugins) {
        out += (out.empty() ? "" : "\n") + painted(plugin, Colour::strong, colours) + "\n";
        TextTable table({"RULE", "FOR EACH", "READS", "MAKES"});
        for (const JsonView& rule : rules) {
            std::vector<std::string> reads, writes;
            rule["reads"].each([&](JsonView read) {
                const auto index = text_of(read, "index");
                reads.push_back(text_of(read, "table") + (index.empty() ? "" : " by " + index));
            });
            rule["writes"].each([&](JsonView written) { writes.push_back(plain(written.string_or(""))); });
            const auto at = [](const std::vector<std::string>& list, std::size_t i) {
                return i < list.size() ? list[i] : std::string();
            };
            const auto driver = text_of(rule, "driver");
            for (std::size_t i = 0; i < std::max({std::size_t{1}, reads.size(), writes.size()}); ++i) {
                table.add({i == 0 ? text_of(rule, "rule") : "", i == 0 ? (driver.empty() ? "(operator)" : driver) : "",
                           at(reads, i), at(writes, i)});
            }
        }
        out += table.text(colours);
    }
    TextTable tables({"TABLE", "ROWS", "FILLED BY"});
    graph["tables"].each([&](JsonView table) {
        const auto name = text_of(table, "name");
        if (!names.contains(name)) return;
        const bool input = table["input"].boolean().value_or(false);
        const bool waits = input && !table["complete"].boolean().value_or(false);
        tables.add({name, grouped(table["rows"].unsigned_integer().value_or(0)),
                    Cell(waits   ? "outside; not complete yet"
                         : input ? "outside"
                                 : "rules",
                         waits ? Colour::warn : Colour::none)});
    });
    if (!tables.empty()) out += "\n" + painted("Tables", Colour::strong, colours) + "\n" + tables.text(colours);
    return out;
}

/// What graphviz makes of it.
Result<std::string> svg_of(const std::string& dot) {
    auto drawn = run_program({"dot", "-Tsvg"}, dot);
    if (!drawn) return std::move(drawn).error();
    if (!*drawn) {
        return Error{ErrorKind::invalid,
                     "there is no program dot on this machine, which draws the SVG",
                     {},
                     "install the package graphviz, or run weftctl graph --dot here and dot -Tsvg where it is"};
    }
    if ((*drawn)->status != 0) return broken("dot failed: " + (*drawn)->errors);
    return std::move((*drawn)->out);
}

}  // namespace

int graph_command(const Context& context, const std::vector<std::string>& args) {
    const Arguments given(args, {"dot", "svg"}, {"plugin"}, 0);
    if (given.has("dot") && given.has("svg")) throw Usage{"--dot and --svg: choose one"};
    const auto answer = context.call("graph", {});
    if (!answer) return context.fail(answer.error());
    const auto graph = answer->root()["result"];
    const auto only = given.value("plugin").value_or("");
    if (!only.empty() && by_plugin(graph, only).empty()) {
        return context.fail(invalid("no plugin \"" + only + "\" runs", "weftctl plugins lists them"));
    }
    if (given.has("dot")) {
        context.io.out << graph_dot(graph, only);
    } else if (given.has("svg")) {
        const auto svg = svg_of(graph_dot(graph, only));
        if (!svg) return context.fail(svg.error());
        context.io.out << *svg;
    } else if (context.json) {
        context.io.out << graph.dump() << "\n";
    } else {
        context.io.out << graph_text(graph, only, context.io.colours);
    }
    return 0;
}

}  // namespace weft::ctl
