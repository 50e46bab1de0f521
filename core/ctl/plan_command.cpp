#include "ctl/extra_commands.hpp"
#include "ctl/row_text.hpp"
#include "ctl/text_table.hpp"

#include <weft/testing/objects.hpp>

#include <algorithm>
#include <exception>
#include <filesystem>
#include <ostream>

namespace weft::ctl {

namespace {

namespace fs = std::filesystem;

std::string text_of(const JsonView& object, std::string_view member) {
    return plain(object[member].string_or(""));
}

/// JSON objects of a file, or of all manifests of a folder by name.
Result<std::vector<std::string>> manifests(const std::string& path) {
    std::vector<std::string> files, objects;
    std::error_code code;
    if (fs::is_directory(path, code)) {
        for (const auto& entry : fs::directory_iterator(path, code)) {
            const auto extension = entry.path().extension();
            if (extension == ".yaml" || extension == ".yml" || extension == ".json") files.push_back(entry.path());
        }
        std::sort(files.begin(), files.end());
    } else {
        files.push_back(path);
    }
    try {
        for (const auto& file : files) {
            for (auto& object : testing::json_objects_from_file(file))
                objects.push_back(std::move(object));
        }
    } catch (const std::exception& e) {
        return invalid(e.what());
    }
    if (objects.empty()) return invalid("no objects in " + path, "name a file or folder of manifests");
    return objects;
}

std::string counts_text(std::size_t added, std::size_t changed, std::size_t removed) {
    std::string text;
    const auto add = [&](std::size_t count, const char* word) {
        if (count > 0) text += (text.empty() ? "" : ", ") + grouped(count) + " " + word;
    };
    add(added, "added"), add(changed, "changed"), add(removed, "removed");
    return text;
}

void add_row(std::string& out, const JsonView& row, bool colours) {
    const auto change = text_of(row, "change");
    const bool adds = change == "add";
    const bool removes = change == "remove";
    const auto sign = adds      ? painted("+", Colour::good, colours)
                      : removes ? painted("-", Colour::bad, colours)
                                : painted("~", Colour::warn, colours);
    out += "  " + sign + " " + text_of(row, "table") + " " + text_of(row, "key");
    if (const auto rule = text_of(row, "rule"); !rule.empty()) {
        const auto object = text_of(row, "object");
        out += painted("  by " + text_of(row, "plugin") + "/" + rule + (object.empty() ? "" : " for " + object),
                       Colour::dim, colours);
    }
    out += "\n";
    const auto lines = adds      ? row_lines(row["after"])
                       : removes ? std::vector<std::string>()
                                 : row_changes(row["before"], row["after"]);
    for (const auto& line : lines)
        out += "        " + line + "\n";
}

std::string plan_text(const JsonView& plan, bool summary, bool colours) {
    std::string out;
    plan["changed"].each([&](JsonView key) { out += "configuration: " + plain(key.string_or("")) + "\n"; });
    std::uint64_t all = 0;
    std::string head, body;
    plan["sides"].each([&](JsonView side) {
        const auto of_side = side["all"].unsigned_integer().value_or(0);
        if (of_side == 0) return;
        all += of_side;
        std::size_t added = 0, changed = 0, removed = 0;
        std::string rows;
        side["rows"].each([&](JsonView row) {
            const auto change = row["change"].string_or("");
            ++(change == "add" ? added : change == "remove" ? removed : changed);
            add_row(rows, row, colours);
        });
        const auto shown = side["rows"].size();
        head += "  " + text_of(side, "name") + ": " + counts_text(added, changed, removed) +
                (of_side > shown ? " and " + grouped(of_side - shown) + " more" : "") + "\n";
        body += "\n" + painted(text_of(side, "name"), Colour::strong, colours) + "\n" + rows;
    });
    out += all == 0 ? painted("no row would change", Colour::good, colours) + "\n"
                    : painted(grouped(all) + (all == 1 ? " row would change" : " rows would change"), Colour::strong,
                              colours) +
                          "\n" + head;
    if (plan["troubles"].size() > 0) {
        out += "\n" + painted("Rules that would wait or fail", Colour::bad, colours) + "\n";
        plan["troubles"].each([&](JsonView trouble) {
            const auto object = text_of(trouble, "object");
            out += "  " + text_of(trouble, "state") + "  " + text_of(trouble, "plugin") + "/" +
                   text_of(trouble, "rule") + " for " + (object.empty() ? text_of(trouble, "driver") : object) + "\n";
            const auto where = text_of(trouble, "where");
            out += "        " + (where.empty() ? "" : where + ": ") + text_of(trouble, "what") + "\n";
            if (const auto mend = text_of(trouble, "mend"); !mend.empty()) out += "        " + mend + "\n";
        });
    }
    plan["notes"].each([&](JsonView note) { out += "note: " + plain(note.string_or("")) + "\n"; });
    if (!summary) out += body;
    return out;
}

}  // namespace

int plan_command(const Context& context, const std::vector<std::string>& args) {
    const Arguments given(args, {"summary"}, {"config", "enable", "disable", "apply", "delete"}, 0);
    JsonWriter w;
    w.begin_object();
    if (const auto file = given.value("config")) {
        std::error_code code;
        const auto path = fs::absolute(*file, code);
        if (!fs::exists(path, code)) return context.fail(invalid("no file " + *file));
        w.member("configFile", path.string());
    }
    for (const auto* list : {"enable", "disable", "delete"}) {
        w.key(list).array([&] {
            for (const auto& name : given.values(list))
                w.value(name);
        });
    }
    std::vector<std::string> objects;
    for (const auto& path : given.values("apply")) {
        auto more = manifests(path);
        if (!more) return context.fail(more.error());
        objects.insert(objects.end(), more->begin(), more->end());
    }
    w.key("apply").array([&] {
        for (const auto& object : objects)
            w.raw(object);
    });
    w.end_object();
    const auto answer = context.call("plan", w.text());
    if (!answer) return context.fail(answer.error());
    const auto plan = answer->root()["result"];
    context.io.out << (context.json ? plan.dump() + "\n" : plan_text(plan, given.has("summary"), context.io.colours));
    return 0;
}

int plugin_switch_command(const Context& context, const std::vector<std::string>& args) {
    const Arguments given(args, {}, {}, 2);
    const auto& words = given.positional();
    if (words.size() != 2) throw Usage{"plugins " + words.front() + " needs the name of a plugin"};
    const bool on = words[0] == "enable";
    JsonWriter w;
    w.object([&] { w.member("name", words[1]).member("enabled", on); });
    const auto answer = context.call("plugin-switch", w.text());
    if (!answer) return context.fail(answer.error());
    const auto result = answer->root()["result"];
    if (context.json) {
        context.io.out << result.dump() << "\n";
        return 0;
    }
    const auto is = [&](std::string_view member) { return result[member].boolean().value_or(false); };
    context.io.out << "plugin " << plain(words[1]) << (is("changed") ? " is now " : " was already ")
                   << (on ? "enabled" : "disabled") << "\n";
    if (is("lasts")) {
        context.io.out << "the configuration says so too: it stays so after a restart\n";
    } else {
        std::string file;
        result["files"].each([&](JsonView name) {
            if (file.empty()) file = plain(name.string_or(""));
        });
        context.io.out << "until weftd restarts or reloads; to keep it, write into "
                       << (file.empty() ? "weft.conf" : file) << ":\n  [plugins]\n  "
                       << (on ? "enable = " : "disable = ") << plain(words[1]) << "\n";
    }
    return 0;
}

}  // namespace weft::ctl
