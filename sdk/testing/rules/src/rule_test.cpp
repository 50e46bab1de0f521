#include "weft/testing/rule_test.hpp"

#include <algorithm>
#include <stdexcept>

namespace weft::testing {

namespace {

/// Answers from a RowSet and notes what was asked.
class FakeReader final : public detail::ReaderCore {
  public:
    FakeReader(const RuleSpec& spec, const RowSet& rows, TimePoint now, RuleResult& result)
        : spec_(spec),
          rows_(rows),
          now_(now),
          result_(result) {}

    const void* find(std::size_t slot, std::string_view key) override {
        note(slot, "/" + std::string(key));
        const auto& table = table_of(slot);
        const auto at = table.find(std::string(key));
        return at == table.end() ? nullptr : open(at->second);
    }
    void bucket(std::size_t slot, std::string_view value, void* context,
                void (*visit)(void* context, const void* row)) override {
        const IndexSpec& index = spec_.reads.at(slot).index;
        note(slot, "[" + std::string(index.name) + "=" + std::string(value) + "]");
        for (const auto& [key, row] : table_of(slot)) {
            const void* open_row = open(row);
            const std::string text = index.of(open_row);
            if (!text.empty() && text == value) visit(context, open_row);
        }
    }
    void scan(std::size_t slot, void* context, void (*visit)(void* context, const void* row)) override {
        note(slot, "/*");
        for (const auto& [key, row] : table_of(slot))
            visit(context, open(row));
    }
    bool passed(TimePoint when) override {
        if (now_ >= when) return true;
        result_.deadlines.push_back(when);
        return false;
    }
    void list(std::size_t slot, std::string_view key, void* context,
              void (*visit)(void* context, const void* row)) override {
        if (const void* row = find(slot, key)) visit(context, row);
    }

  private:
    const void* open(const RowPtr& row) { return std::as_const(open_.emplace_back(row.open())).get(); }
    const RowSet::Table& table_of(std::size_t slot) const { return rows_.table(spec_.reads.at(slot).table.name); }
    void note(std::size_t slot, const std::string& what) {
        std::string read = std::string(spec_.reads.at(slot).table.name) + what;
        auto& reads = result_.reads;
        const auto at = std::lower_bound(reads.begin(), reads.end(), read);
        if (at == reads.end() || *at != read) reads.insert(at, std::move(read));
    }

    const RuleSpec& spec_;
    const RowSet& rows_;
    TimePoint now_;
    RuleResult& result_;
    std::vector<OpenRow> open_;  ///< what the rule was shown
};

class FakeDesired final : public detail::DesiredCore {
  public:
    FakeDesired(const RuleSpec& spec, RuleResult& result) : spec_(spec), result_(result) {}

    void put(std::size_t slot, RowPtr row) override {
        const TableSpec& table = spec_.writes.at(slot);
        const auto& rows = result_.rows.table(table.name);
        const auto there = rows.find(std::string(row.key()));
        if (there != rows.end() && !there->second.equals(row)) {
            // Not thrown here: this is called from inside the rule, which must not throw through.
            mistake = spec_.name + " puts two rows under key \"" + std::string(row.key()) + "\" into " +
                      std::string(table.name);
        }
        if (row.key().empty()) mistake = spec_.name + " puts a row without a key into " + std::string(table.name);
        result_.rows.put(table.name, std::move(row));
    }
    void wait(std::string reason) override { result_.waiting = std::move(reason); }
    void fail(Error error) override { result_.failed = std::move(error); }
    void warn(Error error) override { result_.warnings.push_back(std::move(error)); }

    std::string mistake;

  private:
    const RuleSpec& spec_;
    RuleResult& result_;
};

}  // namespace

std::string RuleResult::text() const {
    std::string out;
    if (waiting) out += "waits: " + *waiting + "\n";
    if (failed) out += "failed: " + failed->text() + "\n";
    for (const auto& warning : warnings)
        out += "warns: " + warning.text() + "\n";
    for (const auto& [name, table] : rows.tables()) {
        for (const auto& [key, row] : table)
            out.append(name).append(" ").append(key).append(" ").append(row.json()).append("\n");
    }
    return out;
}

RuleTest& RuleTest::given(const RowSet& rows) {
    for (const auto& [name, table] : rows.tables()) {
        for (const auto& [key, row] : table)
            rows_.put(name, row);
    }
    return *this;
}

RuleResult RuleTest::run(const RowPtr& driver) const {
    if (!driver.type().same_as(*spec_.driver.type)) {
        throw std::logic_error(spec_.name + " is driven by " + std::string(spec_.driver.name) + ", not by " +
                               std::string(driver.type().name));
    }
    RuleResult result;
    FakeReader reader(spec_, rows_, now_, result);
    FakeDesired desired(spec_, result);
    const OpenRow open = driver.open();
    spec_.derive(open.get(), reader, desired);
    if (!desired.mistake.empty()) throw std::logic_error(desired.mistake);
    if (result.waiting || result.failed) result.rows = {};
    return result;
}

struct PluginRules::Collector final : detail::DeclareCore {
    explicit Collector(PluginRules& to) : rules(to) {}
    void rule(RuleSpec rule) override { rules.rules_.push_back(std::move(rule)); }
    void extension_point(TableSpec table) override { rules.extension_points_.push_back(table); }
    void op(std::string name, Role role, OperatorSpec spec) override {
        rules.operators_.push_back({std::move(name), role, std::move(spec)});
    }
    void adapter(std::string name, Role role, AdapterSpec spec) override {
        rules.adapters_.push_back({std::move(name), role, std::move(spec)});
    }
    void claim(Role role, ovsdb::ClaimSpec claim) override { rules.claims_.push_back({role, std::move(claim)}); }
    void watch(TableSpec table, WatchScope scope, Role role) override {
        rules.watches_.push_back({table, scope, role});
    }
    void resource(ResourceSpec resource, WatchScope, Role role) override {
        rules.resources_.push_back({role, std::move(resource)});
    }
    void setting(SettingSpec setting) override { rules.settings_.push_back(std::move(setting)); }
    void access(AccessSpec access, Role role) override { rules.accesses_.push_back({role, std::move(access)}); }
    void annotations(std::string prefix) override { rules.annotation_prefixes_.push_back(std::move(prefix)); }
    void subject(std::string, Role) override {}
    PluginRules& rules;
};

PluginRules::PluginRules(PluginHandle& plugin) {
    Collector collector(*this);
    Declare declare(collector);
    if (const auto declared = plugin.declare(declare); !declared) throw std::runtime_error(declared.error().text());
}

const RuleSpec& PluginRules::rule(std::string_view name) const {
    const auto at = std::find_if(rules_.begin(), rules_.end(), [&](const auto& rule) { return rule.name == name; });
    if (at == rules_.end()) throw std::out_of_range("there is no rule " + std::string(name));
    return *at;
}

std::vector<tables::PluginSetting> PluginRules::settings_rows(const std::string& name,
                                                              const std::map<std::string, std::string>& given) const {
    std::vector<tables::PluginSetting> rows;
    std::size_t used = 0;
    for (const auto& setting : settings_) {
        const auto at = given.find(setting.key);
        const bool is_given = at != given.end();
        if (is_given) ++used;
        const std::string& value = is_given ? at->second : setting.fallback;
        if (setting.check) {
            if (const auto good = setting.check(value); !good)
                throw std::runtime_error("[plugin." + name + "] " + setting.key + ": " + good.error().text());
        }
        rows.push_back({Key<tables::PluginSetting>{name, setting.key}, value});
    }
    if (used != given.size()) throw std::runtime_error("[plugin." + name + "]: a key is given that is not declared");
    return rows;
}

}  // namespace weft::testing
