#include "config/layers.hpp"

#include "config/ini.hpp"

#include <weft/base/json.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <set>

namespace weft::config {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t max_file_size = 1 << 20;
constexpr std::string_view plugin_prefix = "plugin.";

std::size_t index_of(const KeySpec& spec) {
    return static_cast<std::size_t>(&spec - schema().data());
}

std::string in_section(std::string_view key, std::string_view section) {
    return json_quote(key) + " in [" + std::string(section) + "]";
}

Error at(Error error, const Origin& origin) {
    if (origin.kind == Origin::Kind::file && origin.column > 0) {
        error.where = origin.name + ":" + std::to_string(origin.line) + ":" + std::to_string(origin.column);
    } else {
        error.where = origin.text();
    }
    return error;
}

Result<std::string> read_file(const std::string& path) {
    const auto fail = [&](const std::string& why) {
        return Error{ErrorKind::invalid, "failed to open config file " + path + ": " + why, {}, "check --config-file"};
    };
    std::error_code failed;
    if (fs::is_directory(path, failed)) return fail("it is a folder");
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> in(std::fopen(path.c_str(), "rbe"), &std::fclose);
    if (!in) return fail(std::generic_category().message(errno));
    std::string text(max_file_size + 1, '\0');
    text.resize(std::fread(text.data(), 1, text.size(), in.get()));
    if (std::ferror(in.get())) return fail("it can't be read");
    if (text.size() > max_file_size) return fail("it is larger than 1 MiB: is this a configuration file?");
    return text;
}

bool is_file(const std::string& path) {
    std::error_code ignored;
    return fs::is_regular_file(path, ignored);
}

/// Collects values layer by layer.
class Reader {
  public:
    Reader(const LoadOptions& options, const Flags& flags) : options_(options), flags_(flags) {}

    Result<Layers> run();

  private:
    struct Pair {
        std::string_view key;
        std::string_view other;
    };

    Value& value_of(std::string_view section, std::string_view key) {
        return layers_.values[index_of(*find_key(section, key))];
    }
    void begin_layer() { set_in_layer_.clear(); }
    void set(const KeySpec& spec, std::string text, Origin origin);
    /// Of {token, tokenFile} and {cacert, cacert-data}, what a layer sets clears the other one of lower layers.
    void end_layer();

    void read_defaults();
    void read_service_account();
    std::string variable(std::string_view name) const;
    void read_environment();
    Result<std::vector<std::string>> find_files() const;
    Result<void> read_files();
    Result<void> read_entry(const IniEntry& entry, const std::string& file);
    Result<void> read_section_line(const IniEntry& entry, const Origin& origin);
    Result<void> read_plugins_entry(const IniEntry& entry, const Origin& origin);
    Result<void> mention_plugins(const std::vector<std::string>& names, bool enable, const Origin& origin);
    Result<void> unknown_key(const IniEntry& entry, const Origin& origin);
    Result<void> read_flags();

    const LoadOptions& options_;
    const Flags& flags_;
    Layers layers_;
    std::set<std::size_t> set_in_layer_;
};

void Reader::set(const KeySpec& spec, std::string text, Origin origin) {
    set_in_layer_.insert(index_of(spec));
    layers_.values[index_of(spec)] = {std::move(text), std::move(origin)};
}

void Reader::end_layer() {
    static constexpr Pair pairs[] = {{"token", "tokenfile"}, {"cacert", "cacert-data"}};
    for (const auto& [a, b] : pairs) {
        const std::size_t first = index_of(*find_key("kubernetes", a));
        const std::size_t second = index_of(*find_key("kubernetes", b));
        const auto now_set = [&](std::size_t i) {
            return set_in_layer_.contains(i) && !layers_.values[i].text.empty();
        };
        if (now_set(first) && !now_set(second)) layers_.values[second] = {"", layers_.values[first].origin};
        if (now_set(second) && !now_set(first)) layers_.values[first] = {"", layers_.values[second].origin};
    }
}

void Reader::read_defaults() {
    for (const auto& spec : schema())
        layers_.values.push_back({std::string(spec.fallback), {}});
}

void Reader::read_service_account() {
    begin_layer();
    const std::string token = options_.service_account_dir + "/token";
    const std::string ca = options_.service_account_dir + "/ca.crt";
    const auto origin = [](const std::string& file) { return Origin{Origin::Kind::service_account, file}; };
    if (is_file(token)) {
        if (auto text = read_file(token)) {
            set(*find_key("kubernetes", "token"), std::string(trimmed(*text)), origin(token));
            set(*find_key("kubernetes", "tokenfile"), token, origin(token));
        }
    }
    if (is_file(ca)) set(*find_key("kubernetes", "cacert"), ca, origin(ca));
    end_layer();
}

std::string Reader::variable(std::string_view name) const {
    if (options_.environment) return options_.environment(std::string(name)).value_or("");
    const char* text = std::getenv(std::string(name).c_str());
    return text ? text : "";
}

void Reader::read_environment() {
    begin_layer();
    for (const auto& spec : schema()) {
        if (spec.env.empty()) continue;
        auto text = variable(spec.env);
        if (!text.empty()) set(spec, std::move(text), {Origin::Kind::environment, std::string(spec.env)});
    }
    end_layer();
}

Result<std::vector<std::string>> Reader::find_files() const {
    std::vector<std::string> files;
    std::string dir = flags_.config_dir.value_or("");
    const std::string given = flags_.config_file.value_or(options_.config_file);
    if (!given.empty()) {
        files.push_back(given);
        if (dir.empty()) dir = (fs::path(given).parent_path() / "conf.d").string();
    } else {
        const auto found = std::ranges::find_if(options_.default_files, is_file);
        if (found != options_.default_files.end()) files.push_back(*found);
        if (dir.empty()) dir = options_.default_dir;
    }
    std::error_code failed;
    if (flags_.config_dir && !fs::is_directory(dir, failed)) {
        return Error{ErrorKind::invalid, "no folder " + dir, "--config-dir", "make it, or leave the flag out"};
    }
    std::vector<std::string> parts;
    for (auto at = fs::directory_iterator(dir, failed); !failed && at != fs::directory_iterator();
         at.increment(failed)) {
        const auto& path = at->path();
        if (path.extension() == ".conf" && !path.filename().string().starts_with('.')) parts.push_back(path.string());
    }
    std::ranges::sort(parts);
    files.insert(files.end(), parts.begin(), parts.end());
    return files;
}

Result<void> Reader::read_files() {
    begin_layer();
    auto files = find_files();
    if (!files) return std::move(files).error();
    for (const auto& file : *files) {
        auto text = read_file(file);
        if (!text) return std::move(text).error();
        auto entries = parse_ini(*text, file);
        if (!entries) {
            Error error = std::move(entries).error();
            error.what = "failed to parse config file " + file + ": " + error.what;
            return error;
        }
        for (const auto& entry : *entries) {
            if (auto read = read_entry(entry, file); !read) return read;
        }
        layers_.files.push_back(file);
    }
    end_layer();
    return {};
}

Result<void> Reader::read_section_line(const IniEntry& entry, const Origin& origin) {
    const std::string& section = entry.section;
    if (known_section(section) || section == "plugins") return {};
    if (section.starts_with(plugin_prefix) && section.size() > plugin_prefix.size()) {
        layers_.plugin_sections.try_emplace(section.substr(plugin_prefix.size()), origin);
        return {};
    }
    if (section == "plugin" || section == plugin_prefix) {
        return at(invalid("[plugin] names no plugin", "write [plugin.<name>], or [plugins] for the list"), origin);
    }
    for (const auto& removed : removed_keys()) {
        if (removed.section != section || !removed.key.empty()) continue;
        layers_.warnings.push_back(
            at(invalid("section [" + section + "] has been removed and is ignored", std::string(removed.why)), origin));
        return {};
    }
    std::set<std::string> names{"plugins"};
    for (const auto& spec : schema())
        names.emplace(spec.section);
    const auto near = nearest(section, names);
    layers_.warnings.push_back(
        at(invalid("unknown section [" + section + "] is ignored", near.empty() ? "" : "did you mean [" + near + "]?"),
           origin));
    return {};
}

Result<void> Reader::unknown_key(const IniEntry& entry, const Origin& origin) {
    for (const auto& removed : removed_keys()) {
        if (removed.section != entry.section || removed.key != entry.key) continue;
        layers_.warnings.push_back(at(invalid(in_section(entry.key, entry.section) + " has been removed and is ignored",
                                              std::string(removed.why)),
                                      origin));
        return {};
    }
    std::set<std::string> names;
    for (const auto& spec : schema()) {
        if (spec.section == entry.section) names.emplace(spec.key);
    }
    const auto near = nearest(entry.key, names);
    std::string mend = near.empty() ? "" : "did you mean " + json_quote(near) + "?";
    if (entry.section == "weft") {
        if (mend.empty()) mend = "`weftctl config reference` lists all keys";
        return at(invalid("unknown key " + in_section(entry.key, entry.section), std::move(mend)), origin);
    }
    layers_.warnings.push_back(
        at(invalid("unknown key " + in_section(entry.key, entry.section) + " is ignored", std::move(mend)), origin));
    return {};
}

Result<void> Reader::mention_plugins(const std::vector<std::string>& names, bool enable, const Origin& origin) {
    auto& set = layers_.plugin_set;
    layers_.plugin_set_origin = origin;
    if (enable) set.listed = true;
    for (const auto& name : names) {
        const bool good = name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string::npos;
        if (!good) {
            return at(invalid(json_quote(name) + " is no plugin name", "names are lower case letters, digits and -"),
                      origin);
        }
        std::erase(set.enable, name);
        std::erase(set.disable, name);
        (enable ? set.enable : set.disable).push_back(name);
    }
    return {};
}

Result<void> Reader::read_plugins_entry(const IniEntry& entry, const Origin& origin) {
    const bool is_list = entry.key == "enable" || entry.key == "disable";
    if (is_list && entry.has_value) return mention_plugins(split_list(entry.value), entry.key == "enable", origin);
    if (entry.key.starts_with("sha256.") && entry.has_value) {
        const std::string hex = lower_case(entry.value);
        if (hex.size() != 64 || hex.find_first_not_of("0123456789abcdef") != std::string::npos) {
            return at(invalid("a sha256 has 64 hexadecimal digits", "take what `sha256sum` prints for the .so file"),
                      origin);
        }
        layers_.plugin_set.sha256[entry.key.substr(7)] = hex;
        return {};
    }
    if (is_list || entry.key.starts_with("sha256.")) {
        return at(invalid("no value for " + in_section(entry.key, "plugins"), "write key = value"), origin);
    }
    const auto near = nearest(entry.key, std::vector<std::string>{"enable", "disable", "sha256.<plugin>"});
    return at(invalid("unknown key " + in_section(entry.key, "plugins"),
                      near.empty() ? "the keys are enable, disable and sha256.<plugin>"
                                   : "did you mean " + json_quote(near) + "?"),
              origin);
}

Result<void> Reader::read_entry(const IniEntry& entry, const std::string& file) {
    Origin origin{Origin::Kind::file, file, entry.line, entry.column};
    if (entry.key.empty()) return read_section_line(entry, origin);
    if (entry.section == "plugins") return read_plugins_entry(entry, origin);
    if (entry.section.starts_with(plugin_prefix)) {
        layers_.plugins[entry.section.substr(plugin_prefix.size())][entry.key] = {
            entry.has_value ? entry.value : "true", std::move(origin)};
        return {};
    }
    const KeySpec* spec = find_key(entry.section, entry.key);
    if (!spec) return known_section(entry.section) ? unknown_key(entry, origin) : Result<void>();
    if (!entry.has_value && !spec->bind.is_bool) {
        return at(
            invalid("failed to parse config file " + file + ": no value for " + in_section(entry.key, entry.section),
                    "write " + entry.key + " = value; only flags may stand alone"),
            origin);
    }
    set(*spec, entry.has_value ? entry.value : "true", std::move(origin));
    return {};
}

Result<void> Reader::read_flags() {
    begin_layer();
    for (const auto& flag : flags_.values)
        set(*flag.key, flag.value, {Origin::Kind::flag, flag.flag});
    end_layer();
    layers_.warnings.insert(layers_.warnings.end(), flags_.warnings.begin(), flags_.warnings.end());
    if (!flags_.enable_plugins.empty()) {
        const Origin origin{Origin::Kind::flag, "enable-plugins"};
        if (auto done = mention_plugins(flags_.enable_plugins, true, origin); !done) return done;
    }
    if (!flags_.disable_plugins.empty()) {
        return mention_plugins(flags_.disable_plugins, false, {Origin::Kind::flag, "disable-plugins"});
    }
    return {};
}

Result<Layers> Reader::run() {
    read_defaults();
    read_service_account();
    read_environment();
    if (auto files = read_files(); !files) return std::move(files).error();
    if (auto flags = read_flags(); !flags) return std::move(flags).error();

    // Old places of some keys count where the new place says nothing.
    static constexpr std::pair<std::string_view, std::string_view> moved[] = {
        {"bind-address", "metrics-bind-address"},
        {"ovn-metrics-bind-address", "ovn-metrics-bind-address"},
        {"enable-pprof", "metrics-enable-pprof"}};
    for (const auto& [now, before] : moved) {
        auto& value = value_of("metrics", now);
        const auto& old = value_of("kubernetes", before);
        if (value.origin.kind == Origin::Kind::built_in && old.origin.kind != Origin::Kind::built_in) value = old;
    }
    // On a DPU another variable says for which node.
    const bool dpu = value_of("ovnkubenode", "mode").text == "dpu" || value_of("weft", "role").text == "dpu";
    auto& node = value_of("weft", "node");
    const bool open = node.origin.kind <= Origin::Kind::environment;
    if (auto text = variable("K8S_NODE_DPU"); dpu && open && !text.empty()) {
        node = {std::move(text), {Origin::Kind::environment, "K8S_NODE_DPU"}};
    }
    return std::move(layers_);
}

}  // namespace

Result<Layers> read_layers(const LoadOptions& options, const Flags& flags) {
    return Reader(options, flags).run();
}

Result<Settings> assign(const Layers& layers) {
    Settings settings;
    for (const auto& spec : schema()) {
        const Value& value = layers.values[index_of(spec)];
        const auto blame = [&](Error error) {
            const bool file = value.origin.kind == Origin::Kind::file;
            error.what = (file ? "failed to parse config file " + value.origin.name + ": " : "") + "[" +
                         std::string(spec.section) + "] " + std::string(spec.key) + ": " + error.what;
            return at(std::move(error), value.origin);
        };
        if (auto assigned = spec.bind.assign(settings, value.text, value.spelling()); !assigned) {
            return blame(std::move(assigned).error());
        }
        if (!spec.check) continue;
        if (auto checked = spec.check(value.text); !checked) return blame(std::move(checked).error());
    }
    settings.plugins = layers.plugin_set;
    return settings;
}

}  // namespace weft::config
