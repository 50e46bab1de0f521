#include "appliers/kube/annotation_tap.hpp"

namespace weft::appliers {

AnnotationTap::Held* AnnotationTap::held_of(std::string_view table) {
    if (table == tables::Pod::table_name) return &pods_;
    if (table == tables::Node::table_name) return &nodes_;
    return nullptr;
}

void AnnotationTap::replace_all(std::string_view table, std::vector<RowPtr> rows) {
    Held* held = held_of(table);
    if (held != nullptr) held->clear();
    next_.replace_all(table, std::move(rows));
    if (held != nullptr) applier_.observed_all(table);
}

void AnnotationTap::put(std::string_view table, RowPtr row, const RowPtr& before) {
    Held* held = held_of(table);
    if (held == nullptr) return next_.put(table, std::move(row), before);
    const auto at = held->find(row.key());
    const RowPtr engine_has = at != held->end() ? at->second : before;
    if (applier_.is_own_echo(engine_has, row)) {
        ++echoes_;
        if (at == held->end()) held->emplace(std::string(row.key()), engine_has);
    } else {
        if (at != held->end()) held->erase(at);
        next_.put(table, row, engine_has);
    }
    const ObjectRef object = row.type().object(row.get());
    applier_.observed(object.kind, object.ns, object.name);
}

void AnnotationTap::erase(std::string_view table, std::string_view key) {
    Held* held = held_of(table);
    if (held != nullptr) {
        if (const auto at = held->find(key); at != held->end()) held->erase(at);
    }
    next_.erase(table, key);
    if (held == nullptr) return;
    const auto slash = key.find('/');
    const bool cluster_scoped = slash == std::string_view::npos;
    applier_.observed(table, cluster_scoped ? "" : key.substr(0, slash), cluster_scoped ? key : key.substr(slash + 1));
}

void AnnotationTap::complete(std::string_view table) {
    next_.complete(table);
    if (held_of(table) != nullptr) applier_.observed_all(table);
}

}  // namespace weft::appliers
