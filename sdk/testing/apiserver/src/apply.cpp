#include "apply.hpp"

#include "field_set.hpp"

#include <algorithm>

namespace weft::apiserver {

namespace {

/// One entry of managedFields.
struct Entry {
    std::string manager, operation, api_version, subresource, time;
    FieldSet fields;

    bool same_writer(const Entry& other) const {
        return manager == other.manager && operation == other.operation && subresource == other.subresource;
    }
};

std::vector<Entry> read_entries(const Json& object) {
    std::vector<Entry> out;
    for (const auto& item : list_at(object, {"metadata", "managedFields"})) {
        out.push_back({std::string(text_at(item, {"manager"})), std::string(text_at(item, {"operation"})),
                       std::string(text_at(item, {"apiVersion"})), std::string(text_at(item, {"subresource"})),
                       std::string(text_at(item, {"time"})), from_fields_v1(map_at(item, {"fieldsV1"}))});
    }
    return out;
}

void write_entries(Json& object, std::vector<Entry> entries) {
    std::erase_if(entries, [](const Entry& entry) { return entry.fields.empty(); });
    Json list = Json::array();
    for (const auto& entry : entries) {
        Json item = {{"manager", entry.manager},        {"operation", entry.operation},
                     {"apiVersion", entry.api_version}, {"time", entry.time},
                     {"fieldsType", "FieldsV1"},        {"fieldsV1", to_fields_v1(entry.fields)}};
        if (!entry.subresource.empty()) item["subresource"] = entry.subresource;
        list.push_back(std::move(item));
    }
    object_at(object, "metadata")["managedFields"] = std::move(list);
}

Entry& entry_of(std::vector<Entry>& entries, const Entry& wanted) {
    auto found = std::find_if(entries.begin(), entries.end(), [&](const Entry& e) { return e.same_writer(wanted); });
    if (found != entries.end()) return *found;
    return entries.emplace_back(wanted);
}

bool same(const Json* a, const Json* b) {
    return a && b ? *a == *b : a == b;
}

/// Fields that others set to something else.
std::vector<std::pair<std::string, FieldPath>> conflicts(const std::vector<Entry>& entries, const Entry& writer,
                                                         const FieldSet& wanted, const Json& live, const Json& config) {
    std::vector<std::pair<std::string, FieldPath>> out;
    for (const auto& entry : entries) {
        if (entry.same_writer(writer)) continue;
        for (const auto& path : wanted) {
            if (path.back() == "." || !entry.fields.contains(path)) continue;
            if (!same(value_at(live, path), value_at(config, path))) out.emplace_back(entry.manager, path);
        }
    }
    return out;
}

ApiError conflict_error(const std::vector<std::pair<std::string, FieldPath>>& found) {
    Json causes = Json::array();
    std::string text;
    for (const auto& [manager, path] : found) {
        causes.push_back({{"reason", "FieldManagerConflict"},
                          {"message", "conflict with \"" + manager + "\""},
                          {"field", path_text(path)}});
        text += (text.empty() ? "" : ", ") + ("conflict with \"" + manager + "\": " + path_text(path));
    }
    std::string count = std::to_string(found.size()) + (found.size() == 1 ? " conflict: " : " conflicts: ");
    return {409, "Conflict", "Apply failed with " + count + text, {{"causes", std::move(causes)}}, {}, 0};
}

bool starts_with(const FieldPath& path, const FieldPath& prefix) {
    return path.size() >= prefix.size() && std::equal(prefix.begin(), prefix.end(), path.begin());
}

/// True for "type" of the element k:{"type":"Ready"}: it goes with its element only.
bool is_list_key(const FieldPath& path) {
    if (path.size() < 2 || !path[path.size() - 2].starts_with("k:")) return false;
    return Json::parse(path[path.size() - 2].substr(2), nullptr, false).contains(path.back().substr(2));
}

/// Takes out the fields that the writer gave up and nobody else has; a list element goes whole once nobody has
/// anything in it.
void remove_given_up(Json& object, const FieldSet& before, const FieldSet& now, const std::vector<Entry>& entries,
                     const Entry& writer) {
    auto anybody = [&](const auto& holds) {
        if (std::any_of(now.begin(), now.end(), holds)) return true;
        return std::any_of(entries.begin(), entries.end(), [&](const Entry& entry) {
            return !entry.same_writer(writer) && std::any_of(entry.fields.begin(), entry.fields.end(), holds);
        });
    };
    for (const auto& path : before) {
        if (path.back() == ".") {
            FieldPath element(path.begin(), path.end() - 1);
            if (!anybody([&](const FieldPath& p) { return starts_with(p, element); })) remove_at(object, element);
        } else if (!is_list_key(path) && !anybody([&](const FieldPath& p) { return p == path; })) {
            remove_at(object, path);
        }
    }
}

}  // namespace

Outcome<Json> server_side_apply(const Resource& resource, const Version& version, const Json& live, Json config,
                                const Writer& writer) {
    Shape shape(resource, version);
    auto entries = read_entries(live);
    if (entries.empty() && !live.empty()) {
        entries.push_back({"before-first-apply", "Update", resource.api_version(version.name), "", writer.time,
                           shape.fields_of(live)});
    }
    Entry self{writer.manager, "Apply", resource.api_version(version.name), writer.subresource, writer.time, {}};
    FieldSet wanted = shape.fields_of(config);
    auto found = conflicts(entries, self, wanted, live, config);
    if (!found.empty() && !writer.force) return conflict_error(found);
    for (auto& entry : entries) {
        for (const auto& [manager, path] : found) {
            if (!entry.same_writer(self)) entry.fields.erase(path);
        }
    }
    Json merged = live.is_object() ? live : Json::object();
    if (Json* metadata = find(config, {"metadata"})) metadata->erase("managedFields");
    Entry& own = entry_of(entries, self);
    FieldSet before = std::move(own.fields);
    if (before != wanted) own.time = writer.time;
    own.fields = wanted;
    own.api_version = self.api_version;
    shape.merge(merged, config);
    remove_given_up(merged, before, wanted, entries, self);
    write_entries(merged, std::move(entries));
    return merged;
}

void track_update(const Resource& resource, const Version& version, const Json& before, Json& now,
                  const Writer& writer) {
    auto entries = read_entries(before);
    if (entries.empty()) {
        object_at(now, "metadata").erase("managedFields");
        return;
    }
    Shape shape(resource, version);
    FieldSet had = shape.fields_of(before);
    FieldSet has = shape.fields_of(now);
    Entry self{writer.manager, "Update", resource.api_version(version.name), writer.subresource, writer.time, {}};
    FieldSet changed;
    for (const auto& path : has) {
        if (!had.contains(path) || !same(value_at(before, path), value_at(now, path))) changed.insert(path);
    }
    for (auto& entry : entries) {
        std::erase_if(entry.fields, [&](const FieldPath& path) {
            return (changed.contains(path) && path.back() != ".") || (had.contains(path) && !has.contains(path));
        });
    }
    if (!changed.empty()) {
        Entry& own = entry_of(entries, self);
        own.fields.merge(changed);
        own.time = writer.time;
    }
    write_entries(now, std::move(entries));
}

}  // namespace weft::apiserver
