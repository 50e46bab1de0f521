#include "encoder.hpp"

#include "columns.hpp"

namespace weft::apiserver {

std::optional<Form> negotiate(std::string_view accept) {
    if (accept.empty()) return Form::whole;
    while (!accept.empty()) {
        auto end = accept.find(',');
        auto type = accept.substr(0, end);
        accept.remove_prefix(end == std::string_view::npos ? accept.size() : end + 1);
        while (type.starts_with(' '))
            type.remove_prefix(1);
        bool json =
            type.starts_with("application/json") || type.starts_with("*/*") || type.starts_with("application/*");
        if (!json) continue;
        auto as = type.find("as=");
        if (as == std::string_view::npos) return Form::whole;
        bool v1 = type.find("v=v1") != std::string_view::npos && type.find("v=v1beta1") == std::string_view::npos &&
                  type.find("g=meta.k8s.io") != std::string_view::npos;
        if (!v1) continue;
        auto kind = type.substr(as + 3);
        if (kind.starts_with("PartialObjectMetadata")) return Form::metadata;
        if (kind.starts_with("Table")) return Form::table;
    }
    return {};
}

namespace {

std::string head(std::string_view kind, std::string_view api_version) {
    return R"({"kind":")" + std::string(kind) + R"(","apiVersion":")" + std::string(api_version) + R"(",)";
}

constexpr std::string_view meta_version = "meta.k8s.io/v1";

}  // namespace

Encoder::Encoder(std::shared_ptr<const Resource> resource, const Version& version, Form form, RowObject rows)
    : resource_(std::move(resource)),
      version_(version.name),
      form_(form),
      rows_(rows) {
    if (form_ == Form::metadata) {
        head_ = head("PartialObjectMetadata", meta_version);
        list_head_ = head_;
    } else {
        head_ = head(resource_->names.kind, resource_->api_version(version_));
        list_head_ = resource_->custom ? head_ : "{";
    }
}

void Encoder::item(std::string& out, const Object& object, std::uint64_t revision) const {
    append_head(out, revision);
    if (form_ == Form::metadata) {
        out.append(object.text, 0, object.metadata_size);
        out += '}';
    } else {
        out += object.text;
    }
}

std::string Encoder::object(const Object& object, std::uint64_t revision) const {
    if (form_ == Form::table) {
        auto told = std::make_shared<Object>(object);
        told->revision = revision;
        return table({told}, {{"resourceVersion", std::to_string(revision)}});
    }
    std::string out = head_;
    out.reserve(out.size() + object.text.size() + 64);
    item(out, object, revision);
    return out;
}

std::string Encoder::list(const ListAnswer& answer) const {
    Json metadata = {{"resourceVersion", std::to_string(answer.revision)}};
    if (!answer.continue_token.empty()) metadata["continue"] = answer.continue_token;
    if (answer.remaining) metadata["remainingItemCount"] = *answer.remaining;
    if (form_ == Form::table) return table(answer.items, std::move(metadata));
    std::size_t size = 256;
    for (const auto& object : answer.items) {
        size += (form_ == Form::metadata ? object->metadata_size : object->text.size()) + list_head_.size() + 64;
    }
    std::string out;
    out.reserve(size);
    out += form_ == Form::metadata ? head("PartialObjectMetadataList", meta_version)
                                   : head(resource_->list_kind, resource_->api_version(version_));
    out += R"("metadata":)" + metadata.dump() + R"(,"items":[)";
    bool first = true;
    for (const auto& object : answer.items) {
        if (!first) out += ',';
        first = false;
        out += list_head_;
        item(out, *object, object->revision);
    }
    out += "]}\n";
    return out;
}

void Encoder::event(std::string& out, std::string_view type, const Object& object, std::uint64_t revision) const {
    out += R"({"type":")";
    out += type;
    out += R"(","object":)";
    if (form_ == Form::table) {
        out += this->object(object, revision);
    } else {
        out += head_;
        item(out, object, revision);
    }
    out += "}\n";
}

void Encoder::bookmark(std::string& out, std::uint64_t revision, bool initial_events_end) const {
    Json metadata = {{"resourceVersion", std::to_string(revision)}, {"creationTimestamp", nullptr}};
    if (initial_events_end) metadata["annotations"] = {{"k8s.io/initial-events-end", "true"}};
    if (form_ == Form::table) {
        // A bookmark row carries the version in its object.
        Json row = {
            {"cells", Json::array()},
            {"object", {{"kind", "PartialObjectMetadata"}, {"apiVersion", meta_version}, {"metadata", metadata}}}};
        Json body = {{"kind", "Table"},
                     {"apiVersion", meta_version},
                     {"metadata", {{"resourceVersion", std::to_string(revision)}}},
                     {"columnDefinitions", nullptr},
                     {"rows", Json::array({std::move(row)})}};
        out += R"({"type":"BOOKMARK","object":)" + body.dump() + "}\n";
        return;
    }
    out += R"({"type":"BOOKMARK","object":)" + head_ + R"("metadata":)" + metadata.dump() + "}}\n";
}

std::string Encoder::table(const std::vector<ObjectPtr>& objects, Json metadata) const {
    Columns columns(*resource_, version_);
    Json rows = Json::array();
    for (const auto& object : objects) {
        Json whole = object->json(*resource_, version_);
        Json row = {{"cells", columns.cells(whole)}};
        if (rows_ == RowObject::whole) {
            row["object"] = std::move(whole);
        } else if (rows_ == RowObject::metadata) {
            row["object"] = {
                {"kind", "PartialObjectMetadata"}, {"apiVersion", meta_version}, {"metadata", whole["metadata"]}};
        }
        rows.push_back(std::move(row));
    }
    Json body = {{"kind", "Table"},
                 {"apiVersion", meta_version},
                 {"metadata", std::move(metadata)},
                 {"columnDefinitions", columns.definitions()},
                 {"rows", std::move(rows)}};
    return body.dump();
}

std::string error_event(const ApiError& error) {
    return R"({"type":"ERROR","object":)" + error.status().dump() + "}\n";
}

}  // namespace weft::apiserver
