#pragma once

#include "../daemon/node_bed.hpp"

#include <string>
#include <vector>

/// weftd with plugins that misbehave: what the tests in this folder share.
namespace weft::testing {

/// The folder of a bed's plugins, of the built ones given as "one/hostile"; a file that is there is replaced.
std::string put_plugins(Bed& bed, const std::vector<std::string>& plugins);

/// A Node with labels, such as "hostile: segv".
std::string labelled_node(const std::string& name, int number, const std::string& labels = {});

/// What "plugins" or "status" says of one.
std::string plugin_member(const Weftd& weftd, const std::string& plugin, const std::string& member);
/// Waits until `plugin` is in a state.
Result<void> wait_plugin(const Weftd& weftd, const std::string& plugin, const std::string& state);
/// Waits until the process has ended, by a signal or by itself.
Result<void> wait_end(Weftd& weftd);

}  // namespace weft::testing
