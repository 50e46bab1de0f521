#include "insight/top.hpp"

#include <weft/base/json.hpp>

#include <chrono>

namespace weft::insight {

namespace {

std::int64_t us_of(Duration duration) {
    return std::chrono::duration_cast<std::chrono::microseconds>(duration).count();
}

void write_times(JsonWriter& w, const engine::RunTimes& times) {
    w.key("times").array([&] {
        for (std::size_t step = 0; step < engine::RunTimes::steps; ++step) {
            if (times.counts()[step] == 0) continue;
            w.array([&] {
                w.value(std::int64_t{engine::RunTimes::longest(step).count()});
                w.value(std::uint64_t{times.counts()[step]});
            });
        }
    });
}

void write_rule(JsonWriter& w, const engine::RuleReport& rule) {
    w.object([&] {
        w.member("plugin", rule.module).member("rule", rule.name).member("operator", rule.is_operator);
        w.member("ready", rule.ready).member("stratum", std::uint64_t{rule.stratum});
        w.member("instances", std::uint64_t{rule.instances}).member("runs", rule.runs).member("cutoffs", rule.cutoffs);
        w.member("scans", rule.scans).member("waits", rule.waits).member("failures", rule.failures);
        w.member("totalUs", us_of(rule.total)).member("slowestUs", us_of(rule.slowest));
        w.member("slowestKey", rule.slowest_key).member("slowestCause", rule.slowest_cause);
        w.member("widest", std::uint64_t{rule.widest}).member("widestCause", rule.widest_cause);
        write_times(w, rule.times);
        w.key("causes").array([&] {
            for (const auto& cause : rule.causes)
                w.object([&] { w.member("what", cause.what).member("runs", cause.runs); });
        });
        w.key("slow").array([&] {
            for (const auto& run : rule.slow) {
                w.object([&] { w.member("key", run.key).member("cause", run.cause).member("us", us_of(run.took)); });
            }
        });
    });
}

}  // namespace

std::string top_json(const engine::Engine& engine, TimePoint now) {
    JsonWriter w;
    w.object([&] {
        w.member("atUs", us_of(now.time_since_epoch()));
        const auto& ticks = engine.tick_timing();
        w.key("ticks").object([&] {
            w.member("count", ticks.busy).member("totalUs", us_of(ticks.total));
            write_times(w, ticks.times);
        });
        w.key("rules").array([&] {
            for (const auto& rule : engine.rule_reports())
                write_rule(w, rule);
        });
    });
    return w.take();
}

std::string graph_json(const engine::Engine& engine) {
    JsonWriter w;
    w.object([&] {
        w.key("tables").array([&] {
            for (const auto& table : engine.table_reports()) {
                constexpr const char* merges[] = {"exclusive", "union", "ordered"};
                w.object([&] {
                    w.member("name", table.name).member("rows", std::uint64_t{table.rows});
                    w.member("input", table.input).member("complete", table.complete).member("ready", table.ready);
                    w.member("merge", merges[static_cast<std::size_t>(table.merge)]);
                    w.member("conflicts", std::uint64_t{table.conflicts});
                });
            }
        });
        w.key("rules").array([&] {
            for (const auto& rule : engine.rule_links()) {
                w.object([&] {
                    w.member("plugin", rule.module).member("rule", rule.name).member("operator", rule.is_operator);
                    w.member("stratum", std::uint64_t{rule.stratum}).member("driver", rule.driver);
                    w.key("reads").array([&] {
                        for (const auto& read : rule.reads)
                            w.object([&] { w.member("table", read.table).member("index", read.index); });
                    });
                    w.key("writes").array([&] {
                        for (const auto& table : rule.writes)
                            w.value(table);
                    });
                });
            }
        });
    });
    return w.take();
}

}  // namespace weft::insight
