#pragma once

#include "appliers/netlink/applier.hpp"
#include "appliers/status.hpp"
#include "engine/engine.hpp"

namespace weft::daemon {

/// The node's kernel networking: its links and addresses into the engine, desired ones out of it.
class HostPart final : private netlink::Sink, private engine::Subscriber {
  public:
    explicit HostPart(engine::Engine& engine);
    ~HostPart() override;

    Result<void> start();
    void stop();
    appliers::Status status() const;

  private:
    void post(std::vector<netlink::InputChange> changes) override;
    void complete(const TableSpec& table) override;
    void changed(std::span<const Change> changes) override { applier_.changed(changes); }
    void first_round_done() override { applier_.desired_known(); }

    engine::Engine& engine_;
    netlink::Applier applier_;
};

}  // namespace weft::daemon
