#pragma once

#include <weft/base/result.hpp>

#include <optional>
#include <string>
#include <string_view>

/// Files below /proc/sys. Those of net/ are the ones of the calling thread's namespace.
namespace weft::netlink {

/// "net/ipv4/conf/eth0/forwarding" to its value without the line's end. Nothing when there is no such file.
Result<std::optional<std::string>> read_sysctl(std::string_view path);
/// Writes when the value differs; true when it wrote. A missing file is ErrorKind::waiting.
Result<bool> write_sysctl(std::string_view path, std::string_view value);

}  // namespace weft::netlink
