#pragma once

#include "cni/server/sources.hpp"
#include "daemon/loop.hpp"
#include "daemon/ovsdb_link.hpp"
#include "engine/engine.hpp"
#include "kube/client.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace weft::nb {
struct LogicalSwitchPort;
}

namespace weft::daemon {

/// What the CNI server asks about pods, answered from the engine's tables, and from the API server when a pod is not
/// there yet.
class EnginePods final : public cni::PodSource {
  public:
    EnginePods(engine::Engine& engine, Loop& loop, kube::Client& client);

    void find(const std::string& ns, const std::string& name,
              std::function<void(Result<std::optional<cni::PodFacts>>)> answer) override;
    void local_pods(std::function<void(Result<std::set<std::string>>)> answer) override;

  private:
    void ask_server(const std::string& ns, const std::string& name,
                    std::function<void(Result<std::optional<cni::PodFacts>>)> answer);

    engine::Engine& engine_;
    Loop& loop_;
    kube::Client& client_;
};

/// How far a pod's port has come, for the error of an ADD that is late.
class PortProgress final : public cni::ProgressProbe {
  public:
    /// `pod_ported` is told, on the loop's thread, how long after its pod was scheduled a new port was committed.
    PortProgress(engine::Engine& engine, Loop& loop, OvsdbLink& north, OvsdbLink& south,
                 std::function<void(Duration)> pod_ported);

    void stage(const std::string& ns, const std::string& name, const std::string& iface_id,
               std::function<void(cni::Progress)> answer) override;

  private:
    void answer_on_loop(const std::string& pod, const std::string& iface_id,
                        const std::function<void(cni::Progress)>& answer);
    std::string note_of(const std::string& pod) const;
    void note_ports(const weft::ovsdb::Changes& changes);
    void note_port(const nb::LogicalSwitchPort& port);
    void measure(const nb::LogicalSwitchPort& port) const;
    std::optional<TimePoint> committed_at(const std::string& port) const;

    engine::Engine& engine_;
    Loop& loop_;
    OvsdbLink& north_;
    OvsdbLink& south_;
    const std::function<void(Duration)> pod_ported_;
    /// When switch ports came into the database, the latest ones: an ADD that asks is a few minutes old at most.
    struct Committed {
        std::uint64_t name_hash = 0;
        TimePoint when{};
    };
    static constexpr std::size_t remembered = 1024;
    std::vector<Committed> committed_;  ///< a ring
    std::size_t next_ = 0;
    bool loaded_ = false;  ///< what came with the first load was there before
};

}  // namespace weft::daemon
