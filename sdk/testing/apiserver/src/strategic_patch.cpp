#include "patch.hpp"

#include <algorithm>
#include <array>
#include <vector>

namespace weft::apiserver {

std::string_view merge_key(std::string_view kind, std::string_view list) {
    static constexpr std::array<std::pair<std::string_view, std::string_view>, 23> keys{{
        {"containers", "name"},
        {"initContainers", "name"},
        {"ephemeralContainers", "name"},
        {"volumes", "name"},
        {"env", "name"},
        {"imagePullSecrets", "name"},
        {"secrets", "name"},
        {"volumeMounts", "mountPath"},
        {"volumeDevices", "devicePath"},
        {"conditions", "type"},
        {"podIPs", "ip"},
        {"hostIPs", "ip"},
        {"hostAliases", "ip"},
        {"ownerReferences", "uid"},
        {"taints", "key"},
        {"readinessGates", "conditionType"},
        {"topologySpreadConstraints", "topologyKey"},
        {"schedulingGates", "name"},
        {"resourceClaims", "name"},
        {"finalizers", "*"},
        {"podCIDRs", "*"},
        {"loadBalancerSourceRanges", ""},
        {"volumesAttached", ""},
    }};
    if (list == "ports") {
        if (kind == "Service") return "port";
        bool has_containers = kind == "Pod" || kind == "Deployment" || kind == "DaemonSet" || kind == "ReplicaSet" ||
                              kind == "StatefulSet";
        return has_containers ? "containerPort" : "";
    }
    if (list == "addresses") return kind == "Node" ? "type" : "";
    if (list == "conditions" && kind == "EndpointSlice") return "";
    auto found = std::find_if(keys.begin(), keys.end(), [&](const auto& entry) { return entry.first == list; });
    return found == keys.end() ? std::string_view() : found->second;
}

namespace {

constexpr std::string_view order_prefix = "$setElementOrder/";
constexpr std::string_view delete_prefix = "$deleteFromPrimitiveList/";

/// The patch without its directives, for places where there is nothing to merge with.
Json plain(const Json& patch) {
    if (patch.is_array()) {
        Json out = Json::array();
        for (const auto& item : patch) {
            if (item.is_object() && item.contains("$patch") && item.at("$patch") != "merge") continue;
            out.push_back(plain(item));
        }
        return out;
    }
    if (!patch.is_object()) return patch;
    Json out = Json::object();
    for (const auto& [name, value] : patch.items()) {
        if (!name.starts_with('$') && !value.is_null()) out[name] = plain(value);
    }
    return out;
}

class Merge {
  public:
    explicit Merge(std::string_view kind) : kind_(kind) {}

    void maps(Json& target, const Json& patch) {
        auto directive = text_at(patch, {"$patch"});
        if (directive == "replace") {
            target = plain(patch);
            return;
        }
        if (directive == "delete") {
            target = Json::object();
            return;
        }
        retain(target, patch);
        for (const auto& [name, value] : patch.items()) {
            if (name.starts_with(delete_prefix)) {
                remove_scalars(target, name.substr(delete_prefix.size()), value);
            } else if (!name.starts_with('$')) {
                member(target, name, value);
            }
        }
        for (const auto& [name, value] : patch.items()) {
            if (name.starts_with(order_prefix)) order(target, name.substr(order_prefix.size()), value);
        }
    }

    Problem take_problem() { return std::move(problem_); }

  private:
    void member(Json& target, const std::string& name, const Json& value) {
        if (value.is_null()) {
            target.erase(name);
        } else if (value.is_object()) {
            Json& here = target[name];
            if (here.is_object()) {
                maps(here, value);
            } else {
                here = plain(value);
            }
        } else if (value.is_array()) {
            lists(target, name, value);
        } else {
            target[name] = value;
        }
    }

    void lists(Json& target, const std::string& name, const Json& patch) {
        auto key = merge_key(kind_, name);
        Json& list = target[name];
        bool replaced = std::any_of(patch.begin(), patch.end(),
                                    [](const Json& item) { return text_at(item, {"$patch"}) == "replace"; });
        if (key.empty() || replaced || !list.is_array()) {
            list = plain(patch);
            return;
        }
        for (const auto& item : patch) {
            if (key == "*") {
                if (std::find(list.begin(), list.end(), item) == list.end()) list.push_back(item);
            } else {
                element(list, item, key, name);
            }
        }
    }

    void element(Json& list, const Json& item, std::string_view key, const std::string& name) {
        const Json* id = find(item, {key});
        if (!id) {
            problem_ = bad_request("map: " + item.dump() + " does not contain declared merge key: " + std::string(key) +
                                   " (list " + name + ")");
            return;
        }
        auto same = [&](const Json& have) {
            const Json* its = find(have, {key});
            return its && *its == *id;
        };
        auto have = std::find_if(list.begin(), list.end(), same);
        if (text_at(item, {"$patch"}) == "delete") {
            if (have != list.end()) list.erase(have);
        } else if (have != list.end()) {
            maps(*have, item);
        } else {
            list.push_back(plain(item));
        }
    }

    static void remove_scalars(Json& target, const std::string& name, const Json& values) {
        if (!target.contains(name) || !target[name].is_array() || !values.is_array()) return;
        Json kept = Json::array();
        for (const auto& item : target[name]) {
            if (std::find(values.begin(), values.end(), item) == values.end()) kept.push_back(item);
        }
        target[name] = std::move(kept);
    }

    /// Elements that `wanted` lists come in its order, behind those that it does not know.
    void order(Json& target, const std::string& name, const Json& wanted) {
        auto key = merge_key(kind_, name);
        if (key.empty() || !wanted.is_array() || !target.contains(name) || !target[name].is_array()) return;
        auto place = [&](const Json& item) {
            auto found = std::find_if(wanted.begin(), wanted.end(), [&](const Json& w) {
                if (key == "*") return w == item;
                const Json* id = find(w, {key});
                const Json* its = find(item, {key});
                return id && its && *id == *its;
            });
            return found == wanted.end() ? -1 : found - wanted.begin();
        };
        std::vector<Json> items(target[name].begin(), target[name].end());
        std::stable_sort(items.begin(), items.end(), [&](const Json& a, const Json& b) { return place(a) < place(b); });
        target[name] = items;
    }

    static void retain(Json& target, const Json& patch) {
        const Json& keys = list_at(patch, {"$retainKeys"});
        if (keys.empty()) return;
        for (auto member = target.begin(); member != target.end();) {
            bool kept = std::find(keys.begin(), keys.end(), member.key()) != keys.end();
            member = kept ? std::next(member) : target.erase(member);
        }
    }

    std::string_view kind_;
    Problem problem_;
};

}  // namespace

Outcome<Json> strategic_merge_patch(Json document, const Json& patch, std::string_view kind) {
    if (!patch.is_object()) return bad_request("error decoding patch: a strategic merge patch is an object");
    Merge merge(kind);
    merge.maps(document, patch);
    if (auto problem = merge.take_problem()) return *std::move(problem);
    return document;
}

}  // namespace weft::apiserver
