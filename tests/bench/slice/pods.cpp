#include "pods.hpp"

#include "appliers/kube/patch.hpp"

#include <weft/base/uuid.hpp>

#include <cstdio>
#include <future>

namespace weft::bench {

std::string pod_name(std::size_t number) {
    return "web-5d4f8c7b9-" + std::to_string(100'000 + number);
}

std::string stored_pod_json(const std::string& name) {
    return pod_json(name, {.more_metadata = R"("uid":")" + Uuid::random().text() +
                                            R"(","creationTimestamp":"2026-01-01T00:00:00Z",)"});
}

std::string pod_json(const std::string& name, const PodPlace& place) {
    std::string text = R"({"apiVersion":"v1","kind":"Pod","metadata":{)" + place.more_metadata + R"("name":")" + name +
                       R"(","namespace":")" + place.ns +
                       R"(","labels":{"app":"web","pod-template-hash":"5d4f8c7b9","tier":"front"})" +
                       (place.annotations.empty() ? "" : ",\"annotations\":" + place.annotations) +
                       R"(},"spec":{"nodeName":")" + place.node +
                       R"(","serviceAccountName":"default","containers":[{"name":"main","image":)"
                       R"("registry.example.com/team/service:1.2.3","env":[)";
    for (int i = 0; i < 12; ++i) {
        text += (i == 0 ? "" : ",") + std::string(R"({"name":"VARIABLE_)") + std::to_string(i) +
                R"(","value":"some value of ordinary length"})";
    }
    return text +
           R"(],"resources":{"requests":{"cpu":"100m","memory":"64Mi"}},"volumeMounts":[{"name":"kube-api-access",)"
           R"("readOnly":true,"mountPath":"/var/run/secrets/kubernetes.io/serviceaccount"}],)"
           R"("terminationMessagePath":"/dev/termination-log"}],"volumes":[{"name":"kube-api-access","projected":)"
           R"({"sources":[{"serviceAccountToken":{"expirationSeconds":3607,"path":"token"}}]}}],)"
           R"("tolerations":[{"key":"node.kubernetes.io/not-ready","operator":"Exists","effect":"NoExecute",)"
           R"("tolerationSeconds":300}]},"status":)" +
           place.status + "}";
}

std::string pod_ip(std::size_t number) {
    const std::size_t host = number + 3;
    return "10.0." + std::to_string(host / 256) + "." + std::to_string(host % 256);
}

std::string pod_networks(std::size_t number) {
    const std::string ip = pod_ip(number);
    return R"({"default":{"ip_addresses":[")" + ip +
           R"(/18"],"mac_address":"0a:58:0a:00:00:03","gateway_ips":["10.0.0.1"],"routes":[)" +
           R"({"dest":"10.0.0.0/8","nextHop":"10.0.0.1"},{"dest":"172.30.0.0/16","nextHop":"10.0.0.1"},)" +
           R"({"dest":"100.64.0.0/16","nextHop":"10.0.0.1"}],"ip_address":")" + ip +
           R"(/18","gateway_ip":"10.0.0.1","role":"primary"}})";
}

nb::LogicalSwitchPort pod_port(std::size_t number) {
    const std::string addresses = "0a:58:0a:00:00:03 " + pod_ip(number);
    const std::string name = pod_name(number);
    return {.addresses = {addresses},
            .external_ids = {{"namespace", pod_namespace}, {"pod", "true"}},
            .name = std::string(pod_namespace) + "_" + name,
            .options = {{"iface-id-ver", "1c0f6b5e-7d1e-4c0c-9a53-0123456789ab"}, {"requested-chassis", node_name}},
            .port_security = {addresses},
            .type = ""};
}

std::size_t send_all(kube::Client& client, std::size_t count, std::size_t in_flight,
                     const std::function<kube::Request(std::size_t)>& make) {
    if (count == 0) return 0;
    std::size_t next = 0;
    std::size_t answered = 0;
    std::size_t failed = 0;
    std::promise<void> done;
    std::function<void()> more = [&] {
        if (next == count) return;
        client.start(make(next++), [&](const kube::Answer& answer) {
            if (!answer.ok() && failed++ == 0) std::fprintf(stderr, "%s\n", answer.error("request").text().c_str());
            if (++answered == count) return done.set_value();
            more();
        });
    };
    client.post([&] {
        for (std::size_t i = 0; i < in_flight; ++i)
            more();
    });
    done.get_future().wait();
    return failed;
}

std::string pods_path(const std::string& ns) {
    return "/api/v1/namespaces/" + ns + "/pods";
}

kube::Request create_request(const std::string& collection, std::string body) {
    kube::Request request;
    request.method = kube::Method::post;
    request.path = collection;
    request.body = std::move(body);
    request.accept = appliers::metadata_only;
    return request;
}

std::size_t create_pods(kube::Client& client, std::size_t count) {
    return send_all(client, count, 16,
                    [](std::size_t i) { return create_request(pods_path(), pod_json(pod_name(i))); });
}

}  // namespace weft::bench
