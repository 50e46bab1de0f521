#include "appliers/kube/patch.hpp"
#include "kube/client.hpp"
#include "kube/framing.hpp"
#include "kube/objects.hpp"
#include "kube/reflector.hpp"

#include <weft/base/json.hpp>
#include <weft/tables/kube.hpp>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <future>
#include <string>
#include <string_view>
#include <thread>

#include <sys/resource.h>

/// What the kube part of weftd costs at least: bench-kube KUBECONFIG|URL [pods] [in flight]
/// Makes pods on an API server (run one with weft-apiserver, so that its CPU is not counted), then prints the CPU time
/// of this process for listing and parsing them, and for one guarded PATCH each.
namespace {

using namespace weft;
using namespace weft::kube;

double cpu_seconds() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    const auto seconds = [](const timeval& t) {
        return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double resident_mib() {
    std::ifstream status("/proc/self/status");
    std::string line;
    while (std::getline(status, line)) {
        if (line.starts_with("RssAnon:")) return std::strtod(line.c_str() + 8, nullptr) / 1024;
    }
    return 0;
}

class Meter {
  public:
    explicit Meter(const char* what) : what_(what) {}
    void print(std::size_t count) const {
        const double wall = std::chrono::duration<double>(std::chrono::steady_clock::now() - began_).count();
        const double cpu = cpu_seconds() - cpu_;
        const auto each = static_cast<double>(count) / 1e6;
        std::printf("%-28s %8zu  wall %8.1f ms (%6.1f us each)  cpu %8.1f ms (%6.1f us each)  RssAnon %5.1f MiB\n",
                    what_, count, wall * 1e3, wall / each, cpu * 1e3, cpu / each, resident_mib());
    }

  private:
    const char* what_;
    std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
    double cpu_ = cpu_seconds();
};

/// Sends `count` requests, at most `in_flight` at a time, and waits for the answers. Returns how many failed.
std::size_t send_all(Client& client, std::size_t count, std::size_t in_flight,
                     const std::function<Request(std::size_t)>& make) {
    std::size_t next = 0, answered = 0, failed = 0;
    std::promise<void> done;
    std::function<void()> more = [&] {
        if (next == count) return;
        client.start(make(next++), [&](const Answer& answer) {
            if (!answer.ok() && failed++ == 0) std::fprintf(stderr, "%s\n", answer.error("request").text().c_str());
            if (++answered == count) {
                done.set_value();
            } else {
                more();
            }
        });
    };
    client.post([&] {
        for (std::size_t i = 0; i < in_flight; ++i)
            more();
    });
    done.get_future().wait();
    return failed;
}

std::string pod_text(const std::string& name) {
    std::string text =
        R"({"apiVersion":"v1","kind":"Pod","metadata":{"name":")" + name +
        R"(","namespace":"bench","labels":{"app":"bench","pod-template-hash":"5d4f8c7b9","tier":"web"}},"spec":{"nodeName":"bench",)"
        R"("containers":[{"name":"main","image":"registry.example.com/team/service:1.2.3","env":[)";
    for (int i = 0; i < 12; ++i) {
        text += (i == 0 ? "" : ",") + std::string(R"({"name":"VARIABLE_)") + std::to_string(i) +
                R"(","value":"some value of ordinary length"})";
    }
    return text +
           R"(],"resources":{"requests":{"cpu":"100m","memory":"64Mi"}},"terminationMessagePath":"/dev/termination-log"}]},)"
           R"("status":{"phase":"Pending"}})";
}

std::string networks(std::size_t i) {
    const std::string ip = "10.0." + std::to_string(i / 250) + "." + std::to_string(i % 250 + 3);
    return R"({"default":{"ip_addresses":[")" + ip +
           R"(/18"],"mac_address":"0a:58:0a:00:00:03","gateway_ips":["10.0.0.1"],"routes":[)" +
           R"({"dest":"10.0.0.0/8","nextHop":"10.0.0.1"},{"dest":"10.96.0.0/16","nextHop":"10.0.0.1"}],"ip_address":")" +
           ip + R"(/18","gateway_ip":"10.0.0.1","role":"primary"}})";
}

class CountingSink final : public Sink {
  public:
    explicit CountingSink(std::promise<std::vector<RowPtr>>& listed) : listed_(listed) {}
    void replace_all(std::string_view, std::vector<RowPtr> rows) override { listed_.set_value(std::move(rows)); }
    void put(std::string_view, RowPtr, const RowPtr&) override { ++puts; }
    void erase(std::string_view, std::string_view) override {}
    void complete(std::string_view) override {}
    void flush() override {}
    void malformed(const ObjectRef&, const Error& error) override {
        std::fprintf(stderr, "%s\n", error.text().c_str());
    }
    void mended(const ObjectRef&) override {}
    std::atomic<std::size_t> puts{0};

  private:
    std::promise<std::vector<RowPtr>>& listed_;
};

}  // namespace

int main(int argc, char** argv) {
    if (argc < 2) {
        std::fprintf(stderr, "usage: bench-kube KUBECONFIG|URL [pods] [in flight]\n");
        return 2;
    }
    const std::string target = argv[1];
    const std::size_t pods = argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 10'000;
    const std::size_t in_flight = argc > 3 ? std::strtoul(argv[3], nullptr, 10) : 16;
    Access access;
    access.server = target;
    if (!target.starts_with("http")) {
        auto read = access_from_kubeconfig(target);
        if (!read) return std::fprintf(stderr, "%s\n", read.error().text().c_str()), 1;
        access = *std::move(read);
    }
    Client client(access);
    client.start();
    Request space;
    space.method = Method::post;
    space.path = "/api/v1/namespaces";
    space.body = R"({"apiVersion":"v1","kind":"Namespace","metadata":{"name":"bench"}})";
    client.call(space);

    {
        const Meter meter("create");
        send_all(client, pods, in_flight, [](std::size_t i) {
            Request request;
            request.method = Method::post;
            request.path = "/api/v1/namespaces/bench/pods";
            request.body = pod_text("pod-" + std::to_string(i));
            request.accept = appliers::metadata_only;
            return request;
        });
        meter.print(pods);
    }

    std::promise<std::vector<RowPtr>> listed;
    CountingSink sink(listed);
    Reflector reflector(client, client, sink, pod_resource(), WatchScope::all, {});
    std::vector<RowPtr> rows;
    {
        const Meter meter("list and parse");
        client.run([&] { reflector.start(); });
        rows = listed.get_future().get();
        meter.print(rows.size());
    }
    {
        const Meter meter("patch, watch and parse");
        send_all(client, rows.size(), in_flight, [&](std::size_t i) {
            const auto& pod = rows[i].as<tables::Pod>();
            appliers::Snapshot seen;
            seen.uid = pod.uid;
            const appliers::AnnotationChange change{"k8s.ovn.org/pod-networks", std::nullopt, networks(i), true};
            return appliers::pod_patch(pod.ns, pod.name, seen, std::span(&change, 1));
        });
        meter.print(rows.size());
    }
    client.run([&] { reflector.stop(); });
    {
        const Meter meter("patch alone");
        send_all(client, rows.size(), in_flight, [&](std::size_t i) {
            const auto& pod = rows[i].as<tables::Pod>();
            appliers::Snapshot seen;
            seen.uid = pod.uid;
            seen.annotated = true;
            const appliers::AnnotationChange change{"k8s.ovn.org/pod-networks", std::nullopt, networks(i + 1), true};
            return appliers::pod_patch(pod.ns, pod.name, seen, std::span(&change, 1));
        });
        meter.print(rows.size());
    }
    std::printf("connections opened: %llu\n", static_cast<unsigned long long>(client.counters().connections));
    client.stop();
    return 0;
}
