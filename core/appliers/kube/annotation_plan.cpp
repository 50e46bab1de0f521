#include "appliers/kube/annotation_applier.hpp"
#include "appliers/kube/json_map.hpp"
#include "base/row_fields.hpp"
#include "kube/objects.hpp"

#include <algorithm>

namespace weft::appliers {

namespace {

constexpr std::string_view network_unavailable = "NetworkUnavailable";

bool is_condition(const RowPtr& row) {
    return row.type().name == tables::NodeCondition::table_name;
}

/// Everything that is wanted of one annotation. Looks into the rows.
struct Group {
    std::string_view annotation;
    std::optional<std::string_view> whole;
    bool whole_withdrawn = false;
    std::vector<SubKey> sub_keys;
};

/// By annotation. An object has one or two.
class Groups {
  public:
    void add(const RowPtr& row, bool withdrawn) {
        Group& group = of(row.read<&tables::Annotation::annotation>());
        const std::string_view sub_key = row.read<&tables::Annotation::sub_key>();
        const auto value = withdrawn ? std::nullopt : std::optional(row.read<&tables::Annotation::value>());
        if (!sub_key.empty()) {
            group.sub_keys.push_back({sub_key, value});
        } else if (withdrawn) {
            group.whole_withdrawn = true;
        } else {
            group.whole = value;
        }
    }
    const Group* find(std::string_view annotation) const {
        const auto at = std::find_if(groups_.begin(), groups_.end(),
                                     [&](const Group& group) { return group.annotation == annotation; });
        return at == groups_.end() ? nullptr : &*at;
    }
    std::size_t size() const { return groups_.size(); }
    auto begin() const { return groups_.begin(); }
    auto end() const { return groups_.end(); }

  private:
    Group& of(std::string_view annotation) {
        const auto at = std::lower_bound(groups_.begin(), groups_.end(), annotation,
                                         [](const Group& group, auto name) { return group.annotation < name; });
        if (at != groups_.end() && at->annotation == annotation) return *at;
        return *groups_.insert(at, {annotation, {}, false, {}});
    }

    std::vector<Group> groups_;
};

/// What the annotation should become, given what it is.
Result<Merged> wanted_text(const Group& group, std::optional<std::string_view> current, JsonDocument& parser) {
    if (group.whole) return Merged{!current || !same_annotation(*current, *group.whole), std::string(*group.whole)};
    if (group.sub_keys.empty()) return Merged{group.whole_withdrawn && current, std::nullopt};
    return merge_sub_keys(current, group.sub_keys, parser);
}

/// Is the new text of an annotation what we make of the old one?
bool is_wanted(const Group& group, std::optional<std::string_view> old_text, std::optional<std::string_view> new_text,
               JsonDocument& parser) {
    if (!old_text && !group.whole && is_just(*new_text, group.sub_keys)) return true;
    const auto wanted = wanted_text(group, old_text, parser);
    if (!wanted || wanted->text.has_value() != new_text.has_value()) return false;
    return !new_text || same_annotation(*wanted->text, *new_text);
}

std::optional<std::string_view> text_of(const tables::Annotations& annotations, std::string_view name) {
    const std::string* text = tables::find_annotation(annotations, name);
    return text == nullptr ? std::nullopt : std::optional<std::string_view>(*text);
}

template <class Row>
std::shared_ptr<Snapshot> snapshot_of_row(const RowPtr& row, std::uint64_t version, bool annotated) {
    auto snapshot = std::make_shared<Snapshot>();
    snapshot->uid = row.read<&Row::uid>();
    snapshot->version = version;
    snapshot->annotations = row.read<&Row::annotations>();
    snapshot->annotated = annotated || !snapshot->annotations.empty();
    return snapshot;
}

}  // namespace

std::shared_ptr<const Snapshot> AnnotationApplier::snapshot(Entry& entry, const Current& current) const {
    auto& busy = entry.second.busy;
    const bool present = current.presence == Current::Presence::present;
    if (busy && busy->fresh && present && current.version > busy->fresh->version) busy->fresh.reset();
    if (busy && busy->fresh) return busy->fresh;
    if (!present) return nullptr;
    if (current.row.type().name == tables::Node::table_name) {
        auto snapshot = snapshot_of_row<tables::Node>(current.row, current.version, current.annotated);
        snapshot->network_unavailable = current.row.read<&tables::Node::network_unavailable>();
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
    const auto add = [&](const RowPtr& row, bool withdrawn) {
        const std::string_view uid = row.read<&tables::Annotation::uid>();
        const bool other_object = !uid.empty() && !now.uid.empty() && uid != now.uid;
        if (!other_object) groups.add(row, withdrawn);
    };
    for (const auto& row : entry.second.desired) {
        if (!is_condition(row)) add(row, false);
    }
    if (entry.second.busy) {
        for (const auto& row : entry.second.busy->withdrawn) {
            if (is_condition(row)) continue;
            plan.removed.push_back(row);
            add(row, true);
        }
    }
    for (const Group& group : groups) {
        const std::string_view name = group.annotation;
        if (!now.all_annotations && !kube::keeps_annotation(name)) {
            plan.look_first = true;
            continue;
        }
        const auto current = text_of(now.annotations, name);
        auto wanted = wanted_text(group, current, parser_);
        if (!wanted) {
            if (!plan.fault)
                plan.fault = std::move(wanted).error().at("metadata.annotations[" + std::string(name) + "]");
            continue;
        }
        if (!wanted->changed) continue;
        AnnotationChange change;
        change.name = std::string(name);
        if (current) change.before = std::string(*current);
        change.after = std::move(wanted->text);
        change.shared = !group.sub_keys.empty() && !group.whole;
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

bool AnnotationApplier::take_echo(const RowPtr& before, const RowPtr& now) {
    if (!before || !now || before.type().name != now.type().name) return false;
    if (now.type().name != tables::Pod::table_name) return false;
    using tables::Pod;
    std::string key("Pod/");
    const auto at = works_.find(std::string_view(key.append(now.key())));
    if (at == works_.end() || !equal_but<&Pod::annotations>(before, now)) return false;
    Groups groups;
    for (const auto& row : at->second.desired) {
        if (!is_condition(row)) groups.add(row, false);
    }
    if (at->second.busy) {
        for (const auto& row : at->second.busy->withdrawn) {
            if (!is_condition(row)) groups.add(row, true);
        }
    }
    bool all_ours = true;
    std::size_t changed = 0;
    const auto look_at = [&](std::string_view name, std::optional<std::string_view> new_text) {
        const auto old_text = before.entry<&Pod::annotations>(name);
        if (!all_ours || old_text == new_text) return;
        const Group* group = groups.find(name);
        all_ours = group != nullptr && is_wanted(*group, old_text, new_text, parser_);
        ++changed;
    };
    each_entry<&Pod::annotations>(now, [&](std::string_view name, std::string_view text) { look_at(name, text); });
    each_entry<&Pod::annotations>(before, [&](std::string_view name, std::string_view) {
        if (!now.entry<&Pod::annotations>(name)) look_at(name, std::nullopt);
    });
    if (!all_ours) return false;
    changed == groups.size() ? echoed(*at) : observe(*at);
    return true;
}

}  // namespace weft::appliers
