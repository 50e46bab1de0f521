#pragma once

#include "engine/engine.hpp"
#include "engine/tap.hpp"

#include <weft/base/result.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

/// Writes down what enters an engine and what comes of it, so that it can be done again elsewhere.
namespace weft::record {

struct RecorderOptions {
    std::string file;                      ///< the newest piece; an older one is beside it as "<file>.1"
    std::size_t most_bytes = 64UL << 20;   ///< of all pieces together
    std::string header;                    ///< JSON: who records
    std::size_t cells_a_slice = 4096;      ///< of a new base, between two ticks
    std::size_t most_pending = 2'000'000;  ///< rows that wait to be written; more, and the disk is too slow
};

struct RecorderStatus {
    std::string file;
    bool recording = false;
    std::string trouble;       ///< why not
    std::uint64_t bytes = 0;   ///< of the newest piece
    std::uint64_t pieces = 0;  ///< begun since the start
};

/// Is a table's change part of what a recording tells of a tick: a row that goes to some far side, or a status?
bool is_output(std::string_view table);

/// A tap that writes on a thread of its own. Everything else is called on the engine thread; stop() before the engine
/// ends.
class Recorder final : public engine::Tap {
  public:
    /// Makes the file; what was there under its name becomes "<file>.1". Fails when that can't be.
    static Result<std::unique_ptr<Recorder>> start(RecorderOptions options);
    ~Recorder();

    /// Between two ticks: when the piece is full, goes on with the base of the next one. Says when it wants to be
    /// called again.
    std::optional<TimePoint> turn(const engine::Engine& engine);
    /// Begins a new piece at the next turn().
    void begin_piece() { wants_piece_ = true; }
    /// For people who read the recording.
    void note(std::string text);
    /// Writes what waits and closes the file.
    void stop();
    /// Any thread.
    RecorderStatus status() const;

    bool wants(std::string_view table) override { return is_output(table); }
    void graph_changed(const std::vector<std::string>& added, const std::vector<std::string>& removed,
                       const std::vector<TableSpec>& inputs) override;
    void tick_begins(const engine::TickTime& time, std::vector<engine::TappedInput> input) override;
    void tick_ends(std::vector<engine::TappedOutput> output, bool idle) override;

  private:
    class Writer;
    explicit Recorder(std::unique_ptr<Writer> writer);

    const std::unique_ptr<Writer> writer_;
    std::vector<std::string> modules_;
    std::vector<TableSpec> inputs_;
    std::vector<TableSpec> complete_;
    engine::TickTime last_;  ///< of the last tick
    bool begun_ = false;     ///< what has begun was written
    bool wants_piece_ = false;
    bool scanning_ = false;
    std::uint32_t scanned_ = 0, scan_end_ = 0;
};

}  // namespace weft::record
