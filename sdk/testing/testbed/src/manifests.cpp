#include <weft/base/json.hpp>
#include <weft/testing/testbed/manifests.hpp>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <fstream>
#include <iterator>
#include <set>

#include <yaml-cpp/yaml.h>

namespace weft::testing {

namespace {

/// True when the whole text is a number of this type.
template <class Number>
bool read_number(const std::string& text, Number& value) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc{} && end == text.data() + text.size();
}

void write_scalar(JsonWriter& out, const YAML::Node& node) {
    const auto& text = node.Scalar();
    std::int64_t integer = 0;
    double number = 0;
    if (node.Tag() == "!") {  // quoted
        out.value(text);
    } else if (text == "true" || text == "false") {
        out.value(text == "true");
    } else if (text.empty() || text == "null" || text == "~") {
        out.null();
    } else if (read_number(text, integer)) {
        out.value(integer);
    } else if (std::isdigit(static_cast<unsigned char>(text.back())) != 0 && read_number(text, number)) {
        out.value(number);
    } else {
        out.value(text);
    }
}

void write(JsonWriter& out, const YAML::Node& node) {
    if (node.IsMap()) {
        out.object([&] {
            for (const auto& entry : node) {
                out.key(entry.first.Scalar());
                write(out, entry.second);
            }
        });
    } else if (node.IsSequence()) {
        out.array([&] {
            for (const auto& element : node)
                write(out, element);
        });
    } else if (node.IsScalar()) {
        write_scalar(out, node);
    } else {
        out.null();
    }
}

std::string text_of(const YAML::Node& node) {
    return node && node.IsScalar() ? node.Scalar() : std::string();
}

/// The plural that the path has, by the rule that holds for all kinds of Kubernetes and OVN-Kubernetes but these.
std::string plural(const std::string& kind) {
    std::string name(kind);
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
    if (name == "endpoints") return name;
    const auto ends = [&](std::string_view end) {
        return name.size() > end.size() && name.compare(name.size() - end.size(), end.size(), end) == 0;
    };
    if (ends("cy") || ends("ty")) return name.substr(0, name.size() - 1) + "ies";
    if (ends("s") || ends("x") || ends("ch")) return name + "es";
    return name + "s";
}

bool cluster_scoped(const std::string& kind) {
    static const std::set<std::string, std::less<>> kinds{"Namespace",
                                                          "Node",
                                                          "CustomResourceDefinition",
                                                          "ClusterRole",
                                                          "ClusterRoleBinding",
                                                          "EgressIP",
                                                          "AdminNetworkPolicy",
                                                          "BaselineAdminNetworkPolicy",
                                                          "AdminPolicyBasedExternalRoute",
                                                          "ClusterUserDefinedNetwork"};
    return kinds.contains(kind);
}

}  // namespace

std::string Manifest::collection() const {
    const bool core = api_version.find('/') == std::string::npos;
    std::string path = (core ? "/api/" : "/apis/") + api_version;
    if (!cluster_scoped(kind)) path += "/namespaces/" + object_namespace;
    return path + "/" + plural(kind);
}

Result<std::vector<Manifest>> parse_manifests(const std::string& yaml) {
    std::vector<Manifest> manifests;
    try {
        for (const auto& document : YAML::LoadAll(yaml)) {
            if (!document.IsMap()) continue;
            Manifest manifest{.api_version = text_of(document["apiVersion"]),
                              .kind = text_of(document["kind"]),
                              .object_namespace = text_of(document["metadata"]["namespace"]),
                              .name = text_of(document["metadata"]["name"])};
            if (manifest.api_version.empty() || manifest.kind.empty() || manifest.name.empty()) {
                return invalid("a document has no apiVersion, kind or metadata.name");
            }
            if (manifest.object_namespace.empty()) manifest.object_namespace = "default";
            JsonWriter out;
            write(out, document);
            manifest.json = out.take();
            manifests.push_back(std::move(manifest));
        }
    } catch (const YAML::Exception& error) {
        return invalid(std::string("not YAML: ") + error.what());
    }
    return manifests;
}

Result<std::vector<Manifest>> read_manifests(const std::filesystem::path& path) {
    std::vector<std::filesystem::path> files;
    std::error_code failed;
    if (std::filesystem::is_directory(path, failed)) {
        for (const auto& entry : std::filesystem::directory_iterator(path)) {
            if (entry.path().extension() == ".yaml") files.push_back(entry.path());
        }
        std::sort(files.begin(), files.end());
    } else {
        files.push_back(path);
    }
    std::vector<Manifest> all;
    for (const auto& file : files) {
        std::ifstream in(file, std::ios::binary);
        if (!in) return invalid("can't read " + file.string());
        auto some = parse_manifests({std::istreambuf_iterator<char>(in), {}});
        if (!some) return std::move(some).error().at(file.string());
        std::move(some->begin(), some->end(), std::back_inserter(all));
    }
    return all;
}

Result<void> apply(const KubeClient& api, const Manifest& manifest) {
    auto made = api.create(manifest.collection(), manifest.json);
    if (made) return {};
    if (made.error().kind != ErrorKind::conflict) return made.error();
    if (auto merged = api.merge_patch(manifest.path(), manifest.json); !merged) return merged.error();
    return {};
}

}  // namespace weft::testing
