#pragma once

#include "cni/server/switch_ports.hpp"
#include "daemon/loop.hpp"
#include "daemon/ovsdb_link.hpp"

#include <mutex>

namespace weft::daemon {

/// The integration bridge, br-int, for the CNI server: read from the Open_vSwitch replica, changed by transactions of
/// their own. Lives on the engine thread; subscribe() and apply() may be called on any.
class BridgePorts final : public cni::SwitchPorts {
  public:
    BridgePorts(OvsdbLink& link, Loop& loop);

    void subscribe(cni::SwitchListener* listener) override;
    void apply(std::vector<cni::PortOperation> operations, std::function<void(Result<void>)> done) override;

  private:
    using TableInfo = weft::ovsdb::TableInfo;

    void replica_changed(const weft::ovsdb::Changes& changes);
    void tell_all();
    bool on_bridge(std::string_view interface) const;
    std::string datapath_type() const;
    Result<weft::ovsdb::Transaction> build(const std::vector<cni::PortOperation>& operations) const;
    void add_port(const cni::AddPort& add, const Uuid& bridge, weft::ovsdb::Transaction& into) const;
    void remove_port(const std::string& name, const Uuid& bridge, weft::ovsdb::Transaction& into) const;
    void set_ids(const cni::SetExternalIds& set, weft::ovsdb::Transaction& into) const;
    Uuid bridge() const;

    OvsdbLink& link_;
    Loop& loop_;
    std::mutex mutex_;  ///< held while the listener is called, so that unsubscribing waits for the call
    cni::SwitchListener* listener_ = nullptr;
    bool told_ = false;  ///< the listener knows that we are connected
};

}  // namespace weft::daemon
