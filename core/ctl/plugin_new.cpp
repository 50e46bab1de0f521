#include "ctl/plugin_new.hpp"

#include <weft/base/json.hpp>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string_view>

namespace weft::ctl {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t longest_name = 40;  // what Kubernetes and file names are made of it must fit, too

/// What can't be a namespace in C++, or means something to weft already.
constexpr std::array<std::string_view, 41> taken{
    "auto",           "bool",   "break",  "case",   "catch",    "char", "class",  "concept", "const",  "continue",
    "default",        "delete", "do",     "double", "else",     "enum", "export", "false",   "float",  "for",
    "friend",         "if",     "inline", "int",    "long",     "main", "new",    "private", "public", "return",
    "short",          "std",    "struct", "switch", "template", "this", "true",   "union",   "using",  "weft",
    "default-network"};

/// The name of a custom resource in paths, as Kubernetes' own tools make it of the kind in lower case.
std::string plural(const std::string& lower) {
    if (lower.ends_with("cy") || lower.ends_with("ty")) return lower.substr(0, lower.size() - 1) + "ies";
    return lower + (lower.ends_with("s") || lower.ends_with("x") || lower.ends_with("ch") ? "es" : "s");
}

/// The names in the template, and what they become; the longer of two that begin alike comes first.
std::vector<std::pair<std::string, std::string>> replacements(const std::string& name) {
    std::string lower = pascal_case(name);
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return {{"my-feature", name},
            {"my_feature", snake_case(name)},
            {"MyFeature", pascal_case(name)},
            {"myfeatures", plural(lower)},
            {"myfeature", lower}};
}

std::string renamed(std::string text, const std::vector<std::pair<std::string, std::string>>& names) {
    std::string out;
    for (std::size_t at = 0; at < text.size();) {
        const auto found = std::find_if(names.begin(), names.end(), [&](const auto& entry) {
            return text.compare(at, entry.first.size(), entry.first) == 0;
        });
        if (found == names.end()) {
            out.push_back(text[at++]);
        } else {
            out += found->second;
            at += found->first.size();
        }
    }
    return out;
}

Result<fs::path> find_templates(const std::string& given) {
    std::error_code code;
    std::vector<fs::path> places;
    if (!given.empty()) {
        places.emplace_back(given);
    } else {
        places.push_back(fs::read_symlink("/proc/self/exe", code).parent_path().parent_path() / "share/weft/template");
    }
    for (const auto& place : places) {
        if (fs::exists(place / "CMakeLists.txt", code)) return place;
    }
    return Error{ErrorKind::invalid, "there is no template of a plugin", places.front().string(),
                 "install the SDK (package weft-sdk), or name its folder with --template"};
}

Result<void> write_file(const fs::path& from, const fs::path& to,
                        const std::vector<std::pair<std::string, std::string>>& names) {
    std::ostringstream text;
    text << std::ifstream(from, std::ios::binary).rdbuf();
    std::error_code code;
    fs::create_directories(to.parent_path(), code);
    std::ofstream out(to, std::ios::binary);
    out << renamed(text.str(), names) << std::flush;
    if (!out) return Error{ErrorKind::again, "can't be written", to.string(), "is the folder writable?"};
    return {};
}

}  // namespace

Result<void> check_plugin_name(const std::string& name) {
    const auto refused = [&](std::string why) {
        return Error{ErrorKind::invalid,
                     json_quote(name) + " is no name for a plugin: " + std::move(why),
                     {},
                     "names are like my-feature: a lower case letter, then letters, digits and single dashes"};
    };
    if (name.empty()) return refused("it is empty");
    if (name.size() > longest_name) return refused("it has more than " + std::to_string(longest_name) + " characters");
    if (name.front() < 'a' || name.front() > 'z') return refused("it does not begin with a lower case letter");
    for (const char c : name) {
        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-') continue;
        return refused("it has a character that is no lower case letter, digit or dash");
    }
    if (name.back() == '-' || name.find("--") != std::string::npos) return refused("a dash must be between two words");
    if (std::find(taken.begin(), taken.end(), name) != taken.end()) return refused("it means something already");
    return {};
}

std::string pascal_case(const std::string& name) {
    std::string out;
    bool upper = true;
    for (const char c : name) {
        if (c != '-') out.push_back(upper ? static_cast<char>(std::toupper(static_cast<unsigned char>(c))) : c);
        upper = c == '-';
    }
    return out;
}

std::string snake_case(const std::string& name) {
    std::string out = name;
    std::replace(out.begin(), out.end(), '-', '_');
    return out;
}

Result<std::vector<std::string>> write_plugin(const NewPlugin& plugin) {
    if (auto good = check_plugin_name(plugin.name); !good) return good.error();
    const auto templates = find_templates(plugin.templates);
    if (!templates) return templates.error();
    const fs::path folder = plugin.folder.empty() ? fs::path(plugin.name) : fs::path(plugin.folder);
    std::error_code code;
    if (fs::exists(folder, code) && !(fs::is_directory(folder, code) && fs::is_empty(folder, code)))
        return Error{ErrorKind::conflict, "is there already", folder.string(), "name another folder, or remove it"};
    const auto names = replacements(plugin.name);
    std::vector<std::string> written;
    for (const auto& entry : fs::recursive_directory_iterator(*templates, code)) {
        if (!entry.is_regular_file()) continue;
        const auto path = renamed(entry.path().lexically_relative(*templates).string(), names);
        if (auto done = write_file(entry.path(), folder / path, names); !done) return done.error();
        written.push_back((folder / path).string());
    }
    if (code) return Error{ErrorKind::again, "can't be read: " + code.message(), templates->string(), {}};
    std::sort(written.begin(), written.end());
    return written;
}

}  // namespace weft::ctl
