#include <weft/testing/testbed/ovn_node.hpp>
#include <weft/testing/testbed/wait.hpp>

#include <sys/un.h>

namespace weft::testing {

namespace {

constexpr std::size_t longest_socket_path = sizeof(sockaddr_un::sun_path) - 1;

struct Database {
    Daemon daemon;
    const char* schema;
    const char* file;    ///< below the node's folder
    const char* socket;  ///< likewise
    const char* control;
};
constexpr std::array databases{
    Database{Daemon::ovs_db, "/usr/share/openvswitch/vswitch.ovsschema", "ovs/conf.db", "ovs/db.sock",
             "ovs/ovsdb-server.ctl"},
    Database{Daemon::nb_db, "/usr/share/ovn/ovn-nb.ovsschema", "ovn/ovnnb_db.db", "ovn/ovnnb_db.sock",
             "ovn/ovnnb_db.ctl"},
    Database{Daemon::sb_db, "/usr/share/ovn/ovn-sb.ovsschema", "ovn/ovnsb_db.db", "ovn/ovnsb_db.sock",
             "ovn/ovnsb_db.ctl"},
};

const Database* database_of(Daemon daemon) {
    for (const auto& database : databases) {
        if (database.daemon == daemon) return &database;
    }
    return nullptr;
}

bool is_ovs(Daemon daemon) {
    return daemon == Daemon::ovs_db || daemon == Daemon::vswitchd;
}

std::string unix_remote(const std::filesystem::path& socket) {
    return "unix:" + socket.string();
}

/// ovs-vsctl reads ':' in a value as the end of a key unless it is quoted.
std::string quoted(const std::string& text) {
    return "\"" + text + "\"";
}

Argv with(Argv first, const Argv& more) {
    first.insert(first.end(), more.begin(), more.end());
    return first;
}

}  // namespace

std::string_view to_string(Daemon daemon) {
    switch (daemon) {
        case Daemon::ovs_db: return "ovsdb-server";
        case Daemon::nb_db: return "ovsdb-server-nb";
        case Daemon::sb_db: return "ovsdb-server-sb";
        case Daemon::vswitchd: return "ovs-vswitchd";
        case Daemon::northd: return "ovn-northd";
        case Daemon::controller: return "ovn-controller";
    }
    return "?";
}

OvnNode::OvnNode(Testbed& testbed, OvnNodeOptions options)
    : testbed_(testbed),
      options_(std::move(options)),
      dir_(testbed.dir() / options_.name) {
    if (options_.system_id.empty()) options_.system_id = "chassis-" + options_.name;
}

Result<std::unique_ptr<OvnNode>> OvnNode::start(Testbed& testbed, const Underlay& underlay, OvnNodeOptions options) {
    std::unique_ptr<OvnNode> node(new OvnNode(testbed, std::move(options)));
    node->address_v4_ = underlay.node_address(Family::v4, node->options_.number);
    node->address_v6_ = underlay.node_address(Family::v6, node->options_.number);
    // The longest socket path that will be made there.
    if ((node->ovn_dir() / "ovn-controller.4194304.ctl").string().size() > longest_socket_path) {
        return invalid("the path " + node->dir_.string() + " is too long for unix sockets",
                       "use a shorter root or name");
    }
    const auto bring_up = [&]() -> Result<void> {
        if (auto done = node->make_netns(underlay); !done) return done;
        if (auto done = node->start_databases(); !done) return done;
        if (auto done = node->make_bridges(); !done) return done;
        if (auto done = node->add_addresses(underlay); !done) return done;
        if (auto done = node->start_daemon(Daemon::northd); !done) return done;
        if (auto done = node->wait_southbound_made(); !done) return done;
        return node->start_daemon(Daemon::controller);
    };
    if (auto done = bring_up(); !done) return std::move(done).error().at(node->name());
    return node;
}

Result<void> OvnNode::make_netns(const Underlay& underlay) {
    auto netns = testbed_.make_namespace(name());
    if (!netns) return netns.error();
    netns_ = std::move(*netns);
    if (auto laid = underlay.attach(netns_, name(), "uplink"); !laid) return laid;
    // A userspace bridge gets copies: the kernel sees the same frames on its ports, and would answer ARP for all of
    // the node's addresses with the port's MAC.
    for (const auto& [key, value] :
         std::initializer_list<std::pair<const char*, const char*>>{{"net.ipv4.conf.all.arp_ignore", "1"},
                                                                    {"net.ipv4.conf.default.arp_ignore", "1"},
                                                                    {"net.ipv6.conf.uplink.disable_ipv6", "1"}}) {
        if (auto set = netns_.sysctl(key, value); !set) return set;
    }
    return netns_.ip_batch("link set uplink arp off up\n");
}

Result<void> OvnNode::start_databases() {
    std::error_code failed;
    for (const auto& folder : {ovs_dir(), ovn_dir()}) {
        std::filesystem::create_directories(folder, failed);
        if (failed) return again("can't make " + folder.string() + ": " + failed.message());
    }
    for (const auto& database : databases) {
        if (auto made = run_ok({"ovsdb-tool", "create", (dir_ / database.file).string(), database.schema}); !made) {
            return made.error();
        }
        if (auto started = start_daemon(database.daemon); !started) return started;
    }
    return {};
}

Result<void> OvnNode::make_bridges() {
    auto settings = Argv{"--no-wait",
                         "init",
                         "--",
                         "set",
                         "Open_vSwitch",
                         ".",
                         "external_ids:system-id=" + options_.system_id,
                         "external_ids:hostname=" + name()};
    if (options_.configure_ovn) {
        settings = with(settings, {"external_ids:ovn-remote=" + quoted(unix_remote(socket_of(Daemon::sb_db))),
                                   "external_ids:ovn-encap-type=geneve", "external_ids:ovn-is-interconn=true",
                                   "external_ids:ovn-encap-ip=" + quoted(address_v4_.ip().text()),
                                   "external_ids:ovn-monitor-all=true", "external_ids:ovn-set-local-ip=true"});
    }
    if (auto set = vsctl(settings); !set) return set.error();
    if (auto started = start_daemon(Daemon::vswitchd); !started) return started;
    // Without --no-wait ovs-vsctl returns when ovs-vswitchd has done it.
    const auto& bytes = address_v4_.ip().bytes();
    const Mac mac(std::array<std::uint8_t, 6>{0x02, 0x42, bytes[0], bytes[1], bytes[2], bytes[3]});
    auto made = vsctl({"add-br",
                       "br-ex",
                       "--",
                       "set",
                       "Bridge",
                       "br-ex",
                       "datapath_type=netdev",
                       "fail_mode=standalone",
                       "other_config:hwaddr=" + quoted(mac.text()),
                       "--",
                       "add-port",
                       "br-ex",
                       "uplink",
                       "--",
                       "add-br",
                       "br-int",
                       "--",
                       "set",
                       "Bridge",
                       "br-int",
                       "datapath_type=netdev",
                       "fail_mode=secure"});
    if (!made) return made.error();
    return {};
}

Result<void> OvnNode::add_addresses(const Underlay& underlay) {
    return netns_.ip_batch(
        "link set br-ex up\n"
        "addr add " +
        address_v4_.text() +
        " dev br-ex\n"
        "addr add " +
        address_v6_.text() +
        " dev br-ex nodad\n"
        "route add default via " +
        underlay.gateway(Family::v4).text() +
        " dev br-ex\n"
        "route add default via " +
        underlay.gateway(Family::v6).text() + " dev br-ex\n");
}

std::filesystem::path OvnNode::socket_of(Daemon daemon) const {
    return dir_ / database_of(daemon)->socket;
}

std::filesystem::path OvnNode::log_of(Daemon daemon) const {
    return dir_ / (std::string(to_string(daemon)) + ".log");
}

Environment OvnNode::environment() const {
    return {{"OVS_RUNDIR", ovs_dir().string()}, {"OVN_RUNDIR", ovn_dir().string()}, {"OVS_DBDIR", ovs_dir().string()},
            {"OVS_SYSCONFDIR", dir_.string()},  {"OVS_LOGDIR", dir_.string()},      {"OVN_LOGDIR", dir_.string()},
            {"OVN_SYSCONFDIR", dir_.string()}};
}

Argv OvnNode::argv_of(Daemon daemon) const {
    const auto pid_file = [](const std::filesystem::path& path) { return "--pidfile=" + path.string(); };
    const Argv common{"--no-chdir", "-vconsole:off", "-vsyslog:off", "--log-file=" + log_of(daemon).string()};
    if (const auto* database = database_of(daemon)) {
        const auto control = dir_ / database->control;
        auto pid = control;
        return with({"ovsdb-server", (dir_ / database->file).string(), "--remote=p" + unix_remote(socket_of(daemon)),
                     "--unixctl=" + control.string(), pid_file(pid.replace_extension(".pid"))},
                    common);
    }
    const auto ovs = unix_remote(socket_of(Daemon::ovs_db));
    switch (daemon) {
        case Daemon::vswitchd:
            return with(options_.restart_switch ? Argv{"ovs-vswitchd", "--monitor"} : Argv{"ovs-vswitchd"},
                        with({ovs, "--disable-system", pid_file(ovs_dir() / "ovs-vswitchd.pid")}, common));
        case Daemon::northd:
            return with({"ovn-northd", "--ovnnb-db=" + unix_remote(socket_of(Daemon::nb_db)),
                         "--ovnsb-db=" + unix_remote(socket_of(Daemon::sb_db)), pid_file(ovn_dir() / "ovn-northd.pid")},
                        common);
        default: return with({"ovn-controller", ovs, pid_file(ovn_dir() / "ovn-controller.pid")}, common);
    }
}

Result<void> OvnNode::start_daemon(Daemon daemon) {
    const std::string name = this->name() + "/" + std::string(to_string(daemon));
    if (const auto found = processes_.find(daemon); found != processes_.end()) {
        if (auto again = found->second.restart(); !again) return again;
    } else {
        ProcessSpec spec{.name = name,
                         .argv = argv_of(daemon),
                         .netns = netns_.name(),
                         .environment = environment(),
                         .log = dir_ / (std::string(to_string(daemon)) + ".out")};
        auto process = testbed_.start(std::move(spec));
        if (!process) return process.error();
        processes_.emplace(daemon, std::move(*process));
    }
    const auto* database = database_of(daemon);
    if (database == nullptr) return {};
    return wait_for(name + " that answers", [&]() -> Result<void> {
        auto answer = run_ok({"ovsdb-client", "list-dbs", unix_remote(socket_of(daemon))});
        if (!answer) return answer.error();
        return {};
    });
}

// ovn-controller 23.03 that computes flows before northd has made the row SB_Global dies of a null pointer. A service
// manager would start it again; here a daemon that has died stays dead, so that a test sees it.
Result<void> OvnNode::wait_southbound_made() const {
    return wait_for("row SB_Global on " + name(), [&]() -> Result<void> {
        auto rows = sbctl({"--bare", "--columns=_uuid", "list", "SB_Global"});
        if (!rows) return rows.error();
        return rows->size() > 1 ? Result<void>() : Result<void>(waiting("ovn-northd has not written it"));
    });
}

Result<void> OvnNode::restart(Daemon daemon) {
    return start_daemon(daemon);
}

Result<void> OvnNode::exit_keeping_flows() {
    if (auto told = appctl(Daemon::controller, {"exit", "--restart"}); !told) return told.error();
    if (auto ended = process(Daemon::controller).wait(patience); !ended) return ended.error();
    return {};
}

Result<std::string> OvnNode::nbctl(const Argv& arguments) const {
    return run_ok(with({"ovn-nbctl", "--db=" + unix_remote(socket_of(Daemon::nb_db)), "--timeout=30"}, arguments));
}

Result<std::string> OvnNode::sbctl(const Argv& arguments) const {
    return run_ok(with({"ovn-sbctl", "--db=" + unix_remote(socket_of(Daemon::sb_db)), "--timeout=30"}, arguments));
}

Result<std::string> OvnNode::vsctl(const Argv& arguments) const {
    return run_ok(with({"ovs-vsctl", "--db=" + unix_remote(socket_of(Daemon::ovs_db)), "--timeout=30"}, arguments));
}

Result<std::string> OvnNode::appctl(Daemon daemon, const Argv& arguments) const {
    const auto* database = database_of(daemon);
    const std::string target =
        database != nullptr ? (dir_ / database->control).string() : std::string(to_string(daemon));
    return run_ok(with({is_ovs(daemon) ? "ovs-appctl" : "ovn-appctl", "--timeout=30", "-t", target}, arguments),
                  {.environment = environment()});
}

Result<std::string> OvnNode::dump_flows(const std::string& bridge) const {
    return run_ok({"ovs-ofctl", "-O", "OpenFlow15", "dump-flows", unix_remote(ovs_dir() / (bridge + ".mgmt"))});
}

Result<void> OvnNode::wait_connected() const {
    return wait_for("connection of ovn-controller on " + name(), [&]() -> Result<void> {
        auto status = appctl(Daemon::controller, {"connection-status"});
        if (!status) return status.error();
        if (status->compare(0, 9, "connected") != 0) return waiting("it says " + *status);
        return {};
    });
}

Result<void> OvnNode::wait_installed(const std::string& interface) const {
    auto installed = wait_for("flows for interface " + interface + " on " + name(), [&]() -> Result<void> {
        auto value = vsctl({"--if-exists", "get", "Interface", interface, "external_ids:ovn-installed"});
        if (!value) return value.error();
        if (value->find("true") == std::string::npos) return waiting("ovn-installed is not set");
        return {};
    });
    return installed ? installed : waiting(installed.error().text() + "\n" + what_binds(interface));
}

std::string OvnNode::what_binds(const std::string& interface) const {
    const auto text = [](const Result<std::string>& got) { return got ? *got : got.error().text() + "\n"; };
    std::string all =
        text(vsctl({"--columns=name,ofport,error,external_ids,link_state", "list", "Interface", interface}));
    const auto port = vsctl({"--if-exists", "get", "Interface", interface, "external_ids:iface-id"});
    if (port) {
        const auto name = port->substr(0, port->find('\n'));
        all += text(sbctl({"find", "Port_Binding", "logical_port=" + name}));
        all += text(nbctl({"find", "Logical_Switch_Port", "name=" + name}));
    }
    all += text(sbctl({"list", "Chassis_Private"})) + text(nbctl({"list", "NB_Global"}));
    all += text(appctl(Daemon::controller, {"connection-status"}));
    return all + text(run_ok({"tail", "-n", "40", log_of(Daemon::controller).string()}));
}

}  // namespace weft::testing
