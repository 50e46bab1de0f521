#pragma once

#include "config/settings.hpp"
#include "containment/crash_handler.hpp"
#include "containment/quarantine.hpp"
#include "containment/run_board.hpp"
#include "containment/run_watch.hpp"

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace weft::daemon {

/// Keeps what a plugin does wrong from taking weftd along more than once or twice: what ran at a crash is frozen at the
/// second one, what does not return or eats memory at once, by a restart of this process without it.
class Containment {
  public:
    /// Judges what the last process of this role left in run-dir, and begins anew. Before any other thread is made, and
    /// with the run lock held.
    static Result<std::unique_ptr<Containment>> begin(const config::Settings& settings);
    ~Containment();

    containment::RunBoard& board() { return *board_; }
    containment::Quarantine& quarantine() { return quarantine_; }
    const containment::Quarantine& quarantine() const { return quarantine_; }

    /// Begins to watch; when all that is there at the start is loaded.
    void watch(containment::Limits limits);
    /// From now on who does not return ends the process in place of starting it anew.
    void stopping() { stopping_ = true; }
    /// The end is one on purpose: nobody crashed.
    void end();

  private:
    Containment(std::unique_ptr<containment::RunBoard> board, containment::Quarantine quarantine);
    void freeze_and_restart(const containment::Running& who, containment::Record::Cause cause,
                            const std::string& detail);

    std::unique_ptr<containment::RunBoard> board_;
    containment::CrashHandler crash_handler_;
    containment::Quarantine quarantine_;
    std::vector<std::string> arguments_;  ///< of this process
    std::atomic<bool> stopping_ = false;
    std::unique_ptr<containment::RunWatch> watch_;
};

/// What `[weft]` says; the error is about its text.
Result<containment::Limits> limits_of(const config::Settings& settings);

/// The plugins of `names` that may run, and of the others why not: frozen, or in need of one that is.
struct Runnable {
    std::vector<std::string> names;
    std::map<std::string, std::string> frozen;
};
Runnable runnable(const std::vector<std::string>& names, const std::map<std::string, std::vector<std::string>>& needs,
                  const containment::Quarantine& quarantine);

}  // namespace weft::daemon
