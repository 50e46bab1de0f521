#include "pod_object.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <ctime>

namespace weft::testing {

namespace {

void condition(JsonWriter& out, std::string_view type, bool status, std::string_view reason, std::string_view message,
               const std::string& now) {
    out.object([&] {
        out.member("type", type).member("status", status ? "True" : "False");
        out.member("lastTransitionTime", now).member("lastHeartbeatTime", now);
        if (!reason.empty()) out.member("reason", reason);
        if (!message.empty()) out.member("message", message);
    });
}

void pod_condition(JsonWriter& out, std::string_view type, const std::string& now) {
    out.object([&] { out.member("type", type).member("status", "True").member("lastTransitionTime", now); });
}

/// Lists of a status are merged by a key that isn't unique (InternalIP twice); this element makes it a replacement.
void replace_list(JsonWriter& out) {
    out.object([&] { out.member("$patch", "replace"); });
}

void ip_list(JsonWriter& out, std::string_view list, const std::vector<Ip>& addresses) {
    out.key(list).array([&] {
        replace_list(out);
        for (const auto& address : addresses)
            out.object([&] { out.member("ip", address.text()); });
    });
}

void container_status(JsonWriter& out, const PodObject::Container& container, const std::string& now) {
    out.object([&] {
        out.member("name", container.name).member("image", container.image).member("imageID", "");
        out.member("ready", true).member("started", true).member("restartCount", 0);
        out.key("state").object([&] { out.key("running").object([&] { out.member("startedAt", now); }); });
    });
}

}  // namespace

PodObject PodObject::parse(JsonView pod) {
    const auto text = [](JsonView view) { return std::string(view.string_or("")); };
    const auto metadata = pod["metadata"];
    const auto spec = pod["spec"];
    const auto status = pod["status"];
    PodObject result{.pod_namespace = text(metadata["namespace"]),
                     .name = text(metadata["name"]),
                     .uid = text(metadata["uid"]),
                     .version = text(metadata["resourceVersion"]),
                     .host_network = spec["hostNetwork"].boolean().value_or(false),
                     .deleting = metadata["deletionTimestamp"].is_string(),
                     .phase = text(status["phase"])};
    status["conditions"].each([&](JsonView one) {
        if (one["type"].string_or("") == "Ready") result.ready = one["status"].string_or("") == "True";
    });
    status["podIPs"].each([&](JsonView one) { result.addresses.push_back(text(one["ip"])); });
    bool port_known = false;
    spec["containers"].each([&](JsonView container) {
        result.containers.push_back({text(container["name"]), text(container["image"])});
        container["ports"].each([&](JsonView one) {
            const auto number = one["containerPort"].unsigned_integer().value_or(0);
            if (!port_known && number > 0 && number < 65536) result.port = static_cast<std::uint16_t>(number);
            port_known = port_known || number > 0;
        });
    });
    return result;
}

std::string running_status(const PodObject& pod, const std::vector<Ip>& host, const std::vector<Ip>& addresses,
                           const std::string& now) {
    JsonWriter out;
    out.object([&] {
        out.key("metadata").object([&] { out.member("uid", pod.uid).member("resourceVersion", pod.version); });
        out.key("status").object([&] {
            out.member("phase", "Running").member("startTime", now);
            if (!host.empty()) out.member("hostIP", host.front().text());
            ip_list(out, "hostIPs", host);
            if (!addresses.empty()) out.member("podIP", addresses.front().text());
            ip_list(out, "podIPs", addresses);
            out.key("conditions").array([&] {
                for (const auto* type : {"PodScheduled", "Initialized", "ContainersReady", "Ready"}) {
                    pod_condition(out, type, now);
                }
            });
            out.key("containerStatuses").array([&] {
                for (const auto& container : pod.containers)
                    container_status(out, container, now);
            });
        });
    });
    return out.take();
}

std::string pod_event(const PodObject& pod, const std::string& node, const std::string& reason,
                      const std::string& message, const std::string& now) {
    JsonWriter out;
    out.object([&] {
        out.member("apiVersion", "v1").member("kind", "Event");
        out.key("metadata").object([&] {
            out.member("generateName", pod.name + ".").member("namespace", pod.pod_namespace);
        });
        out.key("involvedObject").object([&] {
            out.member("apiVersion", "v1").member("kind", "Pod").member("name", pod.name);
            out.member("namespace", pod.pod_namespace).member("uid", pod.uid);
        });
        out.member("type", "Warning").member("reason", reason).member("message", message);
        out.key("source").object([&] { out.member("component", "podrunner").member("host", node); });
        out.member("firstTimestamp", now).member("lastTimestamp", now).member("count", 1);
    });
    return out.take();
}

std::string node_object(const NodeObject& node) {
    JsonWriter out;
    out.object([&] {
        out.member("apiVersion", "v1").member("kind", "Node");
        out.key("metadata").object([&] {
            out.member("name", node.name);
            out.key("labels").object(
                [&] { out.member("kubernetes.io/hostname", node.name).member("kubernetes.io/os", "linux"); });
        });
        out.key("spec").object([] {});
    });
    return out.take();
}

std::string node_status(const NodeObject& node, const std::string& now) {
    JsonWriter out;
    out.object([&] {
        out.key("status").object([&] {
            out.key("addresses").array([&] {
                replace_list(out);
                for (const auto& address : node.addresses) {
                    out.object([&] { out.member("type", "InternalIP").member("address", address.text()); });
                }
                out.object([&] { out.member("type", "Hostname").member("address", node.name); });
            });
            out.key("conditions").array([&] {
                condition(out, "Ready", node.ready, node.ready ? "KubeletReady" : "KubeletNotReady", node.message, now);
            });
            for (const auto* amount : {"capacity", "allocatable"}) {
                out.key(amount).object([&] { out.member("cpu", "2").member("memory", "4Gi").member("pods", "500"); });
            }
            out.key("nodeInfo").object([&] {
                out.member("kubeletVersion", "v1.0.0-podrunner").member("operatingSystem", "linux");
            });
        });
    });
    return out.take();
}

std::string timestamp() {
    const auto now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
    std::tm parts{};
    ::gmtime_r(&now, &parts);
    std::array<char, 32> text;
    const auto size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
    return {text.data(), size};
}

}  // namespace weft::testing
