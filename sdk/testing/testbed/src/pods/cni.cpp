#include "cni.hpp"

#include <weft/base/json.hpp>
#include <weft/testing/testbed/process.hpp>

#include <algorithm>
#include <fstream>
#include <iterator>

namespace weft::testing {

namespace {

/// Longer than the plugin's own deadline of two minutes.
constexpr std::chrono::seconds call_deadline{150};

/// The configuration with the earlier result added, which CNI 0.4.0 and newer want for DEL and CHECK.
Result<std::string> with_previous(const std::string& config, const std::string& previous) {
    if (previous.empty()) return config;
    const auto parsed = JsonDocument::parse(config);
    if (!parsed) return parsed.error();
    JsonWriter out;
    out.object([&] {
        parsed->root().members([&](std::string_view name, JsonView value) { out.key(name).raw(value.dump()); });
        out.key("prevResult").raw(previous);
    });
    return out.take();
}

/// What the plugin says is wrong: its error object, or whatever it printed.
std::string complaint(const Output& output) {
    if (const auto error = JsonDocument::parse(output.out)) {
        const auto message = error->root()["msg"].string_or("");
        const auto details = error->root()["details"].string_or("");
        if (!message.empty()) return std::string(message) + (details.empty() ? "" : ": " + std::string(details));
    }
    return output.out + output.err;
}

}  // namespace

Result<std::optional<CniConfig>> CniConfig::load(const std::filesystem::path& folder) {
    std::vector<std::filesystem::path> files;
    std::error_code missing;
    for (const auto& entry : std::filesystem::directory_iterator(folder, missing)) {
        if (entry.path().extension() == ".conf") files.push_back(entry.path());
    }
    if (files.empty()) return std::optional<CniConfig>{};
    const auto& file = *std::min_element(files.begin(), files.end());
    std::ifstream in(file, std::ios::binary);
    CniConfig config{.text = {std::istreambuf_iterator<char>(in), {}}};
    const auto parsed = JsonDocument::parse(config.text);
    if (!parsed) return Error(parsed.error()).at(file.string());
    config.plugin = parsed->root()["type"].string_or("");
    if (config.plugin.empty()) return invalid(file.string() + " names no plugin (\"type\")");
    return std::optional(std::move(config));
}

Result<CniPlugin> CniPlugin::find(CniConfig config, const std::vector<std::filesystem::path>& folders) {
    CniPlugin plugin;
    std::error_code ignored;
    for (const auto& folder : folders) {
        if (std::filesystem::exists(folder / config.plugin, ignored)) plugin.program_ = folder / config.plugin;
    }
    if (plugin.program_.empty()) return invalid("CNI plugin " + config.plugin + " is in none of the plugin folders");
    plugin.config_ = std::move(config);
    return plugin;
}

Result<CniResult> CniPlugin::add(const CniAttachment& attachment) const {
    auto output = call("ADD", attachment, {});
    if (!output) return output.error();
    const auto parsed = JsonDocument::parse(*output);
    if (!parsed) return Error(parsed.error()).at("result of CNI ADD");
    CniResult result{.text = parsed->root().dump()};
    Result<void> good;
    parsed->root()["ips"].each([&](JsonView ip) {
        auto address = IpPrefix::parse(ip["address"].string_or(""));
        if (address) result.addresses.push_back(address->ip());
        if (!address) good = address.error();
    });
    if (!good) return std::move(good).error().at("result of CNI ADD");
    if (result.addresses.empty()) return invalid("CNI ADD gave no address: " + result.text);
    return result;
}

Result<void> CniPlugin::check(const CniAttachment& attachment, const std::string& previous) const {
    if (auto output = call("CHECK", attachment, previous); !output) return output.error();
    return {};
}

Result<void> CniPlugin::remove(const CniAttachment& attachment, const std::string& previous) const {
    if (auto output = call("DEL", attachment, previous); !output) return output.error();
    return {};
}

Result<std::string> CniPlugin::call(const char* command, const CniAttachment& attachment,
                                    const std::string& previous) const {
    auto config = with_previous(config_.text, previous);
    if (!config) return config.error();
    const auto arguments =
        "IgnoreUnknown=1;K8S_POD_NAMESPACE=" + attachment.pod_namespace + ";K8S_POD_NAME=" + attachment.pod_name +
        ";K8S_POD_INFRA_CONTAINER_ID=" + attachment.container_id + ";K8S_POD_UID=" + attachment.pod_uid;
    const auto output = run({program_.string()}, {.environment = {{"CNI_COMMAND", command},
                                                                  {"CNI_CONTAINERID", attachment.container_id},
                                                                  {"CNI_NETNS", attachment.netns.string()},
                                                                  {"CNI_IFNAME", "eth0"},
                                                                  {"CNI_ARGS", arguments},
                                                                  {"CNI_PATH", program_.parent_path().string()}},
                                                  .input = *config,
                                                  .deadline = call_deadline});
    if (!output) return output.error();
    if (output->status != 0) return again("CNI " + std::string(command) + ": " + complaint(*output));
    return output->out;
}

}  // namespace weft::testing
