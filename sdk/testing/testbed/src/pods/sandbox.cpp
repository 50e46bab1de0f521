#include "sandbox.hpp"

#include <weft/base/json.hpp>
#include <weft/testing/testbed/namespace.hpp>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <random>

namespace weft::testing {

namespace {

constexpr std::size_t longest_netns_name = 200;

std::string random_hex(std::size_t size) {
    std::random_device random;
    std::string text;
    while (text.size() < size)
        text += "0123456789abcdef"[random() % 16];
    return text;
}

}  // namespace

Sandbox Sandbox::make(const PodObject& pod, const std::string& netns_prefix) {
    Sandbox sandbox{
        .pod_namespace = pod.pod_namespace, .pod_name = pod.name, .pod_uid = pod.uid, .container_id = random_hex(64)};
    if (pod.host_network) return sandbox;
    // The name helps people; the random end lets a pod of the same name come while the old one is going.
    sandbox.netns = (netns_prefix + pod.pod_namespace + "-" + pod.name).substr(0, longest_netns_name) + "-" +
                    sandbox.container_id.substr(0, 5);
    return sandbox;
}

std::filesystem::path Sandbox::file_of(const std::filesystem::path& folder, const std::string& uid) {
    return folder / (uid + ".json");
}

Result<Sandbox> Sandbox::load(const std::filesystem::path& file) {
    std::ifstream in(file, std::ios::binary);
    const std::string content{std::istreambuf_iterator<char>(in), {}};
    const auto parsed = JsonDocument::parse(content);
    if (!parsed) return Error(parsed.error()).at(file.string());
    const auto root = parsed->root();
    const auto text = [&](const char* name) { return std::string(root[name].string_or("")); };
    Sandbox sandbox{.pod_namespace = text("namespace"),
                    .pod_name = text("name"),
                    .pod_uid = text("uid"),
                    .container_id = text("container"),
                    .netns = text("netns"),
                    .complete = root["complete"].boolean().value_or(false),
                    .cni_result = text("result")};
    root["addresses"].each([&](JsonView address) {
        if (auto ip = Ip::parse(address.string_or(""))) sandbox.addresses.push_back(*ip);
    });
    if (sandbox.pod_uid.empty()) return invalid(file.string() + " holds no pod's UID");
    return sandbox;
}

Result<void> Sandbox::save(const std::filesystem::path& folder) const {
    JsonWriter out;
    out.object([&] {
        out.member("namespace", pod_namespace).member("name", pod_name).member("uid", pod_uid);
        out.member("container", container_id).member("netns", netns).member("complete", complete);
        out.key("addresses").array([&] {
            for (const auto& address : addresses)
                out.value(address.text());
        });
        out.member("result", cni_result);
    });
    const auto file = file_of(folder, pod_uid);
    auto temporary = file;
    temporary += ".new";
    std::ofstream stream(temporary, std::ios::binary);
    stream << out.text() << '\n' << std::flush;
    std::error_code failed;
    std::filesystem::rename(temporary, file, failed);
    if (!stream || failed) return again("can't write " + file.string());
    return {};
}

std::pair<std::string, std::string> pod_mark(const std::filesystem::path& state_dir, const std::string& uid) {
    return {"WEFT_POD", state_dir.string() + "/" + uid};
}

CniAttachment Sandbox::attachment() const {
    return {.container_id = container_id,
            .netns = NetworkNamespace::path_of(netns),
            .pod_namespace = pod_namespace,
            .pod_name = pod_name,
            .pod_uid = pod_uid};
}

}  // namespace weft::testing
