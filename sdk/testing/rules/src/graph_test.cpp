#include "weft/testing/graph_test.hpp"

#include "engine/engine.hpp"
#include "ipam/ipam.hpp"
#include "ovsdb/table.hpp"
#include "weft/testing/rows_text.hpp"
#include "weft/testing/rule_test.hpp"

#include <weft/ovsdb/nb.hpp>
#include <weft/ovsdb/ovs.hpp>
#include <weft/ovsdb/sb.hpp>

#include <algorithm>
#include <map>
#include <set>
#include <stdexcept>

namespace weft::testing {

namespace {

engine::ModuleSpec module_of(std::string name, const PluginRules& rules) {
    engine::ModuleSpec module;
    module.name = std::move(name);
    module.rules = rules.rules();
    for (const auto& op : rules.operators())
        module.operators.push_back({op.name, op.role, op.spec});
    module.extension_points = rules.extension_points();
    return module;
}

engine::ModuleSpec allocators() {
    engine::ModuleSpec module;
    module.name = "ipam";
    module.operators = {{"addresses", Role::node, ipam::address_allocator()},
                        {"subnets", Role::cluster, ipam::subnet_allocator()},
                        {"ids", Role::cluster, ipam::id_allocator()}};
    for (const auto& op : module.operators) {
        for (const auto& input : op.spec.inputs) {
            if (!input.name.starts_with("replica/")) module.extension_points.push_back(input);
        }
    }
    return module;
}

/// The tables of a graph: what is read, and what is written.
struct Tables {
    std::map<std::string, TableSpec> read;
    std::map<std::string, TableSpec> written;

    void add(const engine::ModuleSpec& module, Role role) {
        const auto note = [](auto& tables, const TableSpec& table) { tables.emplace(table.name, table); };
        for (const auto& rule : module.rules) {
            if (!runs_in(rule.role, role)) continue;
            note(read, rule.driver);
            for (const auto& r : rule.reads)
                note(read, r.table);
            for (const auto& w : rule.writes)
                note(written, w);
        }
        for (const auto& op : module.operators) {
            if (!runs_in(op.role, role)) continue;
            for (const auto& input : op.spec.inputs)
                note(read, input);
            for (const auto& output : op.spec.outputs)
                note(written, output);
        }
        for (const auto& table : module.extension_points)
            note(written, table);
    }
};

void must(const Result<void>& result) {
    if (!result) throw std::runtime_error(result.error().text());
}

}  // namespace

struct GraphTest::Impl {
    std::vector<std::unique_ptr<PluginRules>> plugins;  // before the engine, which runs their code
    ManualClock clock;
    engine::Engine engine;
    Tables tables;
    std::set<std::string> inputs;
    std::set<std::string> held;  ///< inputs that are not complete
    engine::ChangeSet pending;
    bool started = false;

    explicit Impl(Role role) : engine({.role = role, .clock = &clock}) {}
};

GraphTest::GraphTest(const std::vector<PluginHandle*>& plugins, Role role) : impl_(std::make_unique<Impl>(role)) {
    std::vector<engine::ModuleSpec> modules;
    for (auto* plugin : plugins) {
        impl_->plugins.push_back(std::make_unique<PluginRules>(*plugin));
        modules.push_back(module_of("plugin-" + std::to_string(modules.size() + 1), *impl_->plugins.back()));
    }
    modules.push_back(allocators());
    for (const auto& module : modules)
        impl_->tables.add(module, role);
    for (const auto& [name, table] : impl_->tables.read) {
        if (impl_->tables.written.contains(name)) continue;
        must(impl_->engine.add_input(table));
        impl_->inputs.insert(name);
    }
    must(impl_->engine.change(std::move(modules), {}));
}

GraphTest::~GraphTest() = default;
GraphTest::GraphTest(GraphTest&&) noexcept = default;
GraphTest& GraphTest::operator=(GraphTest&&) noexcept = default;

void GraphTest::put(std::string_view table, RowPtr row) {
    if (impl_->inputs.contains(std::string(table))) impl_->pending.put(table, std::move(row));
}

void GraphTest::put(const RowSet& rows) {
    for (const auto& [name, table] : rows.tables()) {
        for (const auto& [key, row] : table)
            put(name, row);
    }
}

void GraphTest::erase(std::string_view table, std::string_view key) {
    if (impl_->inputs.contains(std::string(table))) impl_->pending.erase(table, key);
}

void GraphTest::hold(const std::string& table) {
    if (impl_->started) throw std::logic_error("an input that was complete stays so: hold it before the first run");
    if (!impl_->inputs.contains(table)) throw std::runtime_error("nobody reads an input table " + table);
    impl_->held.insert(table);
}

void GraphTest::release(const std::string& table) {
    if (impl_->held.erase(table) > 0 && impl_->started) impl_->pending.complete(table);
}

void GraphTest::advance(Duration by) {
    impl_->clock.advance(by);
}

std::size_t GraphTest::run() {
    if (!impl_->started) {
        for (const auto& input : impl_->inputs) {
            if (!impl_->held.contains(input)) impl_->pending.complete(input);
        }
        impl_->started = true;
    }
    impl_->engine.post(std::exchange(impl_->pending, {}));
    const std::size_t runs = impl_->engine.tick().runs;
    std::string wrong;
    for (const auto& d : impl_->engine.verify()) {
        wrong += "\n" + d.table + "/" + d.key + " of " + d.instance + ": " + d.what + "\n  recomputed: " + d.expected +
                 "\n  found:      " + d.found;
    }
    if (!wrong.empty()) throw std::logic_error("a recompute gives something else:" + wrong);
    return runs;
}

std::vector<RowPtr> GraphTest::rows(std::string_view table) const {
    return impl_->engine.rows(table);
}

RowPtr GraphTest::find(std::string_view table, std::string_view key) const {
    return impl_->engine.find(table, key);
}

std::vector<RuleStatus> GraphTest::statuses() const {
    std::vector<RuleStatus> out;
    for (const auto& row : rows(RuleStatus::table_name))
        out.push_back(row.as<RuleStatus>());
    return out;
}

std::vector<std::string> GraphTest::database(std::string_view name) const {
    const auto* info = ovsdb::find_database(name);
    if (!info) throw std::logic_error("no database " + std::string(name));
    std::vector<RowPtr> wanted;
    const auto add = [&](std::string_view table) {
        const auto found = rows(table);
        wanted.insert(wanted.end(), found.begin(), found.end());
    };
    for (const auto& table : info->tables())
        add(table->table_name);
    if (name == nb::Northbound::name) add(nb::Member::table_name), add(nb::ForeignColumn::table_name);
    if (name == sb::Southbound::name) add(sb::Member::table_name), add(sb::ForeignColumn::table_name);
    if (name == ovs::Vswitch::name) add(ovs::Member::table_name), add(ovs::ForeignColumn::table_name);
    return database_text(name, wanted);
}

std::vector<std::string> GraphTest::everything() const {
    std::vector<std::string> out;
    for (const auto* info : {&ovsdb::nb_database(), &ovsdb::sb_database(), &ovsdb::ovs_database()}) {
        for (auto& line : database(info->name()))
            out.push_back(std::string(info->name()) + " " + std::move(line));
    }
    const auto is_of_a_database = [](std::string_view table) {
        for (const auto* info : {&ovsdb::nb_database(), &ovsdb::sb_database(), &ovsdb::ovs_database()}) {
            if (info->table(table)) return true;
        }
        return table.ends_with("Member") || table.ends_with("ForeignColumn");
    };
    for (const auto& [name, table] : impl_->tables.written) {
        if (impl_->tables.read.contains(name) || is_of_a_database(name)) continue;
        for (const auto& row : rows(name))
            out.push_back(name + " " + row.json());
    }
    for (const auto& status : statuses()) {
        out.push_back(std::string(to_string(status.state)) + " " + status.rule + " " + status.driver + ": " +
                      status.error().text());
    }
    return out;
}

}  // namespace weft::testing
