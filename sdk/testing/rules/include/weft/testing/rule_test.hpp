#pragma once

#include <weft/plugin/plugin.hpp>
#include <weft/tables/settings.hpp>
#include <weft/testing/row_set.hpp>

#include <map>
#include <optional>
#include <string>
#include <vector>

/// Tests of single rules: rows in, rows out, with no process, no database and no engine.
///
///   RuleTest rule(rules.rule("connect-pod"));
///   rule.given(own_node()).given(config());
///   const RuleResult result = rule.run(pod());
///   EXPECT_EQ(result.find<nb::LogicalSwitchPort>("web_p1")->addresses, ...);
namespace weft::testing {

/// What one run of a rule did.
struct RuleResult {
    RowSet rows;                         ///< what it put; of a run that waited or failed, nothing
    std::optional<std::string> waiting;  ///< the last reason
    std::optional<Error> failed;
    std::vector<Error> warnings;
    /// What it read: "Node/n1", "Pod[node=n1]", "HostAddress/*"; sorted.
    std::vector<std::string> reads;
    std::vector<TimePoint> deadlines;  ///< times that it asked for and that have not come

    template <TableTag Tag>
    std::vector<RowOf<Tag>> all() const {
        return rows.all<Tag>();
    }
    template <TableTag Tag>
    std::optional<RowOf<Tag>> find(const std::string& key) const {
        return rows.find<Tag>(key);
    }
    bool empty() const {
        for (const auto& [name, table] : rows.tables()) {
            if (!table.empty()) return false;
        }
        return true;
    }
    /// "table key JSON", a line a row: what a failing test prints.
    std::string text() const;
};

class RuleTest {
  public:
    explicit RuleTest(RuleSpec spec) : spec_(std::move(spec)) {}
    template <RuleType R>
    static RuleTest of() {
        return RuleTest(rule_spec<R>("rule under test", Role::both));
    }

    /// A row that the rule may read.
    template <Row T>
    RuleTest& given(T row) {
        rows_.put(std::move(row));
        return *this;
    }
    template <TableTag Tag>
    RuleTest& given_in(RowOf<Tag> row) {
        rows_.put_in<Tag>(std::move(row));
        return *this;
    }
    RuleTest& given(const RowSet& rows);
    RuleTest& at(TimePoint now) {
        now_ = now;
        return *this;
    }

    /// Runs the rule for a driver row. Putting two rows under one key, or into a table that the rule does not declare,
    /// is a mistake of the rule: throws std::logic_error.
    RuleResult run(const RowPtr& driver) const;
    template <Row T>
    RuleResult run(T driver) const {
        if constexpr (requires { driver.settle_key(); }) driver.settle_key();
        return run(RowPtr::make(std::move(driver)));
    }

    const RuleSpec& spec() const { return spec_; }

  private:
    RuleSpec spec_;
    RowSet rows_;
    TimePoint now_{};
};

/// All that a plugin declares.
class PluginRules {
  public:
    /// Throws std::runtime_error when declare() fails.
    explicit PluginRules(PluginHandle& plugin);

    template <class T>
    struct OfRole {
        Role role;
        T spec;
    };

    /// By name; throws std::out_of_range when there is none.
    const RuleSpec& rule(std::string_view name) const;
    const std::vector<RuleSpec>& rules() const { return rules_; }
    /// The claim that covers a row as it is in a database, or null; those that only adopt come last.
    template <Row T>
    const ovsdb::ClaimSpec* claim_on(const T& row) const {
        for (const bool adopt_only : {false, true}) {
            for (const auto& claim : claims_) {
                const bool same = claim.spec.adopt_only == adopt_only && claim.spec.type->same_as(row_type<T>());
                if (same && claim.spec.covers(&row)) return &claim.spec;
            }
        }
        return nullptr;
    }
    const std::vector<OfRole<ovsdb::ClaimSpec>>& claims() const { return claims_; }
    const std::vector<TableSpec>& extension_points() const { return extension_points_; }
    struct OperatorOf {
        std::string name;
        Role role;
        OperatorSpec spec;
    };
    const std::vector<OperatorOf>& operators() const { return operators_; }
    struct WatchOf {
        TableSpec table;
        WatchScope scope;
        Role role;
    };
    const std::vector<WatchOf>& watches() const { return watches_; }
    const std::vector<OfRole<ResourceSpec>>& resources() const { return resources_; }
    const std::vector<SettingSpec>& settings() const { return settings_; }
    const std::vector<OfRole<AccessSpec>>& accesses() const { return accesses_; }
    struct AdapterOf {
        std::string name;
        Role role;
        AdapterSpec spec;
    };
    const std::vector<AdapterOf>& adapters() const { return adapters_; }
    const std::vector<std::string>& annotation_prefixes() const { return annotation_prefixes_; }
    /// The rows of the plugin's section: `given` where a key is given, else its default. `name` is the plugin's. Throws
    /// std::runtime_error for a key that is not declared or a value that its check refuses.
    std::vector<tables::PluginSetting> settings_rows(const std::string& name,
                                                     const std::map<std::string, std::string>& given = {}) const;

  private:
    struct Collector;
    std::vector<RuleSpec> rules_;
    std::vector<OfRole<ovsdb::ClaimSpec>> claims_;
    std::vector<TableSpec> extension_points_;
    std::vector<OperatorOf> operators_;
    std::vector<WatchOf> watches_;
    std::vector<OfRole<ResourceSpec>> resources_;
    std::vector<SettingSpec> settings_;
    std::vector<OfRole<AccessSpec>> accesses_;
    std::vector<AdapterOf> adapters_;
    std::vector<std::string> annotation_prefixes_;
};

}  // namespace weft::testing
