#pragma once

#include <weft/base/result.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

/// The integration bridge as the CNI server needs it: what is on it, as it changes, and a way to change it. Who
/// implements this owns the connection to Open vSwitch.
namespace weft::cni {

/// A port of br-int that has one interface of the same name.
struct SwitchInterface {
    std::string name;
    std::map<std::string, std::string> external_ids;
    std::optional<std::int64_t> ofport;  ///< nothing: ovs-vswitchd has not looked at it; -1: it could not add it
    std::string error;                   ///< why

    /// A key's value, or "".
    const std::string& id(const std::string& key) const;
};

using SwitchInterfaces = std::map<std::string, SwitchInterface>;  ///< by name

struct AddPort {
    std::string name;
    std::map<std::string, std::string> external_ids;  ///< of the Interface
    std::map<std::string, std::string> other_config;  ///< of the Port
};
/// Takes the port and its interfaces off the bridge; fine when it isn't there.
struct RemovePort {
    std::string name;
};
/// Keys that are not named keep their values: ovn-controller has its own there.
struct SetExternalIds {
    std::string name;  ///< of the Interface
    std::map<std::string, std::string> set;
    std::vector<std::string> remove;
};
using PortOperation = std::variant<RemovePort, AddPort, SetExternalIds>;
std::string to_text(const PortOperation& operation);

/// Told of the bridge; on any thread, never two calls at once.
class SwitchListener {
  public:
    /// Connected (again), and this is everything.
    virtual void switch_connected(std::string datapath_type, std::vector<SwitchInterface> interfaces) = 0;
    virtual void switch_lost(std::string reason) = 0;
    virtual void datapath_changed(std::string datapath_type) = 0;
    virtual void interface_changed(SwitchInterface interface) = 0;
    virtual void interface_gone(std::string name) = 0;

  protected:
    ~SwitchListener() = default;
};

class SwitchPorts {
  public:
    virtual ~SwitchPorts() = default;
    /// Tells the listener what is there, then what changes. Null ends it: when this returns, no call is under way.
    virtual void subscribe(SwitchListener* listener) = 0;
    /// One transaction on br-int, operations in order. `done` comes once, on any thread, also when the connection is
    /// lost.
    virtual void apply(std::vector<PortOperation> operations, std::function<void(Result<void>)> done) = 0;
};

}  // namespace weft::cni
