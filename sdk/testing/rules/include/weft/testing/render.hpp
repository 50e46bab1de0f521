#pragma once

#include <weft/plugin/plugin.hpp>
#include <weft/tables/settings.hpp>
#include <weft/testing/objects.hpp>
#include <weft/testing/row_set.hpp>

#include <map>
#include <string>
#include <vector>

namespace weft::testing {

/// A network's settings as the defaults of the configuration file have them: IPv4, IPv6 or both.
tables::NetworkConfig default_config(bool ipv4 = true, bool ipv6 = true);

/// Kubernetes objects and settings, and what plugins make of them.
struct RenderCase {
    RowSet objects;  ///< Node, Pod, Namespace
    tables::NetworkConfig config = default_config();
    std::string node;       ///< the node that is rendered
    std::string system_id;  ///< of its Open vSwitch; empty: none is there, node-chassis-id counts
    std::vector<std::string> ovn_features{"ACL.tier", "NAT.match"};
    RowSet more;  ///< rows of other input tables, such as HostAddress
    /// What the section of a plugin says, by key; and the rows that come of it, which both roles read. load() fills the
    /// first, whoever knows the plugin's name and defaults the second (see linked_plugin.hpp).
    std::map<std::string, std::string> plugin_settings;
    std::vector<tables::PluginSetting> plugin_setting_rows;

    /// Reads a folder: objects.yaml, node (its name), and optionally settings, a "key value" a line:
    ///   families v4 | v6 | dual       features ACL.tier NAT.match (or none)     system-id TEXT
    ///   host-address LINK PREFIX      and numbers and flags of NetworkConfig by their names: multicast true
    ///   plugin KEY VALUE              a key of the plugin's own section
    /// Throws std::runtime_error that names the line.
    static RenderCase load(const std::string& folder, const ObjectKinds& kinds = {});
    /// Takes one such line in. Throws std::runtime_error when it means nothing.
    void set(const std::string& line);
};

/// Runs role cluster, puts its annotations on the objects, runs role node for the node with just its own pods, and
/// prints all that both want: lines "cluster …" and "node …".
std::vector<std::string> render(const RenderCase& input, const std::vector<PluginHandle*>& plugins);

/// Compares with folder/expect.rows; the empty text when equal, else the difference, "-" expected and "+" found. With
/// WEFT_UPDATE_GOLDEN set in the environment the file is written instead.
std::string compare_with_expected(const std::string& folder, const std::vector<std::string>& lines);

}  // namespace weft::testing
