#include "appliers/kube/annotation_applier.hpp"
#include "appliers/kube/json_map.hpp"
#include "kube/objects.hpp"

#include <algorithm>
#include <deque>
#include <map>

namespace weft::appliers {

namespace {

constexpr std::string_view network_unavailable = "NetworkUnavailable";

bool is_condition(const RowPtr& row) {
    return row.type().name == tables::NodeCondition::table_name;
}

/// Everything that is wanted of one annotation.
struct Group {
    const tables::Annotation* whole = nullptr;
    bool whole_withdrawn = false;
    std::vector<SubKey> sub_keys;
};

struct Groups {
    std::map<std::string_view, Group> by_annotation;
    std::deque<tables::Annotation> rows;  ///< that the groups look into
};

void add_to(Groups& groups, tables::Annotation wanted, bool withdrawn) {
    const tables::Annotation& row = groups.rows.emplace_back(std::move(wanted));
    Group& group = groups.by_annotation[row.annotation];
    if (!row.sub_key.empty()) {
        group.sub_keys.push_back({row.sub_key, withdrawn ? std::nullopt : std::optional<std::string_view>(row.value)});
    } else if (withdrawn) {
        group.whole_withdrawn = true;
    } else {
        group.whole = &row;
    }
}

/// What the annotation should become, given what it is.
Result<Merged> wanted_text(const Group& group, const std::string* current, JsonDocument& parser) {
    if (group.whole != nullptr) {
        return Merged{current == nullptr || !same_annotation(*current, group.whole->value), group.whole->value};
    }
    if (group.sub_keys.empty()) return Merged{group.whole_withdrawn && current != nullptr, std::nullopt};
    return merge_sub_keys(current, group.sub_keys, parser);
}

template <class Row>
bool equal_but_annotations(const Row& a, const Row& b) {
    return std::apply(
        [&](const auto&... f) { return ((f.name == "annotations" || a.*(f.member) == b.*(f.member)) && ...); },
        Row::fields());
}

template <class Row>
Snapshot snapshot_of_row(const RowPtr& row, std::uint64_t version, bool annotated) {
    Snapshot snapshot;
    snapshot.uid = row.read<&Row::uid>();
    snapshot.version = version;
    snapshot.annotations = row.read<&Row::annotations>();
    snapshot.annotated = annotated || !snapshot.annotations.empty();
    return snapshot;
}

}  // namespace

std::optional<Snapshot> AnnotationApplier::snapshot(Entry& entry, const Current& current) const {
    auto& busy = entry.second.busy;
    const bool present = current.presence == Current::Presence::present;
    if (busy && busy->fresh && present && current.version > busy->fresh->version) busy->fresh.reset();
    if (busy && busy->fresh) return busy->fresh;
    if (!present) return std::nullopt;
    if (current.row.type().name == tables::Node::table_name) {
        Snapshot snapshot = snapshot_of_row<tables::Node>(current.row, current.version, current.annotated);
        snapshot.network_unavailable = current.row.read<&tables::Node::network_unavailable>();
        return snapshot;
    }
    return snapshot_of_row<tables::Pod>(current.row, current.version, current.annotated);
}

/// From an object that the server sent: annotations that rows keep, and those that are ours to set.
Snapshot AnnotationApplier::read_object(const Entry& entry, JsonView object) const {
    const auto is_ours = [&](const auto& rows, std::string_view name) {
        return std::any_of(rows.begin(), rows.end(), [&](const RowPtr& row) {
            return !is_condition(row) && row.read<&tables::Annotation::annotation>() == name;
        });
    };
    const kube::ObjectMeta meta = kube::meta_of(object);
    Snapshot snapshot;
    snapshot.uid = std::string(meta.uid);
    snapshot.version = kube::version_number(meta.resource_version);
    snapshot.annotated = meta.has_annotations;
    snapshot.all_annotations = true;
    object["metadata"]["annotations"].members([&](std::string_view name, JsonView value) {
        const bool keep = kube::keeps_annotation(name) || is_ours(entry.second.desired, name) ||
                          (entry.second.busy && is_ours(entry.second.busy->withdrawn, name));
        if (keep) snapshot.annotations.emplace_back(name, value.string_or(""));
    });
    std::sort(snapshot.annotations.begin(), snapshot.annotations.end());
    return snapshot;
}

AnnotationApplier::Plan AnnotationApplier::plan(const Entry& entry, const Snapshot& now) const {
    Plan plan;
    plan_annotations(entry, now, plan);
    plan_conditions(entry, now, plan);
    return plan;
}

void AnnotationApplier::plan_annotations(const Entry& entry, const Snapshot& now, Plan& plan) const {
    Groups groups;
    const auto other_object = [&](const tables::Annotation& row) {
        return !row.uid.empty() && !now.uid.empty() && row.uid != now.uid;
    };
    for (const auto& row : entry.second.desired) {
        if (is_condition(row)) continue;
        if (auto wanted = row.as<tables::Annotation>(); !other_object(wanted)) add_to(groups, std::move(wanted), false);
    }
    if (entry.second.busy) {
        for (const auto& row : entry.second.busy->withdrawn) {
            if (is_condition(row)) continue;
            plan.removed.push_back(row);
            if (auto gone = row.as<tables::Annotation>(); !other_object(gone)) add_to(groups, std::move(gone), true);
        }
    }
    for (const auto& [name, group] : groups.by_annotation) {
        if (!now.all_annotations && !kube::keeps_annotation(name)) {
            plan.look_first = true;
            continue;
        }
        const std::string* current = tables::find_annotation(now.annotations, name);
        auto wanted = wanted_text(group, current, parser_);
        if (!wanted) {
            if (!plan.fault)
                plan.fault = std::move(wanted).error().at("metadata.annotations[" + std::string(name) + "]");
            continue;
        }
        if (!wanted->changed) continue;
        AnnotationChange change;
        change.name = std::string(name);
        if (current != nullptr) change.before = *current;
        change.after = wanted->text;
        change.shared = !group.sub_keys.empty() && group.whole == nullptr;
        plan.annotations.push_back(std::move(change));
    }
}

void AnnotationApplier::plan_conditions(const Entry& entry, const Snapshot& now, Plan& plan) const {
    const auto& known = entry.second.conditions;
    const auto find = [&](std::string_view type) -> const Condition* {
        if (!known) return nullptr;
        const auto at = std::find_if(known->begin(), known->end(), [&](const Condition& c) { return c.type == type; });
        return at == known->end() ? nullptr : &*at;
    };
    const auto consider = [&](const RowPtr& wanted, bool withdrawn) {
        const auto& row = wanted.as<tables::NodeCondition>();
        const RowPtr after = withdrawn ? RowPtr() : wanted;
        if (row.type == network_unavailable && now.network_unavailable) {
            // The row tells enough, and follows what others do.
            const bool holds = *now.network_unavailable;
            if (withdrawn ? holds : holds != (row.status == "True")) {
                plan.conditions.push_back({row.type, after, true});
            }
            return;
        }
        if (!known) {
            plan.look_first = true;
            return;
        }
        const Condition* there = find(row.type);
        if (withdrawn) {
            if (there != nullptr) plan.conditions.push_back({row.type, after, true});
        } else if (there == nullptr || there->status != row.status || there->reason != row.reason ||
                   there->message != row.message) {
            plan.conditions.push_back({row.type, after, there == nullptr || there->status != row.status});
        }
    };
    for (const auto& row : entry.second.desired) {
        if (is_condition(row)) consider(row, false);
    }
    if (!entry.second.busy) return;
    for (const auto& row : entry.second.busy->withdrawn) {
        if (!is_condition(row)) continue;
        plan.removed.push_back(row);
        consider(row, true);
    }
}

bool AnnotationApplier::is_own_echo(const RowPtr& before, const RowPtr& now) const {
    if (!before || !now || before.type().name != now.type().name) return false;
    if (now.type().name != tables::Pod::table_name) return false;
    const auto& old_pod = before.as<tables::Pod>();
    const auto& new_pod = now.as<tables::Pod>();
    const auto at = works_.find(std::string_view("Pod/" + new_pod.key.text));
    if (at == works_.end() || !equal_but_annotations(old_pod, new_pod)) return false;
    Groups groups;
    for (const auto& row : at->second.desired) {
        if (!is_condition(row)) add_to(groups, row.as<tables::Annotation>(), false);
    }
    if (at->second.busy) {
        for (const auto& row : at->second.busy->withdrawn) {
            if (!is_condition(row)) add_to(groups, row.as<tables::Annotation>(), true);
        }
    }
    const auto is_ours = [&](const std::string& name) {
        const std::string* old_text = tables::find_annotation(old_pod.annotations, name);
        const std::string* new_text = tables::find_annotation(new_pod.annotations, name);
        if (old_text != nullptr && new_text != nullptr && *old_text == *new_text) return true;
        const auto group = groups.by_annotation.find(name);
        if (group == groups.by_annotation.end()) return false;
        const auto wanted = wanted_text(group->second, old_text, parser_);
        if (!wanted || wanted->text.has_value() != (new_text != nullptr)) return false;
        return new_text == nullptr || same_annotation(*wanted->text, *new_text);
    };
    const auto all_ours = [&](const tables::Annotations& texts) {
        return std::all_of(texts.begin(), texts.end(), [&](const auto& text) { return is_ours(text.first); });
    };
    return all_ours(old_pod.annotations) && all_ours(new_pod.annotations);
}

}  // namespace weft::appliers
