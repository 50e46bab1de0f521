#include "services/report.hpp"

#include "services/text.hpp"

#include <weft/base/json.hpp>

#include <algorithm>

namespace weft::services {

namespace {

void write(JsonWriter& w, const StatusReport::Connection& c) {
    w.object(
        [&] { w.member("name", c.name).member("address", c.address).member("up", c.up).member("detail", c.detail); });
}

void write(JsonWriter& w, const StatusReport::PluginState& p) {
    w.object([&] {
        w.member("name", p.name).member("version", p.version).member("state", p.state);
        w.member("reason", p.reason);
        w.member("rules", std::uint64_t{p.rules}).member("instances", std::uint64_t{p.instances});
        w.member("failed", std::uint64_t{p.failed}).member("conflicts", std::uint64_t{p.conflicts});
        w.member("waiting", std::uint64_t{p.waiting}).member("warnings", std::uint64_t{p.warnings});
    });
}

void write(JsonWriter& w, const appliers::Status& a) {
    w.object([&] {
        w.member("name", a.name).member("state", to_string(a.state)).member("detail", a.detail);
        w.member("behind", std::uint64_t{a.behind}).member("applied", a.applied);
        w.member("requests", a.requests).member("repaired", a.repaired);
        w.key("faults").array([&] {
            for (const auto& f : a.faults) {
                w.object([&] {
                    w.member("object", f.object).member("what", f.what).member("mend", f.mend);
                    w.member("since", f.since == WallTime{} ? "" : rfc3339(f.since));
                });
            }
        });
    });
}

/// "Pod web/p1", or the driver row's key when it stands for no object.
std::string object_text(const RuleStatus& p) {
    if (p.on.kind.empty()) return p.driver;
    return p.on.kind + " " + (p.on.ns.empty() ? "" : p.on.ns + "/") + p.on.name;
}

void write(JsonWriter& w, const RuleStatus& p) {
    w.object([&] {
        w.member("state", to_string(p.state)).member("object", object_text(p));
        w.member("plugin", p.module).member("rule", p.rule).member("what", p.what);
        w.member("where", p.where).member("mend", p.mend);
        w.member(
            "since",
            rfc3339(WallTime(std::chrono::duration_cast<WallTime::duration>(std::chrono::milliseconds(p.since_ms)))));
    });
}

template <class T>
void write_list(JsonWriter& w, std::string_view name, const std::vector<T>& list) {
    w.key(name).array([&] {
        for (const auto& entry : list)
            write(w, entry);
    });
}

void write_problems(JsonWriter& w, std::vector<RuleStatus> problems, std::size_t most) {
    std::ranges::stable_sort(problems, {}, [](const RuleStatus& p) { return std::pair(p.state, p.since_ms); });
    const std::size_t all = problems.size();
    problems.resize(std::min(most, all));
    write_list(w, "problems", problems);
    w.member("problemsOmitted", std::uint64_t{all - problems.size()});
}

}  // namespace

std::string to_json(const StatusReport& r, std::size_t most) {
    JsonWriter w;
    w.object([&] {
        w.member("version", r.version)
            .member("revision", r.revision)
            .member("role", r.role)
            .member("node", r.node)
            .member("pid", r.pid);
        w.member("started", rfc3339(r.started)).member("ready", r.ready).member("ticks", r.ticks);
        w.key("awaiting").array([&] {
            for (const auto& name : r.awaiting)
                w.value(name);
        });
        if (r.leader) {
            w.key("leader").object([&] {
                w.member("identity", r.leader->identity).member("self", r.leader->self);
                w.member("trouble", r.leader->trouble);
            });
        }
        if (r.cni) {
            w.key("cni").object([&] {
                w.member("serving", r.cni->serving).member("reason", r.cni->reason);
                w.member("requests", r.cni->requests);
            });
        }
        if (r.recording) {
            w.key("recording").object([&] {
                w.member("file", r.recording->file).member("recording", r.recording->recording);
                w.member("trouble", r.recording->trouble).member("bytes", r.recording->bytes);
            });
        }
        w.key("counts").object([&] {
            for (const auto& [name, count] : r.counts)
                w.member(name, count);
        });
        write_list(w, "connections", r.connections);
        write_list(w, "plugins", r.plugins);
        write_list(w, "appliers", r.appliers);
        write_problems(w, r.problems, most);
    });
    return w.take();
}

std::string to_json(const std::vector<PluginReport>& plugins) {
    JsonWriter w;
    w.array([&] {
        for (const auto& p : plugins) {
            w.object([&] {
                w.member("name", p.name).member("version", p.version).member("enabled", p.enabled);
                w.member("state", p.state).member("file", p.file).member("reason", p.reason);
                w.key("needs").array([&] {
                    for (const auto& need : p.needs)
                        w.value(need);
                });
            });
        }
    });
    return w.take();
}

}  // namespace weft::services
