#include "protobuf.hpp"

#include "defaults.hpp"

#include <algorithm>
#include <vector>

namespace weft::apiserver {

namespace {

struct Message;

/// How the bytes of a field become JSON.
enum class As { text, number, number_or_zero, flag, message, text_map, bytes_map, int_or_string };

struct Field {
    unsigned number;
    const char* name;
    As as;
    bool repeated = false;
    const Message* message = nullptr;
};

struct Message {
    std::vector<Field> fields;
};

struct Wire {
    unsigned field = 0;
    std::uint64_t number = 0;
    std::string_view bytes;
};

/// The next field of a message; nothing at its end or where it makes no sense.
class Reader {
  public:
    explicit Reader(std::string_view bytes) : rest_(bytes) {}

    bool broken() const { return broken_; }

    std::optional<Wire> next() {
        if (rest_.empty()) return {};
        auto key = varint();
        Wire wire{static_cast<unsigned>(key >> 3), 0, {}};
        switch (key & 7) {
            case 0: wire.number = varint(); break;
            case 1: wire.bytes = take(8); break;
            case 2: wire.bytes = take(varint()); break;
            case 5: wire.bytes = take(4); break;
            default: broken_ = true;
        }
        if (broken_) return {};
        return wire;
    }

  private:
    std::uint64_t varint() {
        std::uint64_t value = 0;
        for (unsigned shift = 0; shift < 64; shift += 7) {
            if (rest_.empty()) break;
            auto byte = static_cast<unsigned char>(rest_.front());
            rest_.remove_prefix(1);
            value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
            if (byte < 0x80) return value;
        }
        broken_ = true;
        return 0;
    }

    std::string_view take(std::uint64_t size) {
        if (size > rest_.size()) {
            broken_ = true;
            return {};
        }
        auto taken = rest_.substr(0, size);
        rest_.remove_prefix(size);
        return taken;
    }

    std::string_view rest_;
    bool broken_ = false;
};

const Message& owner_reference() {
    static const Message m{{{5, "apiVersion", As::text},
                            {1, "kind", As::text},
                            {3, "name", As::text},
                            {4, "uid", As::text},
                            {6, "controller", As::flag},
                            {7, "blockOwnerDeletion", As::flag}}};
    return m;
}

const Message& metadata() {
    static const Message m{{{1, "name", As::text},
                            {2, "generateName", As::text},
                            {3, "namespace", As::text},
                            {5, "uid", As::text},
                            {6, "resourceVersion", As::text},
                            {11, "labels", As::text_map},
                            {12, "annotations", As::text_map},
                            {13, "ownerReferences", As::message, true, &owner_reference()},
                            {14, "finalizers", As::text, true}}};
    return m;
}

const Message& label_selector() {
    static const Message m{{{1, "matchLabels", As::text_map}}};
    return m;
}

const Message& container_port() {
    static const Message m{{{1, "name", As::text},
                            {2, "hostPort", As::number},
                            {3, "containerPort", As::number},
                            {4, "protocol", As::text}}};
    return m;
}

const Message& container() {
    static const Message m{{{1, "name", As::text},
                            {2, "image", As::text},
                            {3, "command", As::text, true},
                            {4, "args", As::text, true},
                            {6, "ports", As::message, true, &container_port()}}};
    return m;
}

const Message& pod_spec() {
    static const Message m{{{2, "containers", As::message, true, &container()},
                            {3, "restartPolicy", As::text},
                            {10, "nodeName", As::text},
                            {11, "hostNetwork", As::flag}}};
    return m;
}

const Message& pod_template() {
    static const Message m{
        {{1, "metadata", As::message, false, &metadata()}, {2, "spec", As::message, false, &pod_spec()}}};
    return m;
}

const Message& deployment_spec() {
    static const Message m{{{1, "replicas", As::number},
                            {2, "selector", As::message, false, &label_selector()},
                            {3, "template", As::message, false, &pod_template()}}};
    return m;
}

const Message& service_port() {
    static const Message m{{{1, "name", As::text},
                            {2, "protocol", As::text},
                            {3, "port", As::number},
                            {4, "targetPort", As::int_or_string},
                            {5, "nodePort", As::number},
                            {6, "appProtocol", As::text}}};
    return m;
}

const Message& service_spec() {
    static const Message m{{{1, "ports", As::message, true, &service_port()},
                            {2, "selector", As::text_map},
                            {3, "clusterIP", As::text},
                            {4, "type", As::text},
                            {5, "externalIPs", As::text, true},
                            {7, "sessionAffinity", As::text},
                            {8, "loadBalancerIP", As::text},
                            {10, "externalName", As::text},
                            {11, "externalTrafficPolicy", As::text},
                            {17, "ipFamilyPolicy", As::text},
                            {18, "clusterIPs", As::text, true},
                            {19, "ipFamilies", As::text, true},
                            {22, "internalTrafficPolicy", As::text}}};
    return m;
}

/// The message of a kind; nothing for one that is not understood.
const Message* message_of(std::string_view kind) {
    static const Message space{{{1, "metadata", As::message, false, &metadata()}}};
    static const Message config{{{1, "metadata", As::message, false, &metadata()},
                                 {2, "data", As::text_map},
                                 {3, "binaryData", As::bytes_map},
                                 {4, "immutable", As::flag}}};
    static const Message secret{{{1, "metadata", As::message, false, &metadata()},
                                 {2, "data", As::bytes_map},
                                 {3, "type", As::text},
                                 {4, "stringData", As::text_map},
                                 {5, "immutable", As::flag}}};
    static const Message service{
        {{1, "metadata", As::message, false, &metadata()}, {2, "spec", As::message, false, &service_spec()}}};
    static const Message deployment{
        {{1, "metadata", As::message, false, &metadata()}, {2, "spec", As::message, false, &deployment_spec()}}};
    static const Message preconditions{{{1, "uid", As::text}, {2, "resourceVersion", As::text}}};
    static const Message deletion{{{1, "gracePeriodSeconds", As::number_or_zero},
                                   {2, "preconditions", As::message, false, &preconditions},
                                   {5, "dryRun", As::text, true}}};
    if (kind == "DeleteOptions") return &deletion;
    if (kind == "Namespace" || kind == "ServiceAccount") return &space;
    if (kind == "ConfigMap") return &config;
    if (kind == "Secret") return &secret;
    if (kind == "Service") return &service;
    if (kind == "Deployment") return &deployment;
    return nullptr;
}

class Decoder {
  public:
    bool broken() const { return broken_; }

    Json message(const Message& shape, std::string_view bytes) {
        Json out = Json::object();
        Reader reader(bytes);
        while (auto wire = reader.next()) {
            auto field = std::find_if(shape.fields.begin(), shape.fields.end(),
                                      [&](const Field& f) { return f.number == wire->field; });
            if (field != shape.fields.end()) take(*field, *wire, out);
        }
        broken_ = broken_ || reader.broken();
        return out;
    }

  private:
    void take(const Field& field, const Wire& wire, Json& out) {
        if (field.as == As::text_map || field.as == As::bytes_map) {
            entry(wire.bytes, field.as == As::bytes_map, out[field.name]);
            return;
        }
        Json value = decode(field, wire);
        // Go's zero values are on the wire too; in JSON they would be left out.
        bool zero = field.as != As::number_or_zero && (value == Json("") || value == 0 || value == false);
        if (field.repeated) {
            out[field.name].push_back(std::move(value));
        } else if (!zero || field.as == As::int_or_string) {
            out[field.name] = std::move(value);
        }
    }

    Json decode(const Field& field, const Wire& wire) {
        switch (field.as) {
            case As::number_or_zero:
            case As::number: return static_cast<std::int64_t>(wire.number);
            case As::flag: return wire.number != 0;
            case As::message: return message(*field.message, wire.bytes);
            case As::int_or_string: return int_or_string(wire.bytes);
            default: return std::string(wire.bytes);
        }
    }

    Json int_or_string(std::string_view bytes) {
        static const Message shape{{{1, "type", As::number}, {2, "int", As::number}, {3, "text", As::text}}};
        Json parts = message(shape, bytes);
        if (parts.contains("text") && parts.contains("type")) return parts["text"];
        return parts.contains("int") ? parts["int"] : Json(0);
    }

    void entry(std::string_view bytes, bool encode, Json& out) {
        std::string key, value;
        Reader reader(bytes);
        while (auto wire = reader.next())
            (wire->field == 1 ? key : value) = wire->bytes;
        broken_ = broken_ || reader.broken();
        out[key] = encode ? base64(value) : value;
    }

    bool broken_ = false;
};

/// Text of a Go string may be no UTF-8; JSON's must be.
bool is_json(const Json& value) {
    try {
        (void)value.dump();
        return true;
    } catch (const Json::exception&) {
        return false;
    }
}

}  // namespace

std::optional<Json> parse_protobuf(std::string_view bytes, std::string& why) {
    constexpr std::string_view magic("k8s\0", 4);
    if (!bytes.starts_with(magic)) {
        why = "it does not start with the magic number of Kubernetes' protobuf";
        return {};
    }
    static const Message type_meta{{{1, "apiVersion", As::text}, {2, "kind", As::text}}};
    Reader envelope(bytes.substr(magic.size()));
    Decoder decoder;
    Json type = Json::object();
    std::string_view raw;
    while (auto wire = envelope.next()) {
        if (wire->field == 1) type = decoder.message(type_meta, wire->bytes);
        if (wire->field == 2) raw = wire->bytes;
    }
    auto kind = text_at(type, {"kind"});
    const Message* shape = message_of(kind);
    if (!shape) {
        why = "kind \"" + std::string(kind) + "\" is not understood as protobuf, send JSON";
        return {};
    }
    Json object = decoder.message(*shape, raw);
    if (envelope.broken() || decoder.broken() || !is_json(object)) {
        why = "broken protobuf";
        return {};
    }
    object.update(type);
    return object;
}

}  // namespace weft::apiserver
