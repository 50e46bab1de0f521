#include "weft/testing/scenario.hpp"

#include "appliers/kube/json_map.hpp"
#include "weft/testing/graph_test.hpp"
#include "weft/testing/render.hpp"
#include "weft/testing/rule_test.hpp"

#include <weft/base/json.hpp>
#include <weft/tables/kube.hpp>
#include <weft/tables/settings.hpp>

#include <algorithm>
#include <exception>
#include <fstream>
#include <map>
#include <memory>
#include <set>
#include <sstream>
#include <stdexcept>
#include <vector>

namespace weft::testing {

namespace {

/// What is wrong with a line, or with what it expects.
struct Mistake : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// Words, and what is left of the line.
class Line {
  public:
    explicit Line(std::string text) : rest_(std::move(text)) {}

    std::string word() {
        trim();
        const auto end = std::min(rest_.find_first_of(" \t"), rest_.size());
        std::string taken = rest_.substr(0, end);
        rest_.erase(0, end);
        return taken;
    }
    std::string need(const std::string& what) {
        std::string taken = word();
        if (taken.empty()) throw Mistake("here should be " + what);
        return taken;
    }
    std::string rest() {
        trim();
        return std::exchange(rest_, {});
    }
    void end() {
        if (const std::string left = rest(); !left.empty()) throw Mistake("too much: \"" + left + "\"");
    }

  private:
    void trim() { rest_.erase(0, std::min(rest_.find_first_not_of(" \t"), rest_.size())); }
    std::string rest_;
};

/// Are all members of `part` in `whole`, with the same values? Objects within may hold more, too.
bool holds(JsonView whole, JsonView part) {
    if (!part.is_object()) return appliers::json_equal(whole, part);
    bool all = whole.is_object();
    part.members([&](std::string_view name, JsonView value) { all = all && holds(whole[name], value); });
    return all;
}

JsonDocument parse_json(const std::string& text) {
    auto document = JsonDocument::parse(text);
    if (!document) throw Mistake("this is no JSON: " + document.error().text());
    return *std::move(document);
}

std::string listed(const std::vector<std::string>& lines) {
    if (lines.empty()) return "\n  (nothing)";
    std::string out;
    for (const auto& line : lines)
        out += "\n  " + line;
    return out;
}

class Scenario {
  public:
    explicit Scenario(const ScenarioPlugin& plugin)
        : plugin_(plugin),
          rules_(*plugin.handle),
          kinds_(ObjectKinds::of({plugin.handle})) {}

    /// One line that is neither empty nor a comment; `block` are the lines up to "end", for commands that have some.
    void step(const std::string& text, const std::string& block) {
        Line line(text);
        const std::string command = line.need("a command");
        const auto at = commands().find(command);
        if (at == commands().end()) throw Mistake("unknown command \"" + command + "\"");
        (this->*(at->second))(line, block);
    }
    static bool has_block(const std::string& text) { return Line(text).word() == "apply"; }

  private:
    using Command = void (Scenario::*)(Line& line, const std::string& block);
    static const std::map<std::string, Command>& commands() {
        static const std::map<std::string, Command> list{{"role", &Scenario::role},   {"node", &Scenario::node},
                                                         {"set", &Scenario::set},     {"setting", &Scenario::setting},
                                                         {"apply", &Scenario::apply}, {"delete", &Scenario::remove},
                                                         {"pass", &Scenario::pass},   {"break", &Scenario::do_break},
                                                         {"mend", &Scenario::mend},   {"expect", &Scenario::expect}};
        return list;
    }

    void role(Line& line, const std::string&) {
        const std::string name = line.need("cluster or node");
        if (name != "cluster" && name != "node") throw Mistake("a role is cluster or node, not \"" + name + "\"");
        role_ = name == "cluster" ? Role::cluster : Role::node;
        line.end();
        graph_.reset();
    }
    void node(Line& line, const std::string&) {
        world_.node = line.need("the name of a node");
        line.end();
        graph_.reset();
    }
    /// A setting of the network, as in a render case.
    void set(Line& line, const std::string&) {
        world_.set(line.rest());
        if (graph_) put_settings();
    }
    /// A key of the plugin's section, which a reload brings.
    void setting(Line& line, const std::string&) {
        const std::string key = line.need("a key");
        settings_[key] = line.rest();
        put_plugin_settings();
    }

    void apply(Line& line, const std::string& block) {
        line.end();
        const ReadObjects read = read_objects(block, kinds_);
        if (read.objects.empty()) throw Mistake("there is no object of a kind that this plugin or weft reads");
        for (const auto& object : read.objects)
            malformed_.erase(name_of(object));
        for (const auto& [object, error] : read.malformed)
            malformed_[name_of(object)] = error;  // the row stays as it was
        for (const auto& [table, rows] : read.rows.tables()) {
            for (const auto& [key, row] : rows) {
                world_.objects.put(table, row);
                if (graph_ && is_seen(table, row)) graph_->put(table, row);
            }
        }
    }
    void remove(Line& line, const std::string&) {
        const std::string kind = line.need("a kind");
        const std::string object = kind + " " + line.need("a name");
        line.end();
        bool found = malformed_.erase(object) > 0;
        const RowSet before = world_.objects;
        for (const auto& [table, rows] : before.tables()) {
            for (const auto& [key, row] : rows) {
                if (name_of(row.object()) != object) continue;
                found = true;
                world_.objects.erase(table, key);
                if (graph_) graph_->erase(table, key);
            }
        }
        if (!found) throw Mistake("there is no " + object);
    }
    void pass(Line& line, const std::string&) {
        const std::string number = line.need("seconds");
        line.end();
        if (number.find_first_not_of("0123456789") != std::string::npos || number.size() > 9)
            throw Mistake("\"" + number + "\" is no number of seconds");
        graph().advance(std::chrono::seconds(std::stol(number)));
    }

    // break, mend
    // ------------------------------------------------------------------------------------------------------

    void do_break(Line& line, const std::string&) {
        const std::string what = line.need("restart, plugin or input TABLE");
        if (what == "restart") {
            line.end();
            const auto before = everything();
            graph_.reset();
            const auto after = everything();
            if (before != after) throw Mistake("after a restart something else is wanted:" + listed(after));
        } else if (what == "plugin") {
            line.end();
            off_ = true;
            graph_.reset();
        } else if (what == "input") {
            held_.insert(line.need("a table"));
            line.end();
            graph_.reset();
            graph();
        } else {
            throw Mistake("break takes restart, plugin or input TABLE, not \"" + what + "\"");
        }
    }
    void mend(Line& line, const std::string&) {
        const std::string what = line.need("plugin or input TABLE");
        if (what == "plugin") {
            off_ = false;
            graph_.reset();
        } else if (what == "input") {
            const std::string table = line.need("a table");
            if (held_.erase(table) == 0) throw Mistake("input " + table + " is not broken");
            graph().release(table);
        } else {
            throw Mistake("mend takes plugin or input TABLE, not \"" + what + "\"");
        }
        line.end();
    }

    // expect
    // -----------------------------------------------------------------------------------------------------------

    void expect(Line& line, const std::string&) {
        std::string what = line.need("what is expected");
        const bool negated = what == "no";
        if (negated) what = line.need("what is not expected");
        run();
        if (what == "row") return expect_row(line, negated);
        if (what == "rows") return expect_rows(line, negated);
        if (what == "status") return expect_status(line, negated);
        if (what == "malformed") return expect_malformed(line, negated);
        if (what == "nothing" && !negated) return expect_nothing(line);
        throw Mistake("expect takes [no] row, rows, status, malformed or nothing, not \"" + what + "\"");
    }
    /// Rows of a table, or lines of a database, as JSON.
    std::vector<std::string> rows_of(const std::string& table) {
        if (table == "OVN_Northbound" || table == "OVN_Southbound" || table == "Open_vSwitch")
            return graph().database(table);
        std::vector<std::string> rows;
        for (const auto& row : graph().rows(table))
            rows.push_back(row.json());
        return rows;
    }
    void expect_row(Line& line, bool negated) {
        const std::string table = line.need("a table or database");
        const std::string wanted = line.rest();
        const auto part = parse_json(wanted.empty() ? "{}" : wanted);
        const auto rows = rows_of(table);
        const bool found = std::any_of(rows.begin(), rows.end(),
                                       [&](const auto& row) { return holds(parse_json(row).root(), part.root()); });
        if (found == negated)
            throw Mistake((negated ? "there is such a row:" : "there is no such row, but") + listed(rows));
    }
    void expect_rows(Line& line, bool negated) {
        const std::string table = line.need("a table or database");
        const std::string count = negated ? "0" : line.need("a number");
        line.end();
        const auto rows = rows_of(table);
        if (std::to_string(rows.size()) != count)
            throw Mistake("there are " + std::to_string(rows.size()) + " rows:" + listed(rows));
    }
    void expect_status(Line& line, bool negated) {
        const std::string state = line.word();
        if (!negated && state.empty()) throw Mistake("here should be a state: failed, conflict, waiting or warning");
        const std::string rule = line.word();
        const std::string text = line.rest();
        std::vector<std::string> all;
        bool found = false;
        for (const auto& status : graph().statuses()) {
            const std::string shown = std::string(to_string(status.state)) + " " + status.rule + " " + status.driver +
                                      ": " + status.error().text();
            all.push_back(shown);
            found |= (state.empty() || state == to_string(status.state)) && (rule.empty() || rule == status.rule) &&
                     shown.find(text) != std::string::npos;
        }
        if (found == negated)
            throw Mistake((negated ? "there is such a status:" : "there is no such status, but") + listed(all));
    }
    void expect_malformed(Line& line, bool negated) {
        const std::string kind = line.word();
        const std::string wanted = kind + " " + line.word();
        const std::string text = line.rest();
        std::vector<std::string> all;
        bool found = false;
        for (const auto& [object, error] : malformed_) {
            all.push_back(object + ": " + error.text());
            found |= (kind.empty() || object == wanted) && error.text().find(text) != std::string::npos;
        }
        if (found == negated) throw Mistake((negated ? "there is one:" : "there is none such, but") + listed(all));
    }
    void expect_nothing(Line& line) {
        line.end();
        if (const auto all = everything(); !all.empty()) throw Mistake("something is wanted:" + listed(all));
    }

    // The graph
    // --------------------------------------------------------------------------------------------------------

    static std::string name_of(const ObjectRef& object) {
        return object.kind + " " + (object.ns.empty() ? "" : object.ns + "/") + object.name;
    }
    /// A node sees its own pods only.
    bool is_seen(const std::string& table, const RowPtr& row) const {
        return role_ == Role::cluster || table != tables::Pod::table_name || row.as<tables::Pod>().node == world_.node;
    }
    void put_settings() {
        graph_->put(world_.config);
        for (const auto& feature : world_.ovn_features)
            graph_->put(tables::OvnFeature{Key<tables::OvnFeature>{feature}});
        graph_->put(world_.more);
        if (role_ == Role::node) graph_->put(tables::LocalNode{.name = world_.node});
    }
    void put_plugin_settings() {
        const auto rows = rules_.settings_rows(plugin_.name, settings_);
        for (const auto& row : rows) {
            if (graph_) graph_->put(row);
        }
    }
    /// Made when first asked for, and again after what breaks it.
    GraphTest& graph() {
        if (graph_) return *graph_;
        std::vector<PluginHandle*> plugins;
        if (!off_) plugins.push_back(plugin_.handle);
        graph_ = std::make_unique<GraphTest>(plugins, role_);
        for (const auto& table : held_)
            graph_->hold(table);
        put_settings();
        put_plugin_settings();
        for (const auto& [table, rows] : world_.objects.tables()) {
            for (const auto& [key, row] : rows) {
                if (is_seen(table, row)) graph_->put(table, row);
            }
        }
        return *graph_;
    }
    void run() { graph().run(); }
    std::vector<std::string> everything() {
        run();
        return graph().everything();
    }

    const ScenarioPlugin& plugin_;
    PluginRules rules_;
    ObjectKinds kinds_;
    Role role_ = Role::node;
    RenderCase world_;
    std::map<std::string, std::string> settings_;
    std::map<std::string, Error> malformed_;
    std::set<std::string> held_;
    bool off_ = false;
    std::unique_ptr<GraphTest> graph_;
};

/// The lines up to "end".
std::string take_block(std::istringstream& in, std::size_t& number) {
    std::string block;
    for (std::string line; std::getline(in, line);) {
        ++number;
        if (line == "end") return block;
        block += line + "\n";
    }
    throw Mistake("the \"end\" of this block is missing");
}

}  // namespace

Result<void> run_scenario(std::string_view text, const std::string& name, const ScenarioPlugin& plugin) {
    std::istringstream in{std::string(text)};
    std::size_t number = 0;
    std::size_t at = 0;
    try {
        Scenario scenario(plugin);
        for (std::string line; std::getline(in, line);) {
            at = ++number;
            const auto start = line.find_first_not_of(" \t\r");
            if (start == std::string::npos || line[start] == '#') continue;
            scenario.step(line, Scenario::has_block(line) ? take_block(in, number) : std::string());
        }
    } catch (const std::exception& e) {
        return Error{ErrorKind::invalid, e.what(), name + ":" + std::to_string(at), {}};
    }
    return {};
}

Result<void> run_scenario_file(const std::string& path, const ScenarioPlugin& plugin) {
    std::ifstream file(path);
    if (!file) return Error{ErrorKind::invalid, "can't be read", path, {}};
    std::ostringstream text;
    text << file.rdbuf();
    return run_scenario(text.str(), path, plugin);
}

}  // namespace weft::testing
