#include "insight/calls.hpp"

#include "insight/explain.hpp"
#include "insight/find_rows.hpp"
#include "insight/top.hpp"

#include <weft/base/ip.hpp>
#include <weft/base/json.hpp>
#include <weft/base/mac.hpp>

#include <algorithm>

namespace weft::insight {

using services::AdminReply;

namespace {

/// The engine does nothing else for so long at a time.
constexpr Duration slice = std::chrono::milliseconds(5);
constexpr std::size_t most_differences = 1000;
constexpr std::size_t most_rows_at_once = 2000;

void write_difference(JsonWriter& w, const engine::Difference& difference) {
    w.object([&] {
        w.member("table", difference.table).member("key", difference.key);
        w.member("instance", difference.instance).member("what", difference.what);
        for (const auto& [name, row] : {std::pair("expected", &difference.expected), {"found", &difference.found}}) {
            w.key(name);
            row->empty() ? w.null() : w.raw(*row);
        }
    });
}

/// As rows spell it.
std::string canonical_address(const std::string& text) {
    if (const auto ip = Ip::parse(text)) return ip->text();
    if (const auto mac = Mac::parse(text)) return mac->text();
    return text;
}

}  // namespace

/// A verification from its call to its answer.
struct Calls::Verifying {
    std::unique_ptr<engine::Verification> verification;
    AdminReply reply;
    TimePoint began;
    Duration working{};
    Duration longest{};
    std::size_t slices = 0;
    std::vector<engine::Difference> found;

    std::string json(Duration took) const {
        const auto us = [](Duration d) { return std::chrono::duration_cast<std::chrono::microseconds>(d).count(); };
        JsonWriter w;
        w.object([&] {
            w.key("differences").array([&] {
                for (std::size_t i = 0; i < std::min(found.size(), most_differences); ++i)
                    write_difference(w, found[i]);
            });
            w.member("all", std::uint64_t{found.size()});
            w.member("instances", std::uint64_t{verification->instances()});
            w.member("rows", std::uint64_t{verification->rows()}).member("slices", std::uint64_t{slices});
            w.member("tookUs", std::int64_t{us(took)}).member("pausedUs", std::int64_t{us(working)});
            w.member("longestPauseUs", std::int64_t{us(longest)});
        });
        return w.take();
    }
};

Calls::Calls(engine::Engine& engine, services::Post post, const Clock& clock, Surroundings around)
    : engine_(engine),
      post_(std::move(post)),
      clock_(clock),
      around_(std::move(around)),
      self_(std::make_shared<Calls*>(this)) {}

Calls::~Calls() {
    *self_ = nullptr;
}

void Calls::add_to(services::AdminServer& server) {
    server.on("graph", [this](const JsonView&) -> Result<std::string> { return graph_json(engine_); });
    server.on("top", [this](const JsonView&) -> Result<std::string> { return top_json(engine_, clock_.now()); });
    server.on("rows", [this](const JsonView& args) { return rows(args); });
    server.on_slow("verify", [this](const JsonView&, AdminReply reply) { verify(std::move(reply)); });
    server.on_slow("explain", [this](const JsonView& args, const AdminReply& reply) {
        const std::string asked(args["what"].string_or(""));
        if (asked.empty()) return reply(invalid("\"what\" names nothing", "name a pod, node, row or address"));
        explain(asked, reply);
    });
}

void Calls::verify(AdminReply reply) {
    auto work = std::make_shared<Verifying>();
    work->verification = engine_.start_verify();
    work->reply = std::move(reply);
    work->began = clock_.now();
    verify_slice(work);
}

void Calls::verify_slice(const std::shared_ptr<Verifying>& work) {
    const TimePoint start = clock_.now();
    const bool more = work->verification->step(slice);
    const Duration took = clock_.now() - start;
    ++work->slices;
    work->working += took;
    work->longest = std::max(work->longest, took);
    if (more) {
        // A tick comes first.
        return post_([self = self_, work] {
            if (*self) (*self)->verify_slice(work);
        });
    }
    work->found = work->verification->take_found();
    worker_.post([work, jobs = work->verification->take_jobs(), &clock = clock_] {
        for (const auto& job : jobs) {
            auto found = job();
            work->found.insert(work->found.end(), found.begin(), found.end());
        }
        work->reply(work->json(clock.now() - work->began));
    });
}

void Calls::explain(std::string asked, const AdminReply& reply) {
    auto found = find_rows(engine_, around_, asked);
    if (found.is_address) return search(std::move(asked), reply);
    reply(explain_json(engine_, around_, clock_.wall(), asked, found.rows, found.missing, found.near));
}

/// Reading all rows takes long; it is done elsewhere.
void Calls::search(std::string asked, const AdminReply& reply) {
    const auto all = std::make_shared<Snapshot>(snapshot(engine_));
    worker_.post([post = post_, self = self_, all, asked = std::move(asked), reply] {
        auto rows = rows_with_address(*all, canonical_address(asked));
        post([self, asked, reply, rows = std::move(rows)] {
            if (!*self) return;
            const Calls& calls = **self;
            reply(explain_json(calls.engine_, calls.around_, calls.clock_.wall(), asked, rows, {}, {}));
        });
    });
}

Result<std::string> Calls::rows(JsonView args) const {
    const std::string table(args["table"].string_or(""));
    const std::string_view after = args["after"].string_or("");
    const auto limit =
        std::clamp<std::uint64_t>(args["limit"].unsigned_integer().value_or(most_rows_at_once), 1, most_rows_at_once);
    const auto reports = engine_.table_reports();
    if (std::none_of(reports.begin(), reports.end(), [&](const auto& report) { return report.name == table; }))
        return invalid("there is no table \"" + table + "\"", "weftctl graph lists them");
    const auto all = engine_.rows(table);
    auto at = after.empty() ? all.begin()
                            : std::upper_bound(all.begin(), all.end(), after,
                                               [](std::string_view key, const RowPtr& row) { return key < row.key(); });
    JsonWriter w;
    w.object([&] {
        w.member("table", table).member("all", std::uint64_t{all.size()});
        std::string next;
        w.key("rows").array([&] {
            for (std::uint64_t count = 0; at != all.end() && count < limit; ++at, ++count) {
                w.raw(at->json());
                next = at->key();
            }
        });
        w.member("next", at == all.end() ? std::string() : next);
    });
    return w.take();
}

}  // namespace weft::insight
