#include <weft/testing/testbed/plugin_cluster.hpp>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <vector>

#include <unistd.h>

namespace weft::testing {

namespace {

std::vector<std::filesystem::path> paths_of(const char* variable) {
    std::vector<std::filesystem::path> paths;
    const char* value = std::getenv(variable);
    std::istringstream in(value == nullptr ? "" : value);
    for (std::string path; std::getline(in, path, ':');) {
        if (!path.empty()) paths.emplace_back(path);
    }
    return paths;
}

std::string read_file(const std::filesystem::path& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
}

std::string sorted_lines(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) {
        if (!line.empty()) lines.push_back(line);
    }
    std::sort(lines.begin(), lines.end());
    std::string joined;
    for (const auto& line : lines)
        joined += (joined.empty() ? "" : ",") + line;
    return joined;
}

}  // namespace

std::string PluginCluster::why_not() {
    if (::geteuid() != 0) return "needs root: it builds network namespaces";
    for (const char* program : {"ovs-vswitchd", "ovn-northd", "ovn-controller", "ip"}) {
        if (!run_ok({"which", program})) return std::string("needs ") + program;
    }
    return {};
}

Result<std::unique_ptr<PluginCluster>> PluginCluster::start(ClusterOptions options) {
    auto made = std::make_unique<PluginCluster>();
    auto testbed = Testbed::create();
    if (!testbed) return testbed.error();
    made->testbed_ = *std::move(testbed);
    for (auto& file : paths_of("WEFT_PLUGIN_FILE")) {
        options.plugins += "," + file.stem().string();
        options.more_plugins.push_back(std::move(file));
    }
    for (auto& manifest : paths_of("WEFT_PLUGIN_MANIFESTS"))
        options.manifests.push_back(std::move(manifest));
    auto cluster = Cluster::start(*made->testbed_, std::move(options));
    if (!cluster) return cluster.error();
    made->cluster_ = *std::move(cluster);
    for (const auto& name : made->cluster_->node_names()) {
        if (auto ready = made->cluster_->wait_node_ready(name); !ready) {
            return waiting(ready.error().text() + "\n" + read_file(made->cluster_->node(name).weftd.spec().log));
        }
    }
    return made;
}

Result<RunningPod> PluginCluster::pod(const std::string& ns, const std::string& name, const std::string& node) {
    const std::string yaml = "{apiVersion: v1, kind: Namespace, metadata: {name: " + ns +
                             "}}\n---\n{apiVersion: v1, kind: Pod, metadata: {name: " + name + ", namespace: " + ns +
                             "}, spec: {nodeName: " + node + ", containers: [{name: c, image: i}]}}\n";
    if (auto applied = cluster_->apply_text(yaml); !applied) return applied.error();
    return cluster_->wait_pod(ns, name);
}

Result<void> PluginCluster::wait_rows(const std::string& node, const std::string& table, const std::string& condition,
                                      const std::string& columns, const std::string& expected) {
    Argv arguments{"--bare", "--columns=" + columns, "find", table};
    if (!condition.empty()) arguments.push_back(condition);
    return wait_for("rows of " + table + " to be \"" + expected + "\"", [&]() -> Result<void> {
        auto found = cluster_->node(node).ovn->nbctl(arguments);
        if (!found) return found.error();
        const auto lines = sorted_lines(*found);
        return lines == expected ? Result<void>() : Result<void>(waiting("they are " + lines));
    });
}

Result<void> PluginCluster::wait_object(const std::string& path, const std::string& text) {
    return wait_for(path + " to have " + text, [&]() -> Result<void> {
        auto object = cluster_->api().get(path);
        if (!object) return object.error();
        const auto found = object->root().dump();
        return found.find(text) != std::string::npos ? Result<void>() : Result<void>(waiting("it is " + found));
    });
}

Result<void> PluginCluster::wait_followed(const std::string& node) {
    if (auto synced = cluster_->node(node).ovn->nbctl({"--timeout=60", "--wait=hv", "sync"}); !synced)
        return synced.error();
    return {};
}

Result<std::string> PluginCluster::metrics(const std::string& node) {
    auto& ovn = *cluster_->node(node).ovn;
    const auto weftctl = cluster_->options().bin_dir / "weftctl";
    return run_ok({weftctl.string(), "--run-dir", (ovn.dir() / "weft").string(), "--role", "node", "metrics"});
}

Result<void> PluginCluster::wait_event(const std::string& ns, const std::string& kind, const std::string& name,
                                       const std::string& text) {
    return wait_for("an Event of " + kind + " " + name + " that says \"" + text + "\"", [&]() -> Result<void> {
        auto events = cluster_->api().get("/api/v1/namespaces/" + ns + "/events");
        if (!events) return events.error();
        bool found = false;
        std::string all;
        events->root()["items"].each([&](JsonView event) {
            const auto object = event["involvedObject"];
            const std::string message(event["message"].string_or(""));
            all += "\n  " + std::string(object["kind"].string_or("")) + " " +
                   std::string(object["name"].string_or("")) + ": " + message;
            found |= object["kind"].string_or("") == kind && object["name"].string_or("") == name &&
                     message.find(text) != std::string::npos;
        });
        return found ? Result<void>() : Result<void>(waiting("there are" + (all.empty() ? " none" : all)));
    });
}

Result<void> PluginCluster::rights_suffice() const {
    const auto missing = cluster_->missing_rights();
    if (!missing) return missing.error();
    std::string all;
    for (const auto& right : *missing)
        all += "\n  " + right;
    return all.empty() ? Result<void>() : Result<void>(broken("weftctl rbac prints no rule for" + all));
}

Result<void> PluginCluster::reconfigure(const std::string& node, const std::string& from, const std::string& to) {
    auto& weft = cluster_->node(node);
    std::string text = read_file(weft.config_file);
    const auto at = text.find(from);
    if (at == std::string::npos) return invalid("the configuration has no \"" + from + "\":\n" + text);
    text.replace(at, from.size(), to);
    std::ofstream out(weft.config_file);
    out << text << std::flush;
    if (!out) return again("can't write " + weft.config_file.string());
    weft.weftd.signal(SIGHUP);
    return {};
}

}  // namespace weft::testing
