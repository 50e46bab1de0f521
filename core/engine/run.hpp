#pragma once

#include "containment/run_board.hpp"
#include "engine/node.hpp"
#include "engine/owners.hpp"
#include "engine/store.hpp"

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace weft::engine {

/// One read of a run, before it becomes a link.
struct ReadRecord {
    Source::Kind kind = Source::Kind::row;
    std::uint16_t slot = 0;
    std::uint32_t target = 0;  ///< cell or bucket; 0: there was none, and its text is kept with the run
    std::uint32_t text_at = 0;
    std::uint32_t text_size = 0;
};

/// One call of derive: what it read and what it said. Runs on any thread; touches nothing but itself.
class Run final : public detail::ReaderCore, public detail::DesiredCore {
  public:
    enum class Outcome : std::uint8_t { good, waiting, failed };

    /// `slot` tells for as long as it takes what runs; null: nowhere.
    void execute(Store& store, const Node& node, InstanceId instance, TimePoint now, containment::RunSlot* slot);

    InstanceId instance() const { return instance_; }
    Outcome outcome() const { return outcome_; }
    const Error& error() const { return error_; }
    const std::optional<Error>& warning() const { return warning_; }
    std::span<const ReadRecord> reads() const { return reads_; }
    std::string_view text(const ReadRecord& read) const {
        return std::string_view(texts_).substr(read.text_at, read.text_size);
    }
    std::span<NewPut> puts() { return puts_; }
    std::optional<TimePoint> deadline() const { return deadline_; }
    std::size_t scans() const { return scans_; }
    Duration took() const { return took_; }

    // What derive calls, through Reader and Desired.
    const void* find(std::size_t slot, std::string_view key) override;
    void bucket(std::size_t slot, std::string_view value, void* context,
                void (*visit)(void* context, const void* row)) override;
    void scan(std::size_t slot, void* context, void (*visit)(void* context, const void* row)) override;
    bool passed(TimePoint when) override;
    void list(std::size_t slot, std::string_view key, void* context,
              void (*visit)(void* context, const void* row)) override;
    void put(std::size_t slot, RowPtr row) override;
    void wait(std::string reason) override;
    void fail(Error error) override;
    void warn(Error error) override;

  private:
    const void* open(CellId cell);
    const void* open(const RowPtr& row);
    void record(Source::Kind kind, std::size_t slot, std::uint32_t target, std::string_view text);
    void check_puts();

    Store* store_ = nullptr;
    const Node* node_ = nullptr;
    InstanceId instance_ = 0;
    TimePoint now_;
    Outcome outcome_ = Outcome::good;
    Error error_;
    std::optional<Error> warning_;
    std::vector<ReadRecord> reads_;
    std::string texts_;
    std::vector<NewPut> puts_;
    std::vector<OpenRow> open_;  ///< what derive was shown, laid out until it returns
    std::optional<TimePoint> deadline_;
    std::size_t scans_ = 0;
    Duration took_{};
};

}  // namespace weft::engine
