#include "ctl/extra_commands.hpp"
#include "ctl/row_text.hpp"
#include "ctl/text_table.hpp"
#include "insight/explain.hpp"
#include "insight/find_rows.hpp"
#include "insight/plan.hpp"
#include "record/file.hpp"
#include "record/replay.hpp"
#include "services/text.hpp"

#include <weft/base/ip.hpp>
#include <weft/base/mac.hpp>

#include <algorithm>
#include <array>
#include <ctime>
#include <map>
#include <ostream>

namespace weft::ctl {

namespace {

using record::Difference;
using record::Replay;
using record::Step;
using record::Until;

WallTime wall_of(const record::Time& time) {
    return WallTime(std::chrono::duration_cast<WallTime::duration>(std::chrono::nanoseconds(time.wall_ns)));
}

/// "2026-08-01 12:34:56.789".
std::string time_text(const record::Time& time) {
    std::string text = services::rfc3339(wall_of(time));
    text[text.find('T')] = ' ';
    const auto ms = std::to_string(1000 + time.wall_ns / 1'000'000 % 1000).substr(1);
    return text.substr(0, text.size() - 1) + "." + ms;
}

/// A tick's number, or a time in UTC.
Until until_of(const std::string& text) {
    Until until;
    if (!text.empty() && text.size() < 19 && text.find_first_not_of("0123456789") == std::string::npos) {
        until.tick = std::stoull(text);
        return until;
    }
    std::tm parts{};
    for (const char* format : {"%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d %H:%M:%S"}) {
        const char* end = ::strptime(text.c_str(), format, &parts);
        if (end == nullptr || *end != '\0') continue;
        // All of that second.
        until.time = WallTime::clock::from_time_t(::timegm(&parts)) + std::chrono::milliseconds(999);
        return until;
    }
    throw Usage{"--until takes the number of a tick or a time in UTC such as 2026-08-01T12:34:56Z, not \"" + text +
                "\""};
}

/// The rows of a replay that explain asks for, as weftd would answer.
Result<JsonDocument> explained(Replay& replay, WallTime now, std::string_view args) {
    const auto parsed = JsonDocument::parse(args);
    if (!parsed) return parsed.error();
    const std::string what(parsed->root()["what"].string_or(""));
    const insight::Surroundings nothing;
    auto found = insight::find_rows(replay.engine(), nothing, what);
    if (found.is_address) {
        std::string address = what;
        if (const auto ip = Ip::parse(what)) address = ip->text();
        if (const auto mac = Mac::parse(what)) address = mac->text();
        found.rows = insight::rows_with_address(insight::snapshot(replay.engine()), address);
    }
    const auto json = insight::explain_json(replay.engine(), nothing, now, what, found.rows, found.missing, found.near);
    return JsonDocument::parse("{\"result\":" + json + "}");
}

struct Counts {
    std::size_t added = 0, changed = 0, removed = 0;

    std::string text() const {
        std::string out;
        for (const auto& [count, word] : {std::pair(added, "added"), {changed, "changed"}, {removed, "removed"}}) {
            if (count > 0) out += (out.empty() ? "" : ", ") + grouped(count) + " " + word;
        }
        return out;
    }
};

/// All that a replay comes to.
class Report {
  public:
    Report(const Context& context, const Replay& replay, bool verify, bool ticks)
        : context_(context),
          replay_(replay),
          verify_(verify),
          ticks_(ticks) {}

    void add(const Step& step) {
        if (step.is_base) {
            base_rows_ = step.input_rows;
        } else {
            ++count_;
            rows_in_ += step.input_rows;
            if (!step.compared) uncompared_ = true;
        }
        if (count_ == 1 && !step.is_base) first_ = step.time;
        last_ = step.time;
        for (const auto& [table, changes] : step.output) {
            for (const Change& change : changes)
                count(step, table.name, change);
        }
        if (ticks_ && !context_.json) print(step);
        if (verify_) {
            all_differences_ += step.differences.size();
            for (const auto& difference : step.differences) {
                if (differences_.size() < most_differences) differences_.push_back(difference);
            }
        }
    }

    const record::Time& last() const { return last_; }
    bool differs() const { return all_differences_ > 0; }

    void write(JsonWriter& w) const {
        const auto& facts = replay_.facts();
        w.object([&] {
            w.member("version", facts.version).member("role", facts.role == Role::node ? "node" : "cluster");
            w.member("node", facts.node).member("ends", facts.end).member("ticks", std::uint64_t{count_});
            w.member("rowsIn", std::uint64_t{rows_in_}).member("baseRows", std::uint64_t{base_rows_});
            w.member("lastTick", last_.tick).member("lastTime", services::rfc3339(wall_of(last_)));
            w.key("notes").array([&] {
                for (const auto& note : replay_.notes())
                    w.value(note);
            });
            w.key("sides").object([&] {
                for (const auto& [side, counts] : sides_) {
                    w.key(side).object([&, &c = counts] {
                        w.member("added", std::uint64_t{c.added}).member("changed", std::uint64_t{c.changed});
                        w.member("removed", std::uint64_t{c.removed});
                    });
                }
            });
            if (!verify_) return;
            w.member("allDifferences", std::uint64_t{all_differences_});
            w.key("differences").array([&] {
                for (const auto& difference : differences_)
                    write(w, difference);
            });
        });
    }

    std::string text() const {
        const auto& facts = replay_.facts();
        std::string out = "recorded by weftd " + plain(facts.version) + ", role " +
                          (facts.role == Role::node ? "node" : "cluster") +
                          (facts.node.empty() ? "" : ", node " + plain(facts.node)) + "\n";
        for (const auto& note : replay_.notes())
            out += "note: " + plain(note) + "\n";
        out += "the recording ends: " + plain(facts.end) + "\n";
        if (base_rows_ > 0) out += "base: " + grouped(base_rows_) + " rows\n";
        out += "replayed " + grouped(count_) + (count_ == 1 ? " tick" : " ticks");
        if (count_ > 0) {
            out += ", " + std::to_string(first_.tick) + " (" + time_text(first_) + ") to " +
                   std::to_string(last_.tick) + " (" + time_text(last_) + ")";
        }
        out += ": " + grouped(rows_in_) + " rows in\n";
        for (const auto& [side, counts] : sides_)
            out += "  " + side + ": " + counts.text() + "\n";
        if (verify_) out += verdict();
        return out;
    }

  private:
    static constexpr std::size_t most_differences = 100;
    static constexpr std::size_t most_shown = 10;

    static std::string side_of(std::string_view table) {
        const auto side = insight::side_of(table);
        return side.empty() ? "statuses" : std::string(side);
    }

    void count(const Step& step, std::string_view table, const Change& change) {
        if (step.is_base) return;
        auto& counts = sides_[side_of(table)];
        ++(!change.before ? counts.added : !change.after ? counts.removed : counts.changed);
    }

    void print(const Step& step) const {
        auto& out = context_.io.out;
        out << (step.is_base ? "base" : "tick " + std::to_string(step.time.tick)) << "  " << time_text(step.time)
            << "  " << grouped(step.input_rows) << " rows in\n";
        for (const auto& [table, changes] : step.output) {
            for (const Change& change : changes) {
                const char* sign = !change.before ? "+" : !change.after ? "-" : "~";
                const auto colour = !change.before ? Colour::good : !change.after ? Colour::bad : Colour::warn;
                out << "  " << painted(sign, colour, context_.io.colours) << " " << plain(table.name) << " "
                    << plain(change.key()) << "\n";
            }
        }
    }

    std::string where(const Difference& difference) const {
        return difference.in_base
                   ? "in the base"
                   : "in tick " + std::to_string(difference.time.tick) + " (" + time_text(difference.time) + ")";
    }

    std::string verdict() const {
        if (all_differences_ == 0) {
            return painted("what came of them is what was recorded", Colour::good, context_.io.colours) + "\n" +
                   (uncompared_ ? "of the last tick the recording does not have what came of it\n" : "");
        }
        std::string out = painted(grouped(all_differences_) + (all_differences_ == 1 ? " row" : " rows") +
                                      " came out otherwise than recorded",
                                  Colour::bad, context_.io.colours) +
                          "\n";
        for (std::size_t i = 0; i < std::min(differences_.size(), most_shown); ++i)
            out += text(differences_[i]);
        if (all_differences_ > most_shown) out += "… and " + grouped(all_differences_ - most_shown) + " more\n";
        if (differences_.front().in_base && !replay_.facts().whole_life)
            out +=
                "What was there when a recording begins may also come from what went before it: who had a row\n"
                "first, and rows that a rule which fails or waits has kept.\n";
        return out;
    }

    std::string text(const Difference& difference) const {
        std::string out = where(difference) + ": " + plain(difference.table) + " " + plain(difference.key) + "\n";
        if (!difference.rule.empty()) out += "  by " + plain(difference.rule) + "\n";
        const auto there = JsonDocument::parse(difference.recorded_json.empty() ? "null" : difference.recorded_json);
        const auto here = JsonDocument::parse(difference.replayed ? difference.replayed.json() : "null");
        if (there && here && there->root().is_object() && here->root().is_object()) {
            for (const auto& line : row_changes(there->root(), here->root()))
                out += "    " + plain(line) + "\n";
            return out + "    (recorded → replayed)\n";
        }
        for (const auto& [name, row] : {std::pair("recorded", &there), {"replayed", &here}}) {
            out += "  " + std::string(name) + ": ";
            if (!*row || (*row)->root().is_null()) {
                out += "no such change\n";
            } else if (!(*row)->root().is_object()) {
                out += plain((*row)->root().string_or("")) + "\n";
            } else {
                out += "\n";
                for (const auto& line : row_lines((*row)->root()))
                    out += "    " + plain(line) + "\n";
            }
        }
        return out;
    }

    static void write(JsonWriter& w, const Difference& difference) {
        w.object([&] {
            w.member("base", difference.in_base).member("tick", difference.time.tick);
            w.member("time", services::rfc3339(wall_of(difference.time)));
            w.member("table", difference.table).member("key", difference.key).member("rule", difference.rule);
            w.key("recorded");
            difference.recorded_json.empty() ? w.null() : w.raw(difference.recorded_json);
            w.key("replayed");
            difference.replayed ? w.raw(difference.replayed.json()) : w.null();
        });
    }

    const Context& context_;
    const Replay& replay_;
    const bool verify_, ticks_;
    std::size_t count_ = 0, rows_in_ = 0, base_rows_ = 0;
    record::Time first_, last_;
    std::map<std::string, Counts> sides_;
    std::vector<Difference> differences_;
    std::size_t all_differences_ = 0;
    bool uncompared_ = false;
};

}  // namespace

int replay_command(const Context& context, const std::vector<std::string>& args) {
    const Arguments given(args, {"verify", "ticks", "row"}, {"until", "explain"}, 1);
    if (given.positional().empty()) throw Usage{"replay what? the file that [debug] record names"};
    const Until until = given.has("until") ? until_of(*given.value("until")) : Until();
    if (!context.backends.here)
        return context.fail(invalid("this weftctl is built without the engine", "use the one of the weft package"));
    const auto bytes = record::read_file(given.positional().front());
    if (!bytes) return context.fail(bytes.error());
    const auto facts = record::facts_of(*bytes);
    if (!facts) return context.fail(Error(facts.error()).at(given.positional().front()));
    const auto config = context.load_config();
    if (!config) return context.fail(config.error());
    auto here = context.backends.here(*config, *facts);
    if (!here) return context.fail(here.error());
    const auto replay = Replay::open(*bytes, *std::move(here));
    if (!replay) return context.fail(Error(replay.error()).at(given.positional().front()));

    Report report(context, **replay, given.has("verify"), given.has("ticks"));
    for (;;) {
        const auto step = (*replay)->step(until);
        if (!step) return context.fail(Error(step.error()).at(given.positional().front()));
        if (!*step) break;
        report.add(**step);
    }
    if (const auto what = given.value("explain")) {
        Context inside = context;
        inside.call = [&](std::string_view, std::string_view arguments) {
            return explained(**replay, wall_of(report.last()), arguments);
        };
        std::vector<std::string> words{*what};
        if (given.has("row")) words.emplace_back("--row");
        return explain_command(inside, words);
    }
    if (context.json) {
        JsonWriter w;
        report.write(w);
        context.io.out << w.text() << "\n";
    } else {
        context.io.out << report.text();
    }
    return report.differs() ? 1 : 0;
}

}  // namespace weft::ctl
