#pragma once

#include <weft/base/ip.hpp>
#include <weft/base/mac.hpp>
#include <weft/base/result.hpp>
#include <weft/testing/testbed/testbed.hpp>
#include <weft/testing/testbed/underlay.hpp>

#include <array>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace weft::testing {

/// What runs on a node, in the order of starting.
enum class Daemon { ovs_db, nb_db, sb_db, vswitchd, northd, controller };
inline constexpr std::array all_daemons{Daemon::ovs_db,   Daemon::nb_db,  Daemon::sb_db,
                                        Daemon::vswitchd, Daemon::northd, Daemon::controller};
std::string_view to_string(Daemon daemon);

struct OvnNodeOptions {
    std::string name;
    int number = 0;         ///< gives its underlay addresses
    std::string system_id;  ///< empty: "chassis-<name>"
    /// Sets what ovn-controller needs in Open_vSwitch (ovn-remote, encapsulation over the IPv4 address, ...). Off when
    /// weftd does that, or the test itself.
    bool configure_ovn = false;
    /// ovs-vswitchd is started again when it crashes, as its service does it. The userspace connection tracking of 3.1
    /// fails an assertion (conntrack.c, conn_update_state) now and then when connections come and go every second.
    bool restart_switch = false;
};

/// A node: a network namespace on the underlay with Open vSwitch (userspace datapath) and an OVN of its own. The
/// node's addresses are on br-ex, which holds the cable `uplink`; br-int is there and empty.
class OvnNode {
  public:
    /// Starts everything and returns when Open vSwitch has made the bridges.
    static Result<std::unique_ptr<OvnNode>> start(Testbed& testbed, const Underlay& underlay, OvnNodeOptions options);

    const std::string& name() const { return options_.name; }
    const std::string& system_id() const { return options_.system_id; }
    const NetworkNamespace& netns() const { return netns_; }
    IpPrefix address(Family family) const { return family == Family::v4 ? address_v4_ : address_v6_; }

    const std::filesystem::path& dir() const { return dir_; }
    std::filesystem::path ovs_dir() const { return dir_ / "ovs"; }  ///< db.sock, what OVS_RUNDIR means
    std::filesystem::path ovn_dir() const { return dir_ / "ovn"; }  ///< ovnnb_db.sock, ovnsb_db.sock, OVN_RUNDIR
    std::filesystem::path log_of(Daemon daemon) const;

    Process& process(Daemon daemon) { return processes_.at(daemon); }
    void kill(Daemon daemon) { process(daemon).kill(); }
    /// SIGTERM. (For ovn-controller that means: leave the cluster, clear the flows. See exit_keeping_flows.)
    Result<void> stop(Daemon daemon) { return process(daemon).stop(); }
    /// Starts it again, killing it first when it runs.
    Result<void> restart(Daemon daemon);
    /// Ends ovn-controller as an upgrade does, with the flows left in place.
    Result<void> exit_keeping_flows();

    Result<std::string> nbctl(const Argv& arguments) const;
    Result<std::string> sbctl(const Argv& arguments) const;
    Result<std::string> vsctl(const Argv& arguments) const;
    /// ovs-appctl or ovn-appctl to one of the daemons.
    Result<std::string> appctl(Daemon daemon, const Argv& arguments) const;
    Result<std::string> dump_flows(const std::string& bridge) const;
    /// Waits until ovn-controller has an OpenFlow connection.
    Result<void> wait_connected() const;
    /// Waits for Interface external_ids:ovn-installed. An error tells what OVN knows of the port.
    Result<void> wait_installed(const std::string& interface) const;

  private:
    OvnNode(Testbed& testbed, OvnNodeOptions options);
    Result<void> make_netns(const Underlay& underlay);
    Result<void> start_databases();
    Result<void> make_bridges();
    Result<void> add_addresses(const Underlay& underlay);
    Result<void> start_daemon(Daemon daemon);
    Result<void> wait_southbound_made() const;
    std::string what_binds(const std::string& interface) const;
    Argv argv_of(Daemon daemon) const;
    std::filesystem::path socket_of(Daemon database) const;
    Environment environment() const;

    Testbed& testbed_;
    OvnNodeOptions options_;
    std::filesystem::path dir_;
    IpPrefix address_v4_;
    IpPrefix address_v6_;
    NetworkNamespace netns_;
    std::map<Daemon, Process> processes_;
};

/// A pod as a CNI plugin would make it, for tests that write rows by hand.
struct HandMadePod {
    std::string name;      ///< of its namespace (behind the prefix) and, shortened, of the host's device
    std::string iface_id;  ///< the switch port's name
    std::string iface_id_ver;
    Mac mac;
    std::vector<IpPrefix> addresses;
    std::vector<Ip> gateways;
    int mtu = 1400;
};
/// Makes the pod's namespace with eth0 and plugs it into the node's br-int.
Result<NetworkNamespace> plug_pod(Testbed& testbed, const OvnNode& node, const HandMadePod& pod);

}  // namespace weft::testing
