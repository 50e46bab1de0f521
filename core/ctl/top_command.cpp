#include "ctl/extra_commands.hpp"
#include "ctl/row_text.hpp"
#include "ctl/text_table.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <map>
#include <ostream>
#include <thread>

namespace weft::ctl {

namespace {

/// Counts by what a run took at most, in nanoseconds.
using Times = std::map<std::int64_t, std::uint64_t>;

Times times_of(const JsonView& object) {
    Times times;
    object["times"].each([&](JsonView entry) {
        std::vector<std::int64_t> pair;
        entry.each([&](JsonView number) { pair.push_back(number.integer().value_or(0)); });
        if (pair.size() == 2) times[pair[0]] = static_cast<std::uint64_t>(pair[1]);
    });
    return times;
}

Times since(const Times& now, const Times& before) {
    Times difference;
    for (const auto& [ns, count] : now) {
        const auto at = before.find(ns);
        const auto had = at == before.end() ? 0 : at->second;
        // The counts of weftd have 32 bits.
        if (const auto more = static_cast<std::uint32_t>(count - had); more > 0) difference[ns] = more;
    }
    return difference;
}

/// In microseconds; 0 for no runs.
double percentile(const Times& times, double share) {
    std::uint64_t all = 0, seen = 0;
    for (const auto& [ns, count] : times)
        all += count;
    for (const auto& [ns, count] : times) {
        seen += count;
        if (static_cast<double>(seen) >= share * static_cast<double>(all)) return static_cast<double>(ns) / 1000;
    }
    return 0;
}

struct Rule {
    std::string name;
    std::uint64_t runs = 0, cutoffs = 0, waits = 0, failures = 0;
    double total_us = 0;
    Times times;
    std::map<std::string, std::uint64_t> causes;
};

struct Look {
    double at_us = 0;
    std::uint64_t ticks = 0;
    double ticks_us = 0;
    Times tick_times;
    std::map<std::string, Rule> rules;

    static Look of(const JsonView& answer) {
        Look look;
        look.at_us = answer["atUs"].number().value_or(0);
        const auto ticks = answer["ticks"];
        look.ticks = ticks["count"].unsigned_integer().value_or(0);
        look.ticks_us = ticks["totalUs"].number().value_or(0);
        look.tick_times = times_of(ticks);
        answer["rules"].each([&](JsonView from) {
            const auto number = [&](std::string_view member) { return from[member].unsigned_integer().value_or(0); };
            Rule rule;
            rule.name = plain(from["plugin"].string_or("")) + "/" + plain(from["rule"].string_or(""));
            rule.runs = number("runs"), rule.cutoffs = number("cutoffs");
            rule.waits = number("waits"), rule.failures = number("failures");
            rule.total_us = from["totalUs"].number().value_or(0);
            rule.times = times_of(from);
            from["causes"].each([&](JsonView cause) {
                rule.causes[plain(cause["what"].string_or(""))] = cause["runs"].unsigned_integer().value_or(0);
            });
            look.rules.emplace(rule.name, std::move(rule));
        });
        return look;
    }
};

/// What happened between two looks. What a rule had before it came, or before weftd restarted, is nothing.
Rule between(const Rule& now, const Look& before) {
    const auto at = before.rules.find(now.name);
    if (at == before.rules.end() || at->second.runs > now.runs) return now;
    const Rule& old = at->second;
    Rule rule = now;
    rule.runs -= old.runs, rule.cutoffs -= old.cutoffs, rule.waits -= old.waits, rule.failures -= old.failures;
    rule.total_us -= old.total_us;
    rule.times = since(now.times, old.times);
    for (auto& [what, runs] : rule.causes) {
        const auto had = old.causes.find(what);
        if (had != old.causes.end()) runs -= had->second;
    }
    return rule;
}

std::string rate_text(double per_second) {
    char buffer[32];
    std::snprintf(buffer, sizeof(buffer), per_second > 0 && per_second < 9.95 ? "%.1f" : "%.0f", per_second);
    return buffer;
}

std::string causes_text(const Rule& rule) {
    std::vector<std::pair<std::uint64_t, std::string>> causes;
    for (const auto& [what, runs] : rule.causes) {
        if (runs > 0) causes.emplace_back(runs, what);
    }
    std::sort(causes.rbegin(), causes.rend());
    std::string text;
    for (std::size_t i = 0; i < std::min<std::size_t>(3, causes.size()); ++i) {
        text += (text.empty() ? "" : ", ") + causes[i].second;
        if (causes.size() > 1)
            text += " " + std::to_string(causes[i].first * 100 / std::max<std::uint64_t>(rule.runs, 1)) + "%";
    }
    return text;
}

std::string top_text(const Look& now, const Look& before, const JsonView& answer, bool colours) {
    const double seconds = std::max((now.at_us - before.at_us) / 1e6, 1e-3);
    const bool restarted = now.ticks < before.ticks || now.at_us < before.at_us;
    const auto ticks = restarted ? now.ticks : now.ticks - before.ticks;
    const double busy_us = restarted ? now.ticks_us : now.ticks_us - before.ticks_us;
    const auto tick_times = restarted ? now.tick_times : since(now.tick_times, before.tick_times);
    char share[32];
    std::snprintf(share, sizeof(share), "%.1f", std::clamp(busy_us / seconds / 1e4, 0.0, 100.0));
    std::string out = "in " + duration_text(seconds * 1e6) + ": " + grouped(ticks) + (ticks == 1 ? " tick" : " ticks");
    if (ticks > 0) out += " (99 of 100 within " + duration_text(percentile(tick_times, 0.99)) + ")";
    out += ", the engine was busy " + std::string(share) + " % of the time\n";

    std::vector<Rule> rules;
    for (const auto& [name, rule] : now.rules)
        rules.push_back(between(rule, before));
    std::stable_sort(rules.begin(), rules.end(), [](const Rule& a, const Rule& b) {
        return std::pair(a.total_us, a.runs) > std::pair(b.total_us, b.runs);
    });
    TextTable table({"RULE", "RUNS/S", "RUNS", "MEAN", "P99", "UNCHANGED", "WAITS", "FAILS", "BECAUSE OF"});
    std::size_t idle = 0;
    for (const Rule& rule : rules) {
        if (rule.runs == 0) {
            ++idle;
            continue;
        }
        const auto runs = static_cast<double>(rule.runs);
        table.add({rule.name, rate_text(runs / seconds), grouped(rule.runs), duration_text(rule.total_us / runs),
                   duration_text(percentile(rule.times, 0.99)), std::to_string(rule.cutoffs * 100 / rule.runs) + "%",
                   Cell(grouped(rule.waits), rule.waits > 0 ? Colour::warn : Colour::none),
                   Cell(grouped(rule.failures), rule.failures > 0 ? Colour::bad : Colour::none), causes_text(rule)});
    }
    if (!table.empty()) out += "\n" + table.text(colours, "");
    if (idle > 0)
        out += (table.empty() ? "\n" : "") + std::to_string(idle) + (idle == 1 ? " rule" : " rules") + " did not run\n";

    TextTable slow({"SLOWEST KEYS OF THE LAST MINUTE", "RULE", "TOOK", "BECAUSE OF"});
    std::vector<std::tuple<double, std::string, std::string, std::string>> runs;
    answer["rules"].each([&](JsonView rule) {
        rule["slow"].each([&](JsonView run) {
            runs.emplace_back(run["us"].number().value_or(0), plain(run["key"].string_or("")),
                              plain(rule["plugin"].string_or("")) + "/" + plain(rule["rule"].string_or("")),
                              plain(run["cause"].string_or("")));
        });
    });
    std::sort(runs.rbegin(), runs.rend());
    for (std::size_t i = 0; i < std::min<std::size_t>(8, runs.size()); ++i) {
        const auto& [us, key, rule, cause] = runs[i];
        slow.add({key, rule, duration_text(us), cause});
    }
    if (!slow.empty()) out += "\n" + slow.text(colours, "");
    return out;
}

std::int64_t number_of(const Arguments& given, std::string_view name, std::int64_t fallback, std::int64_t most) {
    const auto text = given.value(name);
    if (!text) return fallback;
    std::int64_t number = 0;
    const auto [end, failed] = std::from_chars(text->data(), text->data() + text->size(), number);
    if (failed != std::errc() || end != text->data() + text->size() || number < 1 || number > most)
        throw Usage{"--" + std::string(name) + " takes a number from 1 to " + std::to_string(most) + ", not \"" +
                    *text + "\""};
    return number;
}

}  // namespace

int top_command(const Context& context, const std::vector<std::string>& args) {
    const Arguments given(args, {"once"}, {"interval", "count"}, 0);
    const auto interval = std::chrono::seconds(number_of(given, "interval", given.has("once") ? 1 : 2, 3600));
    const auto count = given.has("once") ? 1 : number_of(given, "count", 0, 1'000'000);
    auto first = context.call("top", {});
    if (!first) return context.fail(first.error());
    if (context.json) {  // counts since the start: whoever reads them takes differences
        context.io.out << first->root()["result"].dump() << "\n";
        return 0;
    }
    Look before = Look::of(first->root()["result"]);
    for (std::int64_t shown = 0; count == 0 || shown < count; ++shown) {
        std::this_thread::sleep_for(interval);
        const auto answer = context.call("top", {});
        if (!answer) return context.fail(answer.error());
        const auto result = answer->root()["result"];
        Look now = Look::of(result);
        // On a terminal each table takes the place of the one before.
        if (context.io.colours && count != 1) context.io.out << "\x1b[H\x1b[2J";
        if (!context.io.colours && shown > 0) context.io.out << "\n";
        context.io.out << top_text(now, before, result, context.io.colours) << std::flush;
        before = std::move(now);
    }
    return 0;
}

}  // namespace weft::ctl
