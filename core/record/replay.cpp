#include "record/replay.hpp"

#include "engine/cells.hpp"
#include "record/recorder.hpp"

#include <weft/base/json.hpp>
#include <weft/engine/status.hpp>

#include <algorithm>
#include <exception>

namespace weft::record {

namespace {

std::string object_text(const ObjectRef& object) {
    if (object.kind.empty()) return {};
    return object.kind + " " + (object.ns.empty() ? "" : object.ns + "/") + object.name;
}

/// Impure code has no place in a replay: its answers are in the recording.
class Silent final : public Adapter {
  public:
    void changed(std::span<const Change>, Inbox&) override {}
    void stop() noexcept override {}
};

/// The row as it counts: since when a status holds depends on what went before the recording.
RowPtr comparable(const RowPtr& row) {
    if (!row || row.type().name != RuleStatus::table_name || !row.type().same_as(row_type<RuleStatus>())) return row;
    RuleStatus status = row.as<RuleStatus>();
    status.since_ms = 0;
    return RowPtr::make(status);
}

std::string key_of(std::string_view packed) {
    return std::string(Unpacker(packed).text());
}

}  // namespace

bool Until::before(const Time& at) const {
    if (tick && at.tick > *tick) return true;
    return time && at.wall_ns > std::chrono::duration_cast<std::chrono::nanoseconds>(time->time_since_epoch()).count();
}

void Replay::ReplayClock::set(const Time& time) {
    now_ = TimePoint(std::chrono::duration_cast<Duration>(std::chrono::nanoseconds(time.now_ns)));
    wall_ = WallTime(std::chrono::duration_cast<WallTime::duration>(std::chrono::nanoseconds(time.wall_ns)));
}

bool Replay::Catch::wants(std::string_view table) {
    return is_output(table);
}

std::vector<TableSpec> tables_of(const engine::ModuleSpec& module) {
    std::vector<TableSpec> tables{table_spec<RuleStatus>()};
    const auto add = [&](const std::vector<TableSpec>& more) { tables.insert(tables.end(), more.begin(), more.end()); };
    for (const auto& adapter : module.adapters)
        add({adapter.spec.requests, adapter.spec.answers});
    for (const auto& rule : module.rules) {
        tables.push_back(rule.driver);
        for (const auto& read : rule.reads)
            tables.push_back(read.table);
        add(rule.writes);
    }
    for (const auto& op : module.operators) {
        add(op.spec.inputs);
        add(op.spec.outputs);
    }
    add(module.extension_points);
    add(module.inputs);
    return tables;
}

std::map<std::string, TableSpec, std::less<>> tables_of(std::string_view bytes, const Facts& facts, const Here& here) {
    std::map<std::string, TableSpec, std::less<>> tables;
    const auto add = [&](const std::string& name) {
        const auto module = here.module(name);
        if (!module) return;
        for (const auto& table : tables_of(*module))
            tables.try_emplace(std::string(table.name), table);
    };
    add("ipam");
    for (const auto& plugin : facts.plugins)
        add(plugin.name);
    auto reader = FrameReader::open(bytes);
    if (!reader) return tables;
    for (auto frame = reader->next(); frame && *frame; frame = reader->next()) {
        if (const auto* graph = std::get_if<Graph>(&(*frame)->content)) {
            for (const auto name : graph->added)
                add(std::string(name));
        }
    }
    return tables;
}

// What is here, and what differs
// ---------------------------------------------------------------------------------------

Replay::Replay(std::string_view bytes, Here here, Facts facts, FrameReader reader)
    : bytes_(bytes),
      here_(std::move(here)),
      facts_(std::move(facts)),
      reader_(std::move(reader)) {}
Replay::~Replay() = default;

Result<std::unique_ptr<Replay>> Replay::open(std::string_view bytes, Here here) {
    auto facts = facts_of(bytes);
    if (!facts) return std::move(facts).error();
    if (!facts->has_base) {
        return invalid("the recording ends before its base is whole: " + facts->end,
                       "the older piece, which has .1 behind its name, may have more");
    }
    auto reader = FrameReader::open(bytes);
    if (!reader) return std::move(reader).error();
    std::unique_ptr<Replay> made(new Replay(bytes, std::move(here), *std::move(facts), *std::move(reader)));
    if (auto prepared = made->prepare(); !prepared) return std::move(prepared).error();
    return made;
}

Result<void> Replay::prepare() {
    engine::EngineOptions options;
    options.role = facts_.role;
    options.clock = &clock_;
    options.tap = &catch_;
    options.slow_run = std::chrono::hours(1);
    // What the clock says first is kept by the engine as the time that it was made.
    clock_.set(facts_.first);
    engine_ = std::make_unique<engine::Engine>(std::move(options));
    if (auto compared = compare_places(); !compared) return compared;
    return check_tables();
}

void Replay::note(std::string text) {
    if (std::find(notes_.begin(), notes_.end(), text) == notes_.end()) notes_.push_back(std::move(text));
}

Result<void> Replay::compare_places() {
    if (facts_.version != here_.version)
        note("recorded by weftd " + facts_.version + ", replayed by weftctl " + here_.version);
    if (!facts_.fingerprint.empty() && facts_.fingerprint != here_.fingerprint)
        note("the build is another: " + facts_.fingerprint + " there, " + here_.fingerprint + " here");
    std::string missing;
    for (const auto& name : {std::string("ipam")}) {
        if (auto learnt = learn(name); !learnt) return learnt;
    }
    for (const auto& there : facts_.plugins) {
        if (auto learnt = learn(there.name); !learnt) {
            missing += (missing.empty() ? "" : "\n") + learnt.error().text();
            continue;
        }
        const auto here = here_.plugin ? here_.plugin(there.name) : std::nullopt;
        if (!here) continue;
        if (here->version != there.version) {
            note("plugin " + there.name + " is version " + here->version + " here, " + there.version + " there");
        } else if (!there.sha256.empty() && here->sha256 != there.sha256) {
            note("plugin " + there.name + " is of the same version and another file");
        }
    }
    if (!missing.empty())
        return invalid("a plugin of the recording can't be used here: " + missing,
                       "install it, or name its folder with -- --plugin-dir=DIR");
    return {};
}

/// Gets a module that the recording mentions.
Result<void> Replay::learn(const std::string& name) {
    if (modules_.contains(name)) return {};
    auto module = here_.module(name);
    if (!module) return std::move(module).error();
    for (auto& adapter : module->adapters) {
        adapter.spec.make = [] { return std::make_unique<Silent>(); };
        of_modules_[std::string(adapter.spec.answers.name)] = true;
    }
    for (const auto& table : module->inputs)
        of_modules_[std::string(table.name)] = true;
    for (const auto& table : tables_of(*module))
        specs_.try_emplace(std::string(table.name), table);
    modules_.emplace(name, *std::move(module));
    return {};
}

/// Every table that the recording names, before anything runs.
Result<void> Replay::check_tables() {
    auto reader = FrameReader::open(bytes_);
    if (!reader) return std::move(reader).error();
    std::string wrong;
    for (auto frame = reader->next(); frame && *frame; frame = reader->next()) {
        if (const auto* graph = std::get_if<Graph>(&(*frame)->content)) {
            for (const auto name : graph->added) {
                if (auto learnt = learn(std::string(name)); !learnt) return learnt;
            }
        }
        const auto* table = std::get_if<Table>(&(*frame)->content);
        if (table == nullptr) continue;
        const auto here = specs_.find(table->name);
        if (here == specs_.end()) continue;
        const RowType& type = *here->second.type;
        if (type.name == table->type && type.schema == table->schema) continue;
        std::string what = "table " + std::string(table->name) + ": its rows are of another type here";
        if (type.name != table->type)
            what += " (" + std::string(type.name) + ", there " + std::string(table->type) + ")";
        if (table->input) {
            wrong += (wrong.empty() ? "" : "\n") + what;
        } else {
            note(what + "; what rules put there is compared as different");
        }
    }
    if (wrong.empty()) return {};
    return invalid("the recording can't be replayed with these plugins:\n" + wrong,
                   "use the weftctl and the plugins of weft " + facts_.version);
}

Result<const Replay::Known*> Replay::known(std::uint64_t number) const {
    const auto at = tables_.find(number);
    if (at == tables_.end()) {
        return Error{ErrorKind::invalid, "a table of number " + std::to_string(number) + " was not introduced",
                     "byte " + std::to_string(reader_.offset()), ""};
    }
    return &at->second;
}

// Running -------------------------------------------------------------------------------------------------------------

Result<std::optional<Frame>> Replay::next() {
    if (ahead_) return std::exchange(ahead_, std::nullopt);
    auto frame = reader_.next();
    if (!frame) return std::optional<Frame>();  // what is whole has been used; facts().end tells where it ends
    if (*frame) {
        if (const auto* table = std::get_if<Table>(&(*frame)->content)) {
            Known known{std::string(table->name), std::string(table->type), table->schema, table->input, {}};
            const auto here = specs_.find(table->name);
            if (here != specs_.end()) known.here = here->second;
            tables_[table->number] = std::move(known);
        }
    }
    return frame;
}

Result<std::optional<Step>> Replay::step(const Until& until) {
    try {
        return try_step(until);
    } catch (const std::exception& e) {
        return Error{ErrorKind::invalid, std::string("the recording can't be what a weftd did: ") + e.what(),
                     "byte " + std::to_string(reader_.offset()), ""};
    }
}

Result<std::optional<Step>> Replay::try_step(const Until& until) {
    const auto some = [](Result<Step> step) -> Result<std::optional<Step>> {
        if (!step) return std::move(step).error();
        return std::optional(*std::move(step));
    };
    for (;;) {
        auto frame = next();
        if (!frame) return std::move(frame).error();
        if (!*frame) return std::optional<Step>();
        Content& content = (*frame)->content;
        if (const auto* begin = std::get_if<Begin>(&content)) {
            if (!based_) {
                if (auto into = into_base(begin->tables); !into) return std::move(into).error();
                continue;
            }
            if (until.before(begin->time)) return ahead_ = *std::move(frame), std::optional<Step>();
            return some(run_tick(*begin));
        }
        if (const auto* base = std::get_if<Base>(&content)) {
            if (based_) return invalid("a second base", "byte " + std::to_string((*frame)->offset));
            if (until.before(base->time)) return ahead_ = *std::move(frame), std::optional<Step>();
            auto step = run_base(*base);
            if (!step) return std::move(step).error();
            if (base->modules.empty() && base->inputs.empty()) continue;  // nothing was there
            return some(std::move(step));
        }
        if (const auto* graph = std::get_if<Graph>(&content)) {
            const auto done =
                based_ ? change_graph(graph->added, graph->removed, graph->inputs) : use_inputs(graph->inputs);
            if (!done) return done.error();
        } else if (const auto* slice = std::get_if<Slice>(&content); slice != nullptr && !based_) {
            if (auto into = into_base(slice->tables); !into) return std::move(into).error();
        } else if (const auto* end = std::get_if<End>(&content); end != nullptr && !based_) {
            if (auto into = into_base(end->tables); !into) return std::move(into).error();
        }
    }
}

/// Rows that come, change and go while the base is being written.
Result<void> Replay::into_base(const std::vector<Rows>& tables) {
    for (const Rows& rows : tables) {
        const auto table = known(rows.table);
        if (!table) return table.error();
        ByKey& all = base_[(*table)->name];
        if (rows.replaces) all.clear();
        for (const RowBytes& row : rows.rows) {
            if (row.gone) {
                all.erase(std::string(row.bytes));
            } else {
                all.insert_or_assign(key_of(row.bytes), std::string(row.bytes));
            }
        }
    }
    return {};
}

/// Rows of an input that is none any more are gone.
Result<void> Replay::use_inputs(const std::vector<std::uint64_t>& numbers) {
    std::map<std::string, bool, std::less<>> inputs;
    for (const auto number : numbers) {
        const auto table = known(number);
        if (!table) return table.error();
        inputs[(*table)->name] = true;
    }
    for (const auto& [number, table] : tables_) {
        if (table.input && !inputs.contains(table.name)) base_.erase(table.name);
    }
    return {};
}

Result<void> Replay::change_graph(const std::vector<std::string_view>& added,
                                  const std::vector<std::string_view>& removed,
                                  const std::vector<std::uint64_t>& inputs) {
    for (const auto number : inputs) {
        const auto table = known(number);
        if (!table) return table.error();
        const Known& input = **table;
        // What no module here has heard of nobody reads.
        if (input.here.type == nullptr || of_modules_.contains(input.name) || host_inputs_.contains(input.name))
            continue;
        if (auto done = engine_->add_input(input.here); !done) return done;
        host_inputs_[input.name] = true;
    }
    std::vector<engine::ModuleSpec> modules;
    for (const auto name : added) {
        if (auto learnt = learn(std::string(name)); !learnt) return learnt;
        modules.push_back(modules_.find(name)->second);
    }
    const std::vector<std::string> names(removed.begin(), removed.end());
    if (modules.empty() && names.empty()) return {};
    if (auto changed = engine_->change(std::move(modules), names); !changed)
        return std::move(changed).error().at("the graph of the recording");
    return {};
}

Result<Step> Replay::run_base(const Base& base) {
    based_ = true;
    Step step;
    step.time = base.time;
    step.is_base = true;
    clock_.set(base.time);
    if (auto changed = change_graph(base.modules, {}, base.inputs); !changed) return changed.error();
    engine::ChangeSet changes;
    for (const auto number : base.complete) {
        const auto table = known(number);
        if (!table) return table.error();
        if ((*table)->here.type != nullptr) changes.complete((*table)->name);
    }
    for (const auto& [name, rows] : base_) {
        const auto spec = specs_.find(name);
        const bool is_input = of_modules_.contains(name) || host_inputs_.contains(name);
        if (spec == specs_.end() || !is_input) continue;
        for (const auto& [key, bytes] : rows) {
            auto row = row_from(*spec->second.type, bytes);
            if (!row) return std::move(row).error().at("the base of the recording");
            changes.put(name, *std::move(row));
            ++step.input_rows;
        }
    }
    engine_->post(std::move(changes));
    engine_->tick();
    step.output = catch_.take();
    if (auto done = compare_base(step); !done) return done.error();
    base_.clear();
    return step;
}

Result<std::size_t> Replay::post(const std::vector<Rows>& tables) {
    engine::ChangeSet changes;
    std::size_t count = 0;
    for (const Rows& rows : tables) {
        const auto found = known(rows.table);
        if (!found) return found.error();
        const Known& table = **found;
        if (table.here.type == nullptr) continue;
        std::vector<RowPtr> made;
        for (const RowBytes& bytes : rows.rows) {
            if (bytes.gone) {
                if (!rows.replaces) made.push_back(engine::key_only(bytes.bytes));
                continue;
            }
            auto row = row_from(*table.here.type, bytes.bytes);
            if (!row) return std::move(row).error().at("byte " + std::to_string(reader_.offset()));
            made.push_back(*std::move(row));
        }
        count += made.size();
        if (rows.replaces) {
            changes.replace_all(table.name, std::move(made));
        } else {
            for (RowPtr& row : made)
                changes.put(table.name, std::move(row));
        }
        if (rows.completes) changes.complete(table.name);
    }
    engine_->post(std::move(changes));
    return count;
}

Result<Step> Replay::run_tick(const Begin& begin) {
    Step step;
    step.time = begin.time;
    clock_.set(begin.time);
    auto posted = post(begin.tables);
    if (!posted) return std::move(posted).error();
    step.input_rows = *posted;
    engine_->tick();
    step.output = catch_.take();
    // What came of it there stands after it, unless weftd came to its end in between.
    for (;;) {
        auto frame = next();
        if (!frame) return std::move(frame).error();
        if (!*frame) break;
        const auto* end = std::get_if<End>(&(*frame)->content);
        if (end != nullptr) {
            step.compared = true;
            if (auto done = compare(end->tables, step); !done) return done.error();
            break;
        }
        if (!std::holds_alternative<Table>((*frame)->content)) {
            ahead_ = *std::move(frame);
            break;
        }
    }
    return step;
}

// Comparing -----------------------------------------------------------------------------------------------------------

Result<void> Replay::compare(const std::vector<Rows>& recorded, Step& step) const {
    struct Pair {
        const Known* table = nullptr;
        std::optional<RowBytes> there;
        const RowPtr* here = nullptr;  ///< an empty pointer: it is gone
        bool changed_here = false;
    };
    std::map<std::pair<std::string_view, std::string>, Pair> all;
    for (const Rows& rows : recorded) {
        const auto table = known(rows.table);
        if (!table) return table.error();
        for (const RowBytes& row : rows.rows) {
            auto& pair = all[{(*table)->name, row.gone ? std::string(row.bytes) : key_of(row.bytes)}];
            pair.table = *table;
            pair.there = row;
        }
    }
    for (const auto& [table, changes] : step.output) {
        for (const Change& change : changes) {
            auto& pair = all[{table.name, std::string(change.key())}];
            pair.here = &change.after;
            pair.changed_here = true;
        }
    }
    for (const auto& [name, pair] : all) {
        const bool gone_there = pair.there && pair.there->gone;
        const bool gone_here = pair.changed_here && !*pair.here;
        if (gone_there && gone_here) continue;
        const auto there = pair.there && !pair.there->gone ? std::optional(pair.there->bytes) : std::nullopt;
        add_difference(pair.table, name.first, name.second, there,
                       pair.changed_here && !gone_here ? pair.here : nullptr, step);
    }
    return {};
}

/// What was there when the recording began, against what comes of the facts of that moment alone.
Result<void> Replay::compare_base(Step& step) const {
    std::map<std::string, const Known*, std::less<>> by_name;
    for (const auto& [number, table] : tables_)
        by_name[table.name] = &table;
    std::map<std::pair<std::string_view, std::string_view>, const RowPtr*> here;
    for (const auto& [table, changes] : step.output) {
        for (const Change& change : changes) {
            if (change.after) here[{table.name, change.key()}] = &change.after;
        }
    }
    for (const auto& [name, rows] : base_) {
        if (!is_output(name)) continue;
        for (const auto& [key, bytes] : rows) {
            const auto at = here.find({name, key});
            add_difference(by_name.at(name), name, key, std::string_view(bytes),
                           at == here.end() ? nullptr : at->second, step);
            if (at != here.end()) here.erase(at);
        }
    }
    for (const auto& [name, row] : here)
        add_difference(nullptr, name.first, name.second, std::nullopt, row, step);
    step.compared = true;
    return {};
}

/// Unless the two are the same.
void Replay::add_difference(const Known* table, std::string_view name, std::string_view key,
                            std::optional<std::string_view> recorded, const RowPtr* replayed, Step& step) const {
    Difference difference;
    if (recorded && table != nullptr) {
        const auto spec = specs_.find(name);
        const bool same_type = spec != specs_.end() && spec->second.type->name == table->type &&
                               spec->second.type->schema == table->schema;
        if (same_type) {
            auto row = row_from(*spec->second.type, *recorded);
            if (row) {
                difference.recorded = *std::move(row);
                difference.recorded_json = difference.recorded.json();
            } else {
                difference.recorded_json = json_quote(row.error().text());
            }
        } else {
            difference.recorded_json = json_quote("a row of a type that is not known here");
        }
    }
    if (replayed != nullptr) difference.replayed = *replayed;
    if (difference.recorded && difference.replayed &&
        comparable(difference.recorded).equals(comparable(difference.replayed)))
        return;
    difference.time = step.time;
    difference.in_base = step.is_base;
    difference.table = name;
    difference.key = key;
    difference.rule = rule_of(name, key);
    step.differences.push_back(std::move(difference));
}

/// Who puts the row here; or else who might.
std::string Replay::rule_of(std::string_view table, std::string_view key) const {
    const auto why = engine_->explain(table, key);
    if (!why.owners.empty()) {
        const auto& owner = why.owners.front();
        const auto object = object_text(owner.object);
        const std::string driver = object.empty() ? owner.driver : object;
        return owner.module + "/" + owner.rule + (driver.empty() ? "" : " for " + driver);
    }
    std::string writers;
    for (const auto& report : engine_->table_reports()) {
        if (report.name != table) continue;
        for (const auto& writer : report.writers)
            writers += (writers.empty() ? "" : " or ") + writer;
    }
    return writers;
}

}  // namespace weft::record
