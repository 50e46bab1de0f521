#include "base/log_config.hpp"
#include "config/schema_rows.hpp"

#include <weft/base/json.hpp>

/// The keys that OVN-Kubernetes does not have: who this weftd is and where its own files are.
namespace weft::config {

namespace {

Result<void> check_role(std::string_view value) {
    for (std::string_view good : {"", "node", "cluster", "dpu", "dpu-host"}) {
        if (value == good) return {};
    }
    return invalid("unknown role " + json_quote(value), "use node, cluster, dpu or dpu-host");
}

Result<void> check_absolute(std::string_view value) {
    if (value.empty() || value.starts_with('/')) return {};
    return invalid(json_quote(value) + " is no absolute path", "begin it with /");
}

/// A unix socket's path has 108 bytes with its NUL; the longest name below run-dir is /cni/ovn-cni-server.sock.
Result<void> check_run_dir(std::string_view value) {
    if (value.empty()) return invalid("run-dir is empty", "leave the key out for /var/run/ovn-kubernetes");
    if (auto absolute = check_absolute(value); !absolute) return absolute;
    if (value.size() > 80) return invalid("run-dir is too long for a unix socket's path", "use at most 80 bytes");
    return {};
}

Result<void> check_level(std::string_view value) {
    if (value.empty()) return {};
    auto level = parse_log_level(value);
    if (!level) return std::move(level).error();
    return {};
}

Result<void> check_levels(std::string_view value) {
    for (const auto& entry : split_list(value)) {
        const auto equals = entry.find('=');
        if (equals == std::string::npos || equals == 0) {
            return invalid(json_quote(entry) + " is no part=level", "write such as ovsdb=debug, kube=trace");
        }
        if (auto level = check_level(trimmed(std::string_view(entry).substr(equals + 1))); !level) return level;
    }
    return {};
}

Result<void> check_threads(std::string_view value) {
    auto number = read_integer(value, 0, 256);
    if (!number) return std::move(number).error();
    return {};
}

Result<void> check_record_size(std::string_view value) {
    auto number = read_integer(value, 3, 65536);
    if (!number) return std::move(number).error();
    return {};
}

Result<void> check_timeout(std::string_view value) {
    Nanoseconds time{};
    if (auto read = read_value(value, Spelling::file, time); !read) return read;
    constexpr Nanoseconds least = std::chrono::seconds(1);
    if (time != Nanoseconds::zero() && time < least)
        return invalid(json_quote(value) + " is too short",
                       "write 0 for never, or at least 1s; a bare number is nanoseconds");
    return {};
}

Result<void> check_memory(std::string_view value) {
    auto limit = memory_limit_of(value);
    if (!limit) return std::move(limit).error();
    return {};
}

Result<void> check_flaps(std::string_view value) {
    auto number = read_integer(value, 0, 3000);
    if (!number) return std::move(number).error();
    return {};
}

}  // namespace

void add_weft_keys(std::vector<KeySpec>& to) {
    Rows<&Settings::weft> weft(to, "weft");
    weft.add<&WeftSection::role>(
            "role", "",
            "What this weftd does: node (one a node), cluster (1 to 3 a cluster, one leads), dpu or "
            "dpu-host. Needed; usually given by the unit file as --role.")
        .check(check_role);
    weft.add<&WeftSection::node>("node", "", "Name of this node's Node object; empty: the host's name in lower case.")
        .env("K8S_NODE");
    weft.add<&WeftSection::run_dir>("run-dir", "/var/run/ovn-kubernetes",
                                    "Folder of the CNI socket (cni/ovn-cni-server.sock), the admin socket and the "
                                    "lock. Each node on a machine needs its "
                                    "own; the two roles of one node share it.")
        .check(check_run_dir);
    weft.add<&WeftSection::admin_socket>("admin-socket", "",
                                         "Where weftctl finds weftd; empty: <run-dir>/admin-<role>.sock.")
        .check(check_absolute);
    weft.add<&WeftSection::plugin_dir>("plugin-dir", "",
                                       "Folder of the plugins' .so files; empty: where the packages put them.")
        .check(check_absolute);
    weft.add<&WeftSection::leader_identity>(
        "leader-identity", "", "Holder name in the leader's Lease; empty: the pod's name, else the node's.");
    weft.add<&WeftSection::pod_name>("pod-name", "",
                                     "The pod that weftd runs in; while it is being deleted, /healthz answers 503.")
        .env("POD_NAME");
    weft.add<&WeftSection::log_level>("log-level", "",
                                      "trace, debug, info, warn or error; empty: from [logging] loglevel.")
        .check(check_level)
        .live();
    weft.add<&WeftSection::log_levels>("log-levels", "",
                                       "Levels of single parts, such as: ovsdb=debug, network-policy=trace.")
        .check(check_levels)
        .live();
    weft.add<&WeftSection::threads>("threads", "0", "Threads that run rules; 0: one a CPU.").check(check_threads);
    weft.add<&WeftSection::rule_timeout>("rule-timeout", "30s",
                                         "A rule or adapter that does not return for so long is a fault: weftd starts "
                                         "anew with its plugin frozen, which "
                                         "leaves the plugin's rows as they are. At least 1s; 0: never.")
        .check(check_timeout)
        .live();
    weft.add<&WeftSection::memory_limit>(
            "memory-limit", "auto",
            "Resident memory, such as 512M or 2G, beyond which weftd starts anew with the plugin frozen that was "
            "running "
            "while most of it came. auto: nine tenths of the control group's limit, else half of the machine's memory; "
            "0: none.")
        .check(check_memory)
        .live();
    weft.add<&WeftSection::flap_limit>(
            "flap-limit", "100",
            "A rule's rows for one object that change more often than this in a second, for "
            "longer than ten, are made anew after pauses only. At most 3000; 0: any number is fine.")
        .check(check_flaps);
    weft.add<&WeftSection::pidfile>("pidfile", "", "File to write the process id to; empty: none.")
        .check(check_absolute);
    weft.add<&WeftSection::enable_multicast>("enable-multicast", "false",
                                             "Multicast between pods of namespaces that ask for it.")
        .live();
    weft.add<&WeftSection::unprivileged_mode>("unprivileged-mode", "false",
                                              "Not supported: accepted so that old manifests start, with a warning.");
}

void add_debug_keys(std::vector<KeySpec>& to) {
    Rows<&Settings::debug> debug(to, "debug");
    debug
        .add<&DebugSection::record>(
            "record", "",
            "File in which weftd writes down all that it learns and what comes of it, for weftctl replay; empty: none. "
            "The folder must be there. What weftd knows is in it, annotations and plugins' settings too: only its "
            "owner can read it.")
        .flag("record")
        .check(check_absolute);
    debug
        .add<&DebugSection::record_size>("record-size", "64",
                                         "MiB that the recording may take, with its older piece <file>.1: the oldest "
                                         "goes when it is full.")
        .check(check_record_size);
}

}  // namespace weft::config
