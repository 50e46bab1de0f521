#pragma once

#include <filesystem>

namespace weft::testing {

/// A node's folder for its containerd and kubelet, below the node's own.
inline constexpr const char* kubelet_folder = "k";

/// Unmounts what is mounted below the folder, the deepest first.
void unmount_below(const std::filesystem::path& dir);
/// What a node's containerd and kubelet made outside the folder that is theirs: control groups of containers, sockets
/// of containers' shims, links to logs. Their processes must be dead.
void remove_container_leftovers(const std::filesystem::path& dir);

}  // namespace weft::testing
