#include "kube/objects.hpp"

#include <weft/base/json.hpp>
#include <weft/base/text.hpp>
#include <weft/tables/kube.hpp>
#include <weft/tables/object.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

namespace weft::kube {

namespace {

using Texts = std::vector<std::pair<std::string, std::string>>;

/// Days since 1970-01-01 of a date of the Gregorian calendar.
std::int64_t days_of(std::int64_t year, int month, int day) {
    year -= month <= 2 ? 1 : 0;
    const std::int64_t era = (year >= 0 ? year : year - 399) / 400;
    const std::int64_t year_of_era = year - era * 400;
    const std::int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
}

/// Seconds since the epoch of "2026-08-01T10:00:00Z"; fractions are dropped.
std::optional<std::int64_t> parse_time(std::string_view text) {
    static constexpr std::string_view shape = "0000-00-00T00:00:00";
    if (text.size() < shape.size() + 1 || text.back() != 'Z') return std::nullopt;
    for (std::size_t i = 0; i < shape.size(); ++i) {
        const bool digit = text[i] >= '0' && text[i] <= '9';
        if (shape[i] == '0' ? !digit : text[i] != shape[i]) return std::nullopt;
    }
    const auto number = [&](std::size_t at, std::size_t count) {
        int value = 0;
        std::from_chars(text.data() + at, text.data() + at + count, value);
        return value;
    };
    const int month = number(5, 2);
    const int day = number(8, 2);
    if (month < 1 || month > 12 || day < 1 || day > 31) return std::nullopt;
    return days_of(number(0, 4), month, day) * 86400 + number(11, 2) * std::int64_t{3600} +
           number(14, 2) * std::int64_t{60} + number(17, 2);
}

/// Reads fields of one object and keeps the first thing that is wrong. Absent and null fields are their default.
class FieldReader {
  public:
    bool failed() const { return error_.has_value(); }
    Error error() && { return *std::move(error_); }

    void fail(std::string_view field, std::string what) {
        if (!error_) error_ = Error{ErrorKind::invalid, std::move(what), std::string(field), {}};
    }

    std::string text(JsonView from, std::string_view name, std::string_view field) {
        const JsonView value = from[name];
        if (!value || value.is_null()) return {};
        const auto string = value.string();
        if (!string) return fail(field, "is no string: " + shown(value)), std::string();
        return std::string(*string);
    }

    std::string needed_text(JsonView from, std::string_view name, std::string_view field) {
        std::string value = text(from, name, field);
        if (value.empty()) fail(field, "is missing");
        return value;
    }

    bool flag(JsonView from, std::string_view name, std::string_view field) {
        const JsonView value = from[name];
        if (!value || value.is_null()) return false;
        const auto boolean = value.boolean();
        if (!boolean) fail(field, "is no boolean: " + shown(value));
        return boolean.value_or(false);
    }

    std::int64_t time(JsonView from, std::string_view name, std::string_view field) {
        const std::string value = text(from, name, field);
        if (value.empty()) return 0;
        const auto seconds = parse_time(value);
        if (!seconds) fail(field, "is no time: " + json_quote(value));
        return seconds.value_or(0);
    }

    /// A member that must be an object when it is there.
    JsonView object(JsonView from, std::string_view name, std::string_view field) {
        const JsonView value = from[name];
        if (!value || value.is_null()) return {};
        if (!value.is_object()) return fail(field, "is no object: " + shown(value)), JsonView();
        return value;
    }

    template <class Visit>
    void list(JsonView from, std::string_view name, std::string_view field, Visit&& visit) {
        const JsonView value = from[name];
        if (!value || value.is_null()) return;
        if (!value.is_array()) return fail(field, "is no list: " + shown(value));
        value.each(visit);
    }

    /// A map from texts to texts, sorted, with those names that `keep` wants. The last of two equal names counts.
    template <class Keep>
    Texts map(JsonView from, std::string_view name, std::string_view field, Keep&& keep) {
        Texts kept;
        object(from, name, field).members([&](std::string_view key, JsonView value) {
            if (!keep(key)) return;
            const auto string = value.string();
            if (string) {
                kept.emplace_back(key, *string);
            } else if (!value.is_null()) {
                fail(std::string(field) + "[" + std::string(key.substr(0, 80)) + "]", "is no string: " + shown(value));
            }
        });
        const auto by_name = [](const auto& a, const auto& b) { return a.first < b.first; };
        if (!std::is_sorted(kept.begin(), kept.end(), by_name)) std::stable_sort(kept.begin(), kept.end(), by_name);
        const auto same = [](const auto& a, const auto& b) { return a.first == b.first; };
        kept.erase(kept.begin(), std::unique(kept.rbegin(), kept.rend(), same).base());
        kept.shrink_to_fit();
        return kept;
    }

    void address(std::string_view value, std::string_view field, std::vector<Ip>& to) {
        auto ip = Ip::parse(value);
        if (!ip) return fail(field, ip.error().what);
        to.push_back(*ip);
    }

    static std::string shown(JsonView value) {
        std::string text = value.dump();
        if (text.size() > 80) text = std::string(beginning(text, 80)) + "…";
        return text;
    }

  private:
    std::optional<Error> error_;
};

constexpr auto keep_all = [](std::string_view) { return true; };

using Prefixes = std::vector<std::string>;

auto kept_under(const Prefixes& more) {
    return [&more](std::string_view name) {
        return keeps_annotation(name) ||
               std::any_of(more.begin(), more.end(), [&](const auto& prefix) { return name.starts_with(prefix); });
    };
}

/// The function that a ResourceSpec has: `parse` with the prefixes at hand.
auto with_prefixes(Result<RowPtr> (*parse)(JsonView, const Prefixes&), Prefixes more) {
    return [parse, more = std::move(more)](JsonView object) { return parse(object, more); };
}

/// Does the condition `type` hold?
bool condition(FieldReader& read, JsonView status, std::string_view type) {
    bool holds = false;
    read.list(status, "conditions", "status.conditions", [&](JsonView c) {
        if (c["type"].string_or("") == type) holds = c["status"].string_or("") == "True";
    });
    return holds;
}

/// The two conditions of a pod that count. When it was scheduled is only measured: an odd time is none.
void read_conditions(FieldReader& read, JsonView status, tables::Pod& pod) {
    read.list(status, "conditions", "status.conditions", [&](JsonView c) {
        const auto type = c["type"].string_or("");
        const bool holds = c["status"].string_or("") == "True";
        if (type == "Ready") pod.ready = holds;
        if (type == "PodScheduled" && holds) {
            pod.scheduled = parse_time(c["lastTransitionTime"].string_or("")).value_or(0);
        }
    });
}

tables::PodPhase phase_of(FieldReader& read, JsonView status) {
    const std::string text = read.text(status, "phase", "status.phase");
    if (text.empty() || text == "Pending") return tables::PodPhase::pending;
    if (text == "Running") return tables::PodPhase::running;
    if (text == "Succeeded") return tables::PodPhase::succeeded;
    if (text == "Failed") return tables::PodPhase::failed;
    if (text != "Unknown") read.fail("status.phase", "is no phase of a pod: " + json_quote(text.substr(0, 80)));
    return tables::PodPhase::unknown;
}

Result<RowPtr> parse_node(JsonView object, const Prefixes& more) {
    FieldReader read;
    tables::Node node;
    const JsonView metadata = read.object(object, "metadata", "metadata");
    node.key.text = read.needed_text(metadata, "name", "metadata.name");
    node.uid = read.text(metadata, "uid", "metadata.uid");
    node.created = read.time(metadata, "creationTimestamp", "metadata.creationTimestamp");
    node.labels = read.map(metadata, "labels", "metadata.labels", keep_all);
    node.annotations = read.map(metadata, "annotations", "metadata.annotations", kept_under(more));
    node.provider_id = read.text(read.object(object, "spec", "spec"), "providerID", "spec.providerID");
    const JsonView status = read.object(object, "status", "status");
    read.list(status, "addresses", "status.addresses", [&](JsonView a) {
        const auto type = a["type"].string_or("");
        if (type == "InternalIP") read.address(a["address"].string_or(""), "status.addresses", node.internal_ips);
        if (type == "ExternalIP") read.address(a["address"].string_or(""), "status.addresses", node.external_ips);
    });
    node.network_unavailable = condition(read, status, "NetworkUnavailable");
    node.container_runtime = read.text(read.object(status, "nodeInfo", "status.nodeInfo"), "containerRuntimeVersion",
                                       "status.nodeInfo.containerRuntimeVersion");
    if (read.failed()) return std::move(read).error();
    return RowPtr::make(node);
}

Result<RowPtr> parse_namespace(JsonView object, const Prefixes& more) {
    FieldReader read;
    tables::Namespace ns;
    const JsonView metadata = read.object(object, "metadata", "metadata");
    ns.key.text = read.needed_text(metadata, "name", "metadata.name");
    ns.uid = read.text(metadata, "uid", "metadata.uid");
    ns.labels = read.map(metadata, "labels", "metadata.labels", keep_all);
    ns.annotations = read.map(metadata, "annotations", "metadata.annotations", kept_under(more));
    if (read.failed()) return std::move(read).error();
    return RowPtr::make(ns);
}

Result<RowPtr> parse_pod(JsonView object, const Prefixes& more) {
    FieldReader read;
    tables::Pod pod;
    const JsonView metadata = read.object(object, "metadata", "metadata");
    pod.name = read.needed_text(metadata, "name", "metadata.name");
    pod.ns = read.needed_text(metadata, "namespace", "metadata.namespace");
    pod.key = Key<tables::Pod>{pod.ns, pod.name};
    pod.uid = read.text(metadata, "uid", "metadata.uid");
    pod.created = read.time(metadata, "creationTimestamp", "metadata.creationTimestamp");
    pod.terminating = read.time(metadata, "deletionTimestamp", "metadata.deletionTimestamp") != 0;
    pod.labels = read.map(metadata, "labels", "metadata.labels", keep_all);
    pod.annotations = read.map(metadata, "annotations", "metadata.annotations", kept_under(more));
    const JsonView spec = read.object(object, "spec", "spec");
    pod.node = read.text(spec, "nodeName", "spec.nodeName");
    pod.host_network = read.flag(spec, "hostNetwork", "spec.hostNetwork");
    const JsonView status = read.object(object, "status", "status");
    pod.phase = phase_of(read, status);
    read_conditions(read, status, pod);
    read.list(status, "podIPs", "status.podIPs",
              [&](JsonView ip) { read.address(ip["ip"].string_or(""), "status.podIPs", pod.ips); });
    pod.ips.shrink_to_fit();
    if (read.failed()) return std::move(read).error();
    return RowPtr::make(pod);
}

}  // namespace

/// The SDK's reader of metadata, with the same words for what is wrong.
Result<tables::Metadata> metadata_of(JsonView object) {
    FieldReader read;
    tables::Metadata out;
    const JsonView metadata = read.object(object, "metadata", "metadata");
    out.name = read.needed_text(metadata, "name", "metadata.name");
    out.ns = read.text(metadata, "namespace", "metadata.namespace");
    out.uid = read.text(metadata, "uid", "metadata.uid");
    out.created = read.time(metadata, "creationTimestamp", "metadata.creationTimestamp");
    out.terminating = read.time(metadata, "deletionTimestamp", "metadata.deletionTimestamp") != 0;
    out.labels = read.map(metadata, "labels", "metadata.labels", keep_all);
    if (read.failed()) return std::move(read).error();
    return out;
}

ResourceSpec node_resource(std::vector<std::string> more) {
    return {"", "v1", "nodes", "Node", false, table_spec<tables::Node>(), with_prefixes(parse_node, std::move(more))};
}

ResourceSpec namespace_resource(std::vector<std::string> more) {
    return {"",
            "v1",
            "namespaces",
            "Namespace",
            false,
            table_spec<tables::Namespace>(),
            with_prefixes(parse_namespace, std::move(more))};
}

ResourceSpec pod_resource(std::vector<std::string> more) {
    return {"", "v1", "pods", "Pod", true, table_spec<tables::Pod>(), with_prefixes(parse_pod, std::move(more))};
}

bool keeps_annotation(std::string_view name) {
    static constexpr std::array<std::string_view, 3> prefixes = {"k8s.ovn.org/", "k8s.v1.cni.cncf.io/",
                                                                 "v1.multus-cni.io/"};
    static constexpr std::array<std::string_view, 4> names = {
        "kubernetes.io/ingress-bandwidth", "kubernetes.io/egress-bandwidth", "kubernetes.io/config.source",
        "kubevirt.io/allow-pod-bridge-network-live-migration"};
    return std::any_of(prefixes.begin(), prefixes.end(), [&](auto prefix) { return name.starts_with(prefix); }) ||
           std::find(names.begin(), names.end(), name) != names.end();
}

ObjectMeta meta_of(JsonView object) {
    const JsonView metadata = object["metadata"];
    return {metadata["name"].string_or(""), metadata["namespace"].string_or(""), metadata["uid"].string_or(""),
            metadata["resourceVersion"].string_or(""), metadata["annotations"].is_object()};
}

std::uint64_t version_number(std::string_view resource_version) {
    std::uint64_t number = 0;
    const char* const end = resource_version.data() + resource_version.size();
    const auto [at, failed] = std::from_chars(resource_version.data(), end, number);
    return failed == std::errc() && at == end ? number : 0;
}

Result<Texts> kept_annotations(JsonView metadata) {
    FieldReader read;
    Texts kept = read.map(metadata, "annotations", "metadata.annotations", keeps_annotation);
    if (read.failed()) return std::move(read).error();
    return kept;
}

std::string percent_encode(std::string_view text) {
    static constexpr std::string_view plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    static constexpr char digits[] = "0123456789ABCDEF";
    std::string out;
    out.reserve(text.size());
    for (const char c : text) {
        if (plain.find(c) != std::string_view::npos) {
            out.push_back(c);
        } else {
            const auto byte = static_cast<unsigned char>(c);
            out.append({'%', digits[byte >> 4], digits[byte & 15]});
        }
    }
    return out;
}

std::string collection_path(const ResourceSpec& resource, std::string_view ns) {
    std::string path = resource.group.empty() ? "/api/" : "/apis/" + resource.group + "/";
    path += resource.version;
    if (!ns.empty()) path += "/namespaces/" + percent_encode(ns);
    return path + "/" + resource.resource;
}

std::string object_path(const ResourceSpec& resource, std::string_view ns, std::string_view name,
                        std::string_view subresource) {
    std::string path = collection_path(resource, ns) + "/" + percent_encode(name);
    if (!subresource.empty()) path.append("/").append(subresource);
    return path;
}

}  // namespace weft::kube

namespace weft::tables {

Result<Metadata> read_metadata(JsonView object) {
    return kube::metadata_of(object);
}

}  // namespace weft::tables
