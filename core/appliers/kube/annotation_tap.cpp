#include "appliers/kube/annotation_tap.hpp"

#include "base/shrink.hpp"

namespace weft::appliers {

namespace {

bool is_pods(std::string_view table) {
    return table == tables::Pod::table_name;
}
bool is_annotated(std::string_view table) {
    return is_pods(table) || table == tables::Node::table_name;
}

}  // namespace

void AnnotationTap::replace_all(std::string_view table, std::vector<RowPtr> rows) {
    if (is_pods(table)) held_.clear();
    next_.replace_all(table, std::move(rows));
    if (is_annotated(table)) applier_.observed_all(table);
}

void AnnotationTap::put(std::string_view table, RowPtr row, const RowPtr& before) {
    if (!is_annotated(table)) return next_.put(table, std::move(row), before);
    const auto at = is_pods(table) ? held_.find(row.key()) : held_.end();
    const RowPtr engine_has = at != held_.end() ? *at : before;
    if (is_pods(table) && applier_.take_echo(engine_has, row)) {
        ++echoes_;
        if (at == held_.end()) held_.insert(engine_has);
        return;
    }
    const RowPtr seen = row;
    next_.put(table, std::move(row), engine_has);
    if (at != held_.end()) held_.erase(at);
    tell(table, seen.key());
}

/// The key of a pod is its namespace and name, that of a node its name.
void AnnotationTap::tell(std::string_view table, std::string_view key) {
    const auto slash = key.find('/');
    const bool cluster_scoped = slash == std::string_view::npos;
    applier_.observed(table, cluster_scoped ? "" : key.substr(0, slash), cluster_scoped ? key : key.substr(slash + 1));
}

void AnnotationTap::erase(std::string_view table, std::string_view key) {
    if (is_pods(table)) {
        engine::erase(held_, key);
        shrink(held_);
    }
    next_.erase(table, key);
    if (is_annotated(table)) tell(table, key);
}

void AnnotationTap::complete(std::string_view table) {
    next_.complete(table);
    if (is_annotated(table)) applier_.observed_all(table);
}

}  // namespace weft::appliers
