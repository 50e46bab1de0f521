#pragma once

#include "engine/engine.hpp"
#include "engine/module.hpp"
#include "engine/tap.hpp"
#include "record/format.hpp"

#include <weft/base/clock.hpp>
#include <weft/base/result.hpp>

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Gives a second engine what a recording says the first was given.
namespace weft::record {

/// A plugin of the recording or of this place.
struct PluginFacts {
    std::string name, version;
    std::string sha256;  ///< of its file
};

/// What a recording says of itself.
struct Facts {
    std::string version, revision;  ///< of the weftd
    std::string fingerprint;        ///< of its build
    Role role = Role::node;
    std::string node;
    std::vector<PluginFacts> plugins;
    std::vector<std::pair<std::string, std::string>> config;  ///< "[default] mtu" and its value; no secrets
    std::size_t ticks = 0;
    bool has_base = false;
    bool whole_life = false;  ///< it begins with the start of weftd, when nothing was there
    Time first, last;         ///< ticks
    std::string end;          ///< how it ends
};

/// The header and the length of a recording, without running it. Uses what is whole; fails when not even that has a
/// header.
Result<Facts> facts_of(std::string_view bytes);
/// The JSON of a header.
std::string header_json(const Facts& facts);

/// The plugins that are here.
struct Here {
    std::string version, fingerprint;
    /// The module of a name that a recording mentions.
    std::function<Result<engine::ModuleSpec>(const std::string& name)> module;
    std::function<std::optional<PluginFacts>(const std::string& name)> plugin;
};

/// The tables that a module mentions.
std::vector<TableSpec> tables_of(const engine::ModuleSpec& module);
/// Those of all modules that a recording mentions and that are here, by name.
std::map<std::string, TableSpec, std::less<>> tables_of(std::string_view bytes, const Facts& facts, const Here& here);

/// A row that came out otherwise.
struct Difference {
    Time time;
    bool in_base = false;  ///< among what was there when the recording began
    std::string table, key;
    RowPtr recorded, replayed;  ///< empty: none, or no change
    std::string recorded_json;  ///< what can be said of the recorded one
    std::string rule;           ///< "plugin/rule for driver", or who might have made it
};

/// What one tick came to.
struct Step {
    Time time;
    bool is_base = false;
    std::size_t input_rows = 0;
    std::vector<engine::TappedOutput> output;
    bool compared = false;  ///< the recording has what came of it
    std::vector<Difference> differences;
};

/// When to stop: before the first tick that is later.
struct Until {
    std::optional<std::uint64_t> tick;
    std::optional<WallTime> time;
    bool before(const Time& time_of_tick) const;
};

class Replay {
  public:
    /// `bytes` must live as long. Fails when the plugins that are here can't do it; the error lists all that is wrong.
    static Result<std::unique_ptr<Replay>> open(std::string_view bytes, Here here);
    ~Replay();

    const Facts& facts() const { return facts_; }
    /// What differs between here and there, a line each.
    const std::vector<std::string>& notes() const { return notes_; }
    /// Runs the next tick. Nothing when there is none, or it is later than that.
    Result<std::optional<Step>> step(const Until& until);
    engine::Engine& engine() { return *engine_; }

  private:
    class ReplayClock final : public Clock {
      public:
        TimePoint now() const override { return now_; }
        WallTime wall() const override { return wall_; }
        void set(const Time& time);

      private:
        TimePoint now_{};
        WallTime wall_{};
    };
    class Catch final : public engine::Tap {
      public:
        bool wants(std::string_view table) override;
        void graph_changed(const std::vector<std::string>&, const std::vector<std::string>&,
                           const std::vector<TableSpec>&) override {}
        void tick_begins(const engine::TickTime&, std::vector<engine::TappedInput>) override {}
        void tick_ends(std::vector<engine::TappedOutput> output, bool) override { output_ = std::move(output); }
        std::vector<engine::TappedOutput> take() { return std::exchange(output_, {}); }

      private:
        std::vector<engine::TappedOutput> output_;
    };
    /// A table of the recording.
    struct Known {
        std::string name, type;
        std::uint64_t schema = 0;
        bool input = false;
        TableSpec here;  ///< without a type: nobody here knows it
    };
    using ByKey = std::map<std::string, std::string, std::less<>>;  ///< packed rows

    Replay(std::string_view bytes, Here here, Facts facts, FrameReader reader);
    Result<void> prepare();
    Result<std::optional<Step>> try_step(const Until& until);
    Result<void> compare_places();
    Result<void> learn(const std::string& name);
    Result<void> check_tables();
    Result<const Known*> known(std::uint64_t number) const;
    void note(std::string text);

    Result<void> into_base(const std::vector<Rows>& tables);
    Result<void> use_inputs(const std::vector<std::uint64_t>& numbers);
    Result<void> change_graph(const std::vector<std::string_view>& added, const std::vector<std::string_view>& removed,
                              const std::vector<std::uint64_t>& inputs);
    Result<Step> run_base(const Base& base);
    Result<Step> run_tick(const Begin& begin);
    Result<std::size_t> post(const std::vector<Rows>& tables);
    Result<void> compare(const std::vector<Rows>& recorded, Step& step) const;
    Result<void> compare_base(Step& step) const;
    void add_difference(const Known* table, std::string_view name, std::string_view key,
                        std::optional<std::string_view> recorded, const RowPtr* replayed, Step& step) const;
    std::string rule_of(std::string_view table, std::string_view key) const;
    Result<std::optional<Frame>> next();

    std::string_view bytes_;
    Here here_;
    Facts facts_;
    FrameReader reader_;
    std::vector<std::string> notes_;
    std::map<std::uint64_t, Known> tables_;
    std::map<std::string, TableSpec, std::less<>> specs_;             ///< of all modules that are known here
    std::map<std::string, engine::ModuleSpec, std::less<>> modules_;  ///< learnt
    std::map<std::string, bool, std::less<>> of_modules_;             ///< inputs that come with a module
    std::map<std::string, bool, std::less<>> host_inputs_;            ///< added to the engine
    std::map<std::string, ByKey, std::less<>> base_;
    std::optional<Frame> ahead_;
    ReplayClock clock_;
    Catch catch_;
    std::unique_ptr<engine::Engine> engine_;
    bool based_ = false;
};

}  // namespace weft::record
