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
        }
    }
    return reports;
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

Explanation Engine::Impl::explain(std::string_view table, std::string_view key) const {
    Explanation result;
    const Table* known = store.find_table(table);
    const CellId id = known != nullptr ? store.find(*known, key) : 0;
    if (known != nullptr) result.input = known->input;
    if (id == 0) return result;
    const Cell& cell = store.cells[id];
    result.present = cell.present;
    if (cell.present) result.row = cell.holder;
    if (!cell.present || cell.owner == 0) return result;
    for (const Put& put : owners.puts(id)) {
        const Instance& instance = store.instances[put.instance];
        const Node& node = *nodes[instance.node];
        OwnerReport& owner = result.owners.emplace_back();
        owner.module = node.module;
        owner.rule = node.name;
        if (node.is_operator()) {
            owner.owns = true;
            continue;
        }
        owner.owns = put.instance == cell.owner || known->merge() == Merge::ordered || put.row.equals(cell.holder);
        if (known->merge() == Merge::exclusive) owner.owns = put.instance == cell.owner;
        owner.driver_table = node.driver->name();
        owner.driver = store.key(instance.driver);
        if (instance.has_status) {
            const auto status = engine.find(RuleStatus::table_name, statuses.key(put.instance));
            owner.state = to_string(status.as<RuleStatus>().state);
            owner.what = status.as<RuleStatus>().error().text();
        }
        for (const ReadLink& link : instance.reads) {
            const Source& source = store.sources[link.source];
            ReadReport& read = owner.reads.emplace_back();
            read.kind = static_cast<ReadReport::Kind>(source.kind);
            switch (source.kind) {
                case Source::Kind::row: {
                    const Cell& target = store.cells[source.target];
                    read.table = store.table(target.table).name();
                    read.key = target.holder.key();
                    read.present = target.present;
                    break;
                }
                case Source::Kind::bucket: {
                    const Bucket& bucket = store.buckets[source.target];
                    read.table = bucket.index->table().name();
                    read.index = bucket.index->name();
                    read.key = bucket.value;
                    read.present = bucket.cells.size() > 0;
                    break;
                }
                case Source::Kind::scan:
                    read.table = store.table(static_cast<std::uint16_t>(source.target)).name();
                    read.present = store.table(static_cast<std::uint16_t>(source.target)).rows > 0;
            }
        }
    }
    return result;
}

}  // namespace weft::engine
