#include "engine/engine_impl.hpp"

#include <algorithm>

namespace weft::engine {

std::vector<RuleReport> Engine::Impl::rule_reports() const {
    std::vector<RuleReport> reports;
    for (const auto& stratum : strata) {
        for (const Node* node : stratum) {
            RuleReport& report = reports.emplace_back(node->counts);
            report.module = node->module;
            report.name = node->name;
            report.is_operator = node->is_operator();
            report.ready = node->active;
            report.stratum = node->stratum;
            report.instances = node->instances;
            if (node->is_operator()) report.evaluations = node->op->evaluations();
            for (const auto& cause : node->causes.entries())
                report.causes.push_back({text(cause), cause.count});
            std::stable_sort(report.causes.begin(), report.causes.end(),
                             [](const auto& a, const auto& b) { return a.runs > b.runs; });
            for (auto& run : node->slow.list(now))
                report.slow.push_back({std::move(run.key), std::move(run.cause), run.took});
        }
    }
    return reports;
}

std::string Engine::Impl::text(const CauseCounts::Entry& cause) const {
    const std::string& table = store.table(cause.table).name();
    switch (cause.kind) {
        case Cause::Kind::first_run: return "new " + table;
        case Cause::Kind::timer: return "timer";
        case Cause::Kind::bucket: return table + " (index)";
        case Cause::Kind::scan: return table + " (all rows)";
        case Cause::Kind::driver:
        case Cause::Kind::row: break;
    }
    return table;
}

std::vector<RuleLinks> Engine::Impl::rule_links() const {
    std::vector<RuleLinks> all;
    for (const auto& stratum : strata) {
        for (const Node* node : stratum) {
            RuleLinks& links = all.emplace_back();
            links.module = node->module;
            links.name = node->name;
            links.is_operator = node->is_operator();
            links.stratum = node->stratum;
            if (node->driver != nullptr) links.driver = node->driver->name();
            for (const Table* table : node->inputs)
                links.reads.push_back({table->name(), {}});
            for (const Node::Read& read : node->reads)
                links.reads.push_back({read.table->name(), read.index != nullptr ? read.index->name() : ""});
            for (const Table* table : node->writes)
                links.writes.push_back(table->name());
        }
    }
    return all;
}

std::vector<TableReport> Engine::Impl::table_reports() const {
    std::vector<TableReport> reports;
    for (const auto& table : store.tables()) {
        TableReport& report = reports.emplace_back();
        report.name = table->name();
        report.merge = table->merge();
        report.input = table->input;
        report.complete = table->complete;
        report.ready = table->ready && started;
        report.rows = table->rows;
        report.conflicts = table->conflicts;
        for (const auto& stratum : strata) {
            for (const Node* node : stratum) {
                const auto reads = [&](const Node::Read& read) { return read.table == table.get(); };
                if (node->driver == table.get() || std::any_of(node->reads.begin(), node->reads.end(), reads) ||
                    std::find(node->inputs.begin(), node->inputs.end(), table.get()) != node->inputs.end()) {
                    report.readers.push_back(node->full);
                }
                if (std::find(node->writes.begin(), node->writes.end(), table.get()) != node->writes.end()) {
                    report.writers.push_back(node->full);
                }
            }
        }
    }
    std::sort(reports.begin(), reports.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
    return reports;
}

std::string Engine::Impl::dot() const {
    const auto quote = [](std::string_view text) {
        std::string quoted = "\"";
        for (const char c : text) {
            if (c == '"' || c == '\\') quoted += '\\';
            quoted += c;
        }
        return quoted + "\"";
    };
    std::string text = "digraph weft {\n  rankdir=LR;\n  node [fontname=\"sans-serif\"];\n";
    for (const TableReport& table : table_reports()) {
        if (table.writers.empty() && table.readers.empty() && !table.input) continue;
        text += "  " + quote("t:" + table.name) +
                " [shape=box, label=" + quote(table.name + " (" + std::to_string(table.rows) + ")") +
                (table.input ? ", style=filled" : "") + "];\n";
    }
    for (const auto& stratum : strata) {
        for (const Node* node : stratum) {
            const std::string self = quote("r:" + node->full);
            text += "  " + self + " [shape=" + (node->is_operator() ? "hexagon" : "ellipse") +
                    ", label=" + quote(node->full + " @" + std::to_string(node->stratum)) + "];\n";
            if (node->driver != nullptr) {
                text += "  " + quote("t:" + node->driver->name()) + " -> " + self + " [penwidth=2];\n";
            }
            for (const Table* table : node->inputs)
                text += "  " + quote("t:" + table->name()) + " -> " + self + ";\n";
            for (const Node::Read& read : node->reads) {
                text += "  " + quote("t:" + read.table->name()) + " -> " + self;
                if (read.index != nullptr) text += " [label=" + quote("by " + read.index->name()) + "]";
                text += ";\n";
            }
            for (const Table* table : node->writes)
                text += "  " + self + " -> " + quote("t:" + table->name()) + ";\n";
        }
    }
    return text + "}\n";
}

}  // namespace weft::engine
