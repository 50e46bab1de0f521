#pragma once

#include <weft/base/ip.hpp>
#include <weft/base/mac.hpp>
#include <weft/base/result.hpp>
#include <weft/testing/testbed/process.hpp>

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace weft::testing {

/// A network namespace with a name (/run/netns/NAME, as `ip netns` makes it), deleted with this object unless kept.
class NetworkNamespace {
  public:
    /// Makes it, with `lo` up. A name that is taken is an error.
    static Result<NetworkNamespace> create(std::string name, bool keep = false);
    /// One that is there already; deleted with this object all the same, unless kept.
    static NetworkNamespace adopt(std::string name, bool keep = false);
    static std::filesystem::path path_of(std::string_view name);
    static bool exists(std::string_view name);
    /// Names of all there are.
    static std::vector<std::string> names();
    /// No error when it isn't there.
    static Result<void> remove(std::string_view name);

    NetworkNamespace() = default;
    ~NetworkNamespace();
    NetworkNamespace(NetworkNamespace&&) noexcept;
    NetworkNamespace& operator=(NetworkNamespace&&) noexcept;

    const std::string& name() const { return name_; }
    std::filesystem::path path() const { return path_of(name_); }

    /// Runs a program in it that must succeed.
    Result<std::string> run(const Argv& argv) const;
    /// `ip` with these arguments in it.
    Result<std::string> ip(const Argv& arguments) const;
    /// Several `ip` commands at once, one a line.
    Result<void> ip_batch(const std::string& commands) const;
    /// Runs `work` on a thread of its own that is in this namespace: sockets made there belong to it.
    Result<void> inside(const std::function<Result<void>()>& work) const;
    /// net.ipv4.ip_forward and the like, with dots or (where a name holds dots) slashes.
    Result<void> sysctl(std::string_view name, std::string_view value) const;

  private:
    std::string name_;
    bool keep_ = false;
};

/// A cable with one end in each of two namespaces.
struct VethEnd {
    const NetworkNamespace& where;
    std::string name;
    int mtu = 1500;
};
Result<void> add_veth(const VethEnd& a, const VethEnd& b);

/// The device's sender leaves checksums to hardware that isn't there unless told so; a userspace switch passes such
/// packets on as they are, and receivers drop them.
Result<void> checksum_offload_off(const NetworkNamespace& where, const std::string& device);

}  // namespace weft::testing
