#include "record/recorder.hpp"

#include "engine/cells.hpp"
#include "insight/plan.hpp"
#include "record/format.hpp"
#include "record/piece_file.hpp"

#include <weft/base/log.hpp>
#include <weft/engine/status.hpp>
#include <weft/tables/object_status.hpp>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>
#include <variant>

namespace weft::record {

namespace {

Time time_of(const engine::TickTime& from) {
    using std::chrono::duration_cast;
    using std::chrono::nanoseconds;
    return {from.number, duration_cast<nanoseconds>(from.now.time_since_epoch()).count(),
            duration_cast<nanoseconds>(from.wall.time_since_epoch()).count()};
}

struct SliceRow {
    TableSpec table;
    bool input = false;
    RowPtr row;
};

// What the engine thread hands over.
struct OpenPiece {};
struct GraphChange {
    std::vector<std::string> added, removed;
    std::vector<TableSpec> inputs;
};
struct TickBegin {
    engine::TickTime time;
    std::vector<engine::TappedInput> input;
};
struct TickEnd {
    std::vector<engine::TappedOutput> output;
};
struct BaseSlice {
    std::vector<SliceRow> rows;
};
struct BaseEnd {
    engine::TickTime time;
    std::vector<std::string> modules;
    std::vector<TableSpec> inputs, complete;
};
struct Remark {
    std::string text;
};
using Job = std::variant<OpenPiece, GraphChange, TickBegin, TickEnd, BaseSlice, BaseEnd, Remark>;

void encode(Encoder& to, const GraphChange& job) {
    to.graph(job.added, job.removed, job.inputs);
}

void encode(Encoder& to, const TickBegin& job) {
    const Time time = time_of(job.time);
    to.open(Kind::begin, &time, job.input.size());
    for (const auto& [table, news] : job.input) {
        to.table(table, true, news.replaces, news.completes, news.rows.size());
        for (const RowPtr& row : news.rows)
            engine::is_key_only(row) ? to.gone(row.key()) : to.row(row.bytes());
    }
    to.close();
}

void encode(Encoder& to, const TickEnd& job) {
    to.open(Kind::end, nullptr, job.output.size());
    for (const auto& [table, changes] : job.output) {
        to.table(table, false, false, false, changes.size());
        for (const Change& change : changes)
            change.after ? to.row(change.after.bytes()) : to.gone(change.before.key());
    }
    to.close();
}

void encode(Encoder& to, const BaseSlice& job) {
    std::map<std::string_view, std::vector<const SliceRow*>> tables;
    for (const SliceRow& row : job.rows)
        tables[row.table.name].push_back(&row);
    to.open(Kind::slice, nullptr, tables.size());
    for (const auto& [name, rows] : tables) {
        to.table(rows.front()->table, rows.front()->input, false, false, rows.size());
        for (const SliceRow* row : rows)
            to.row(row->row.bytes());
    }
    to.close();
}

void encode(Encoder& to, const BaseEnd& job) {
    to.base(time_of(job.time), job.modules, job.inputs, job.complete);
}

void encode(Encoder& to, const Remark& job) {
    to.note(job.text);
}

std::size_t rows_of(const Job& job) {
    std::size_t rows = 0;
    if (const auto* begin = std::get_if<TickBegin>(&job)) {
        for (const auto& input : begin->input)
            rows += input.news.rows.size();
    } else if (const auto* end = std::get_if<TickEnd>(&job)) {
        for (const auto& output : end->output)
            rows += output.changes.size();
    } else if (const auto* slice = std::get_if<BaseSlice>(&job)) {
        rows = slice->rows.size();
    }
    return rows + 1;
}

}  // namespace

bool is_output(std::string_view table) {
    return table == RuleStatus::table_name || table == tables::ObjectStatus::table_name ||
           !insight::side_of(table).empty();
}

/// Turns jobs into bytes, on its own thread.
class Recorder::Writer {
  public:
    explicit Writer(RecorderOptions options) : options_(std::move(options)) {}
    ~Writer() { stop(); }

    Result<void> start() {
        if (auto opened = open_first(); !opened) return opened;
        thread_ = std::thread([this] { run(); });
        return {};
    }

    void push(Job job) {
        if (stopped_) return;
        bool wake = false;
        {
            const std::lock_guard lock(mutex_);
            pending_ += rows_of(job);
            if (pending_ > options_.most_pending) too_slow_ = true;
            jobs_.push_back(std::move(job));
            wake = sleeping_;
        }
        if (wake) arrived_.notify_one();
    }

    void stop() {
        {
            const std::lock_guard lock(mutex_);
            stopping_ = true;
        }
        arrived_.notify_one();
        if (thread_.joinable()) thread_.join();
    }

    bool is_full() const { return !stopped_ && bytes_ > piece_limit() && !has_next_; }
    bool stopped() const { return stopped_; }
    void expect_next() { has_next_ = true; }
    std::size_t cells_a_slice() const { return options_.cells_a_slice; }

    RecorderStatus status() const {
        const std::lock_guard lock(mutex_);
        return {options_.file, !stopped_, trouble_, bytes_, pieces_};
    }

  private:
    static constexpr auto pause = std::chrono::milliseconds(20);  ///< news that come meanwhile make one write

    /// Three pieces are there while one takes the place of another.
    std::size_t piece_limit() const { return options_.most_bytes / 3; }

    Result<void> open_first() {
        if (auto kept = PieceFile::keep_old(options_.file); !kept) return kept;
        auto made = PieceFile::make(options_.file);
        if (!made) return made.error();
        now_ = *std::move(made);
        now_->encoder().header(options_.header);
        now_->encoder().base({}, {}, {}, {});
        pieces_ = 1;
        return now_->write();
    }

    void run() {
        std::unique_lock lock(mutex_);
        for (;;) {
            sleeping_ = true;
            arrived_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
            sleeping_ = false;
            std::vector<Job> jobs = std::exchange(jobs_, {});
            pending_ = 0;
            const bool last = stopping_, slow = too_slow_;
            lock.unlock();
            if (slow) fail(again("the disk is too slow: too much waited to be written"));
            work(jobs);
            jobs.clear();
            if (last && now_) {
                now_->encoder().closed("weftd was stopped");
                if (auto written = now_->write(); !written) fail(written.error());
            }
            lock.lock();
            if (last) break;
            arrived_.wait_for(lock, pause, [this] { return stopping_; });
        }
        next_.reset();
        now_.reset();
    }

    void work(const std::vector<Job>& jobs) {
        for (const Job& job : jobs) {
            if (stopped_) return;
            const auto done = std::visit([this](const auto& one) { return take(one); }, job);
            if (!done) fail(done.error());
        }
        if (stopped_) return;
        if (auto written = now_->write(); !written) return fail(written.error());
        bytes_ = now_->bytes();
        if (!next_) return;
        if (auto written = next_->write(); !written) return fail(written.error());
        if (auto fits = base_fits(); !fits) fail(fits.error());
    }

    Result<void> base_fits() const {
        if (!in_base_ || next_->bytes() <= piece_limit()) return {};
        const auto mib = 3 * next_->bytes() / (1 << 20) + 1;
        return invalid("what is known does not fit into a piece of the recording",
                       "set [debug] record-size to more than " + std::to_string(mib));
    }

    Result<void> take(const OpenPiece&) {
        auto made = PieceFile::make(options_.file + ".new");
        if (!made) return made.error();
        next_ = *std::move(made);
        next_->encoder().header(options_.header);
        in_base_ = true;
        return {};
    }
    Result<void> take(const BaseSlice& job) {
        encode(next_->encoder(), job);
        return next_->write();
    }
    /// From here on the new piece stands for itself.
    Result<void> take(const BaseEnd& job) {
        encode(next_->encoder(), job);
        if (auto written = next_->write(); !written) return written;
        if (auto fits = base_fits(); !fits) return fits;
        now_->encoder().closed("it goes on in the next piece");
        if (auto written = now_->write(); !written) return written;
        if (auto kept = PieceFile::keep_old(options_.file); !kept) return kept;
        if (auto named = next_->rename(options_.file); !named) return named;
        now_ = std::move(next_);
        next_.reset();
        in_base_ = false;
        bytes_ = now_->bytes();
        ++pieces_;
        has_next_ = false;
        return {};
    }
    template <class T>
    Result<void> take(const T& job) {
        encode(now_->encoder(), job);
        if (next_) encode(next_->encoder(), job);
        return {};
    }

    void fail(const Error& error) {
        if (stopped_) return;
        log(LogLevel::warn, "record", "recording has stopped; everything else goes on", error);
        const std::lock_guard lock(mutex_);
        trouble_ = error.text();
        stopped_ = true;
        jobs_.clear();
        now_.reset();
        next_.reset();
    }

    const RecorderOptions options_;
    mutable std::mutex mutex_;
    std::condition_variable arrived_;
    std::vector<Job> jobs_;
    std::size_t pending_ = 0;
    bool sleeping_ = false;
    bool stopping_ = false;
    bool too_slow_ = false;
    std::string trouble_;
    std::atomic<bool> stopped_{false};   ///< for good: something went wrong
    std::atomic<bool> has_next_{false};  ///< the next piece is being made
    std::atomic<std::uint64_t> bytes_{0};
    std::atomic<std::uint64_t> pieces_{0};
    // The writer's own.
    std::unique_ptr<PieceFile> now_, next_;
    bool in_base_ = false;
    std::thread thread_;
};

// ---------------------------------------------------------------------------------------------------------------------

Result<std::unique_ptr<Recorder>> Recorder::start(RecorderOptions options) {
    auto writer = std::make_unique<Writer>(std::move(options));
    if (auto started = writer->start(); !started) return started.error();
    return std::unique_ptr<Recorder>(new Recorder(std::move(writer)));
}

Recorder::Recorder(std::unique_ptr<Writer> writer) : writer_(std::move(writer)) {}
Recorder::~Recorder() = default;

void Recorder::stop() {
    writer_->stop();
}

RecorderStatus Recorder::status() const {
    return writer_->status();
}

void Recorder::note(std::string text) {
    writer_->push(Remark{std::move(text)});
}

std::optional<TimePoint> Recorder::turn(const engine::Engine& engine) {
    if (!scanning_ && (writer_->is_full() || wants_piece_)) {
        wants_piece_ = false;
        scanning_ = true;
        scanned_ = 0;
        scan_end_ = engine.cells_end();  // what comes later is in the ticks
        writer_->expect_next();
        writer_->push(OpenPiece{});
    }
    if (!scanning_) return std::nullopt;
    if (writer_->stopped()) return scanning_ = false, std::nullopt;
    BaseSlice slice;
    scanned_ =
        engine.scan(scanned_, writer_->cells_a_slice(), [&](const TableSpec& table, bool input, const RowPtr& row) {
            if (input || is_output(table.name)) slice.rows.push_back({table, input, row});
        });
    writer_->push(std::move(slice));
    if (scanned_ < std::min(scan_end_, engine.cells_end())) return Clock::system().now();
    scanning_ = false;
    writer_->push(BaseEnd{last_, modules_, inputs_, complete_});
    return std::nullopt;
}

void Recorder::graph_changed(const std::vector<std::string>& added, const std::vector<std::string>& removed,
                             const std::vector<TableSpec>& inputs) {
    for (const auto& name : removed)
        std::erase(modules_, name);
    modules_.insert(modules_.end(), added.begin(), added.end());
    inputs_ = inputs;
    std::erase_if(complete_, [&](const TableSpec& table) {
        return std::none_of(inputs.begin(), inputs.end(), [&](const auto& other) { return other.name == table.name; });
    });
    if (!writer_->stopped()) writer_->push(GraphChange{added, removed, inputs});
}

void Recorder::tick_begins(const engine::TickTime& time, std::vector<engine::TappedInput> input) {
    last_ = time;
    for (const auto& tapped : input) {
        if (!tapped.news.completes) continue;
        const bool known = std::any_of(complete_.begin(), complete_.end(),
                                       [&](const auto& other) { return other.name == tapped.table.name; });
        if (!known) complete_.push_back(tapped.table);
    }
    begun_ = !input.empty();
    if (begun_ && !writer_->stopped()) writer_->push(TickBegin{time, std::move(input)});
}

void Recorder::tick_ends(std::vector<engine::TappedOutput> output, bool idle) {
    if (writer_->stopped()) return;
    if (!begun_) {
        if (idle && output.empty()) return;
        writer_->push(TickBegin{last_, {}});
    }
    writer_->push(TickEnd{std::move(output)});
}

}  // namespace weft::record
