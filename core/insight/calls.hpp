#pragma once

#include "engine/engine.hpp"
#include "insight/surroundings.hpp"
#include "insight/worker.hpp"
#include "services/admin_server.hpp"
#include "services/posted.hpp"

#include <weft/base/clock.hpp>

#include <memory>

namespace weft::insight {

/// The admin calls that look into the engine: verify, graph, explain, top, rows. README.md describes them. What takes
/// long is done in slices between ticks, or on a thread of its own from rows that it shares with the engine.
///
/// Belongs to the engine thread, and so does everything that is posted. Closures that are still on their way when it
/// goes do nothing.
class Calls {
  public:
    Calls(engine::Engine& engine, services::Post post, const Clock& clock, Surroundings around);
    ~Calls();

    void add_to(services::AdminServer& server);
    /// For other calls whose work is not the engine thread's.
    Worker& worker() { return worker_; }

  private:
    struct Verifying;

    void verify(services::AdminReply reply);
    void verify_slice(const std::shared_ptr<Verifying>& work);
    void explain(std::string asked, const services::AdminReply& reply);
    void search(std::string address, const services::AdminReply& reply);
    Result<std::string> rows(JsonView args) const;

    engine::Engine& engine_;
    services::Post post_;
    const Clock& clock_;
    const Surroundings around_;
    std::shared_ptr<Calls*> self_;  ///< null when this is gone
    Worker worker_;
};

}  // namespace weft::insight
