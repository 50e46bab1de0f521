#pragma once

#include "engine/change_set.hpp"
#include "engine/module.hpp"
#include "engine/report.hpp"

#include <weft/base/clock.hpp>
#include <weft/base/result.hpp>
#include <weft/engine/operator.hpp>
#include <weft/engine/rule.hpp>
#include <weft/engine/status.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace weft::containment {
class RunBoard;
}

/// The reconcile engine, as the host sees it. README.md has the picture.
///
/// One thread, the *engine thread*, calls everything here but post(), later() and wake(), which any thread may call.
namespace weft::engine {

class Tap;

struct EngineOptions {
    Role role = Role::node;
    const Clock* clock = &Clock::system();
    /// How many threads run rules; results do not depend on it.
    unsigned threads = 1;
    /// Fewer dirty instances of a stratum than this run on the engine thread.
    std::size_t parallel_from = 64;
    /// Input beyond so many rows waits for the next tick, which follows at once. What was posted together stays so.
    std::size_t portion = 512;
    /// Retry of fail(ErrorKind::again): after the first, then doubled up to the most.
    Duration first_retry = std::chrono::seconds(1);
    Duration most_retry = std::chrono::seconds(60);
    /// A run that takes longer is logged with its cause.
    Duration slow_run = std::chrono::milliseconds(100);
    /// An instance whose rows change more often than this in a second, for ten to thirty seconds, runs after pauses
    /// only; 0: never.
    unsigned flap_limit = 0;
    /// Where it says what runs; must outlive the engine. Null: nowhere.
    containment::RunBoard* board = nullptr;
    /// Called, on any thread, when there is something to do for a tick: an outer loop writes to its eventfd here.
    std::function<void()> woken;
    /// Sees what goes in and comes out; must outlive the engine.
    Tap* tap = nullptr;
};

/// Follows tables: an applier, a metric, a test. It may post and read; what changes the graph or the subscriptions it
/// hands to later().
class Subscriber {
  public:
    /// Net changes of a tick in its tables, sorted by (input, key), where Change::input is the table's position in the
    /// subscription. Not called when there are none. The first call brings all rows that are there.
    virtual void changed(std::span<const Change> changes) = 0;
    /// All rules that feed its tables have run on complete inputs: what is not in the tables should not be. Called
    /// after the changes of that tick; once more whenever a module whose inputs were not complete has caught up.
    virtual void first_round_done() {}
    /// The tick is over, after all subscribers had their changes; called every tick, changes or not.
    virtual void tick_done() {}

  protected:
    ~Subscriber() = default;
};

/// A verification under way. Each slice looks at what is there when it runs, so that what changed in between is judged
/// as it is then. Belongs to the engine thread, except for what take_jobs() gives, and must not outlive the engine.
class Verification {
  public:
    virtual ~Verification() = default;
    /// Goes on for about so long. False: nothing is left to do.
    virtual bool step(Duration budget) = 0;
    /// What step() left to be done elsewhere: recomputing operators from copies of their tables. Any thread.
    using Job = std::function<std::vector<Difference>()>;
    virtual std::vector<Job> take_jobs() = 0;
    /// Found by step(), sorted; without what the jobs find.
    virtual std::vector<Difference> take_found() = 0;
    virtual std::size_t instances() const = 0;  ///< run anew so far
    virtual std::size_t rows() const = 0;       ///< compared so far
};

class Engine {
  public:
    explicit Engine(EngineOptions options);
    ~Engine();
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;

    // The graph ------------------------------------------------------------------------------------------------------

    /// A table that somebody outside posts to. Fails when the name is in use for another type or written by rules.
    Result<void> add_input(const TableSpec& table);

    /// Changes the graph as a whole: nothing changes unless all of it is right. The error lists all that is wrong, one
    /// a line: cycles with their tables in order, tables that nobody fills, two types under one name, names used twice.
    /// Rows of removed modules go, those of new ones come with the next tick.
    Result<void> change(std::vector<ModuleSpec> add, const std::vector<std::string>& remove);
    Result<void> add(ModuleSpec module);
    Result<void> remove(const std::string& module);
    std::vector<std::string> modules() const;

    // Input ----------------------------------------------------------------------------------------------------------

    /// Hands news to the next tick; any thread. Coalesces with what waits there: newest wins per key, nothing is lost.
    void post(ChangeSet changes);
    /// Runs `work` on the engine thread, at the start of the tick that takes what was posted with it; any thread.
    void later(std::function<void(Engine&)> work);
    /// Makes wait() return; any thread.
    void wake();

    // Running --------------------------------------------------------------------------------------------------------

    /// Takes what has arrived and brings every table up to date.
    TickReport tick();
    /// A burst is over: gives the system what only the next one needs. Between ticks.
    void give_back_memory();
    /// Blocks until there is something to do, a timer is due or `deadline` has come. True: a tick has work.
    bool wait(std::optional<TimePoint> deadline = std::nullopt);
    /// wait() and tick() until stopped.
    void run(const std::stop_token& stop);
    /// When the next timer or retry is due.
    std::optional<TimePoint> next_deadline() const;
    /// Input tables without which rules can't run yet.
    std::vector<std::string> awaiting() const;
    /// Stops the adapters, newest first; what they post afterwards is dropped. The destructor does it too.
    void stop();

    // Output ---------------------------------------------------------------------------------------------------------

    /// Follows tables that need not exist yet. `subscriber` must outlive the subscription.
    Result<void> subscribe(std::vector<TableSpec> tables, Subscriber& subscriber);
    void unsubscribe(Subscriber& subscriber);

    /// The row, or an empty pointer.
    RowPtr find(std::string_view table, std::string_view key) const;
    /// All rows, sorted by key.
    std::vector<RowPtr> rows(std::string_view table) const;
    std::size_t size(std::string_view table) const;
    /// All rows under one key of an `ordered` table, by owner.
    std::vector<RowPtr> list(std::string_view table, std::string_view key) const;
    /// The module whose row is seen; empty for none and for rows from outside. Valid until the graph changes.
    std::string_view owner_of(std::string_view table, std::string_view key) const;
    /// All that feeds the table has run on complete inputs.
    bool ready(std::string_view table) const;

    template <TableTag T>
    std::optional<RowOf<T>> find(const Key<RowOf<T>>& key) const {
        const RowPtr row = find(T::table_name, key.text);
        return row ? std::optional(row.template as<RowOf<T>>()) : std::nullopt;
    }

    // Looking inside -------------------------------------------------------------------------------------------------

    std::vector<RuleReport> rule_reports() const;
    const TickTiming& tick_timing() const;
    std::vector<RuleLinks> rule_links() const;
    std::vector<TableReport> table_reports() const;
    /// The tables that are filled from outside, by hosts and adapters; their names live as long as the engine.
    std::vector<TableSpec> inputs() const;
    /// Some rows of all tables, in no order: those of `cells` cells from `from` on, which is 0 at first and then what
    /// the last call returned, until that is `cells_end()` as it was at first. Ticks may run in between: rows that are
    /// there all the time are seen once, others perhaps.
    using VisitRow = std::function<void(const TableSpec& table, bool input, const RowPtr& row)>;
    std::uint32_t scan(std::uint32_t from, std::size_t cells, const VisitRow& visit) const;
    std::uint32_t cells_end() const;
    /// The graph in DOT.
    std::string dot() const;
    /// Runs every instance anew into a shadow and compares. Empty is right.
    std::vector<Difference> verify() const;
    /// The same in slices, between which ticks may run: for a weftd at work.
    std::unique_ptr<Verification> start_verify();
    /// Who owns a row, who else wanted to, what they read, and what follows from the row.
    Explanation explain(std::string_view table, std::string_view key) const;
    /// The tables that hold a row with this key.
    std::vector<std::string> tables_with(std::string_view key) const;

  private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace weft::engine
