#include "cni/json.hpp"
#include "cni/message.hpp"
#include "cni/spec.hpp"

#include <algorithm>

namespace weft::cni {

namespace {

std::string supported_text() {
    std::string out;
    for (const auto& version : supported_versions)
        out += (out.empty() ? "" : " ") + version.text();
    return out;
}

CniError bad_conf(std::string msg) {
    return {Code::invalid_conf, std::move(msg), {}};
}

/// The configuration itself; or the only entry of a `plugins` list, named and versioned like the list.
Outcome<Json> single(Json conf) {
    const auto plugins = conf.find("plugins");
    if (plugins == conf.end()) return conf;
    if (conf.contains("type")) return bad_conf("the configuration is both a list and a single plugin");
    if (!plugins->is_array() || plugins->size() != 1 || !plugins->front().is_object()) {
        return CniError{Code::invalid_conf, "CNI plugin chaining is not supported",
                        "the configuration's plugins list must hold exactly one plugin"};
    }
    Json only = plugins->front();
    for (const char* key : {"name", "cniVersion"}) {
        if (!only.contains(key) && conf.contains(key)) only[key] = conf[key];
    }
    return only;
}

Outcome<Version> version_of(const Json& conf) {
    const auto text = text_member(conf, "cniVersion");
    if (!text) return CniError{Code::bad_json, "cniVersion must be a string", {}};
    // The specification's first version had no such key.
    const std::string said = text->empty() ? "0.1.0" : *text;
    const auto version = Version::parse(said);
    if (version &&
        std::find(supported_versions.begin(), supported_versions.end(), *version) != supported_versions.end()) {
        return *version;
    }
    return CniError{Code::incompatible_version, "incompatible CNI versions",
                    "config is \"" + said.substr(0, 40) + "\", plugin supports [" + supported_text() + "]"};
}

std::optional<std::vector<Attachment>> attachments_of(const Json& list) {
    if (!list.is_array()) return std::nullopt;
    std::vector<Attachment> attachments;
    for (const auto& entry : list) {
        if (!entry.is_object()) return std::nullopt;
        const auto container = text_member(entry, "containerID");
        const auto ifname = text_member(entry, "ifname");
        if (!container || !ifname || container->empty() || ifname->empty()) return std::nullopt;
        attachments.push_back({*container, *ifname});
    }
    return attachments;
}

}  // namespace

Outcome<NetConf> parse_conf(std::string_view text) {
    if (text.size() > max_message) return CniError{Code::bad_json, "the configuration is larger than 1 MiB", {}};
    auto whole = parse_json(text);
    if (!whole) return CniError{Code::bad_json, "the configuration is not valid JSON (or nested too deeply)", {}};
    if (!whole->is_object()) return CniError{Code::bad_json, "the configuration is no JSON object", {}};
    const auto conf = single(*std::move(whole));
    if (!conf) return conf.error();
    const auto version = version_of(*conf);
    if (!version) return version.error();

    NetConf net;
    net.version = *version;
    for (const auto& [key, to] : {std::pair("name", &net.name), std::pair("type", &net.type),
                                  std::pair("weftSocket", &net.socket), std::pair("topology", &net.topology)}) {
        auto value = text_member(*conf, key);
        if (!value) return bad_conf(std::string(key) + " must be a string");
        if (value->find('\0') != std::string::npos) return bad_conf(std::string(key) + " holds a zero byte");
        *to = *std::move(value);
    }
    if (net.name.empty()) return bad_conf("missing network name");
    if (const auto prev = conf->find("prevResult"); prev != conf->end() && !prev->is_null()) {
        net.prev_result = result_of_json(*prev);
        if (!net.prev_result) return bad_conf("prevResult is no CNI result");
    }
    if (const auto valid = conf->find("cni.dev/valid-attachments"); valid != conf->end() && !valid->is_null()) {
        net.valid_attachments = attachments_of(*valid);
        if (!net.valid_attachments) return bad_conf("cni.dev/valid-attachments is no list of {containerID, ifname}");
    }
    return net;
}

std::string error_json(const Version& version, const CniError& error) {
    Json out{{"cniVersion", version.text()}, {"code", static_cast<unsigned>(error.code)}, {"msg", error.msg}};
    if (!error.details.empty()) out["details"] = error.details;
    return write_json(out);
}

std::string result_json(const Version& version, const AddResult& result) {
    Json out = json_of_result(result);
    out["cniVersion"] = version.text();
    if (version < Version{1, 0, 0}) {
        for (auto& ip : out["ips"]) {
            ip["version"] = ip["address"].get_ref<const std::string&>().find(':') == std::string::npos ? "4" : "6";
        }
    }
    return write_json(out);
}

std::string version_json(std::string_view conf) {
    Json out{{"cniVersion", newest_version.text()}, {"supportedVersions", Json::array()}};
    if (const auto value = parse_json(conf); value && value->is_object()) {
        if (const auto text = text_member(*value, "cniVersion"); text && Version::parse(*text))
            out["cniVersion"] = *text;
    }
    for (const auto& version : supported_versions)
        out["supportedVersions"].push_back(version.text());
    return write_json(out);
}

}  // namespace weft::cni
