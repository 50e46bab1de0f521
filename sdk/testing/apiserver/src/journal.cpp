#include "journal.hpp"

#include "json.hpp"

namespace weft::apiserver {

namespace {

/// The stored object that a line speaks of; nothing when no resource serves it any more.
std::optional<Target> target_of(const Store& store, const Json& object) {
    const std::string api_version(text_at(object, {"apiVersion"}));
    const auto slash = api_version.find('/');
    const bool core = slash == std::string::npos;
    for (const auto& table : store.tables()) {
        const auto resource = table->shared_resource();
        if (resource->names.group != (core ? "" : api_version.substr(0, slash))) continue;
        if (resource->names.kind != text_at(object, {"kind"})) continue;
        const auto* version = resource->version(core ? api_version : api_version.substr(slash + 1));
        if (version == nullptr) continue;
        const std::string space(resource->namespaced ? text_at(object, {"metadata", "namespace"}) : "");
        return Target{table, resource, version, space, std::string(text_at(object, {"metadata", "name"})), ""};
    }
    return {};
}

}  // namespace

Result<void> Journal::replay(const std::filesystem::path& file, Store& store) {
    std::ifstream in(file);
    std::uintmax_t whole = 0;
    for (std::string line; std::getline(in, line);) {
        std::string why;
        const auto entry = parse_json(line, why);
        if (!entry) {
            if (in.peek() == std::ifstream::traits_type::eof()) break;  // it was being written
            return invalid(file.string() + " has a line that can't be read: " + why);
        }
        whole += line.size() + 1;
        const auto revision = static_cast<std::uint64_t>(integer_at(*entry, {"revision"}).value_or(0));
        const bool gone = entry->contains("gone");
        const Json& object = entry->at(gone ? "gone" : "object");
        const auto target = target_of(store, object);
        if (!target) continue;
        if (gone) {
            store.forget(*target, revision);
        } else if (auto restored = store.restore(*target, object, revision); !restored) {
            return invalid(file.string() + ": " + restored.error().message);
        }
    }
    std::error_code failed;
    std::filesystem::resize_file(file, whole, failed);
    return failed ? again("can't cut " + file.string() + ": " + failed.message()) : Result<void>();
}

Result<void> Journal::open(const std::filesystem::path& file, Store& store) {
    const bool there = std::filesystem::exists(file);
    if (there) {
        if (auto replayed = replay(file, store); !replayed) return replayed;
        store.compact();
    }
    out_.open(file, std::ios::app | std::ios::binary);
    const auto write = [this](const Resource& resource, const Object& object, std::uint64_t revision, bool gone) {
        const Json line = {{"revision", revision},
                           {gone ? "gone" : "object", object.json(resource, resource.versions[0].name)}};
        out_ << dump(line) << '\n' << std::flush;
    };
    if (!there) {
        for (const auto& table : store.tables()) {
            for (const auto& [key, object] : table->objects())
                write(table->resource(), *object, object->revision, false);
        }
    }
    if (!out_) return invalid("can't write " + file.string());
    store.on_write(write);
    return {};
}

}  // namespace weft::apiserver
