#pragma once

#include "extension.hpp"

#include <weft/base/json.hpp>
#include <weft/base/result.hpp>
#include <weft/engine/operator.hpp>
#include <weft/engine/rule.hpp>
#include <weft/ovsdb/nb.hpp>
#include <weft/tables/kube.hpp>
#include <weft/tables/metric.hpp>
#include <weft/tables/object_status.hpp>
#include <weft/tables/settings.hpp>

#include <memory>
#include <string>

/// PodGroup objects become Port_Groups: their members are the ports of the pods that a selector selects, and the
/// address of a named peer, which a file says, stands in their external_ids.
namespace pod_groups {

/// The custom resource.
struct PodGroup {
    static constexpr std::string_view table_name = "pod-groups/PodGroup";

    weft::Key<PodGroup> key;  ///< namespace/name
    std::string ns;
    std::string name;
    std::string uid;
    weft::LabelSelector pods;
    std::string peer;  ///< a name; empty: none

    static weft::ObjectRef object(const PodGroup& g) { return {"PodGroup", g.ns, g.name, g.uid}; }
    static constexpr auto fields() {
        return std::tuple{weft::field("key", &PodGroup::key),   weft::field("ns", &PodGroup::ns),
                          weft::field("name", &PodGroup::name), weft::field("uid", &PodGroup::uid),
                          weft::field("pods", &PodGroup::pods), weft::field("peer", &PodGroup::peer)};
    }
};
weft::Result<weft::RowPtr> parse_group(weft::JsonView object);

/// The pods that groups select.
struct GroupPods {
    using Target = weft::tables::Pod;
    static constexpr std::string_view selection_name = "pod-groups/selector";
    static constexpr std::string_view member_table = "pod-groups/selected";
};
weft::SelectorOf<GroupPods> selector_of(const PodGroup& group);

/// Groups by their selector: several may have the same.
struct GroupsBySelector {
    using Table = PodGroup;
    static constexpr std::string_view index_name = "selector";
    static std::string of(const PodGroup& group) { return selector_of(group).key.text; }
};

/// Asked of the adapter, and its answer.
struct NameQuestion {
    static constexpr std::string_view table_name = "pod-groups/NameQuestion";
    static constexpr weft::Merge merge = weft::Merge::set_union;

    weft::Key<NameQuestion> key;  ///< file "#" name
    std::string file;
    std::string name;

    void settle_key() { key.text = file + "#" + name; }
    static constexpr auto fields() {
        return std::tuple{weft::field("key", &NameQuestion::key), weft::field("file", &NameQuestion::file),
                          weft::field("name", &NameQuestion::name)};
    }
};
struct NameAnswer {
    static constexpr std::string_view table_name = "pod-groups/NameAnswer";

    weft::Key<NameAnswer> key;  ///< of the question
    std::string address;        ///< empty: the file does not know the name

    static constexpr auto fields() {
        return std::tuple{weft::field("key", &NameAnswer::key), weft::field("address", &NameAnswer::address)};
    }
};

/// Reads names files.
class Names final : public weft::Adapter {
  public:
    using Requests = NameQuestion;
    using Answers = NameAnswer;
    void changed(std::span<const weft::Change> requests, weft::Inbox& answers) override;
    void stop() noexcept override {}
};

struct SelectPods {
    using Driver = PodGroup;
    using Reads = weft::Tables<>;
    using Writes = weft::Tables<weft::SelectorOf<GroupPods>>;
    static void derive(const Driver& group, const weft::Reader<Reads>& in, weft::Desired<Writes>& out);
};
struct AskName {
    using Driver = PodGroup;
    using Reads = weft::Tables<weft::tables::PluginSetting>;
    using Writes = weft::Tables<NameQuestion>;
    static void derive(const Driver& group, const weft::Reader<Reads>& in, weft::Desired<Writes>& out);
};
/// The Port_Group, without members.
struct MakeGroup {
    using Driver = PodGroup;
    using Reads = weft::Tables<weft::tables::PluginSetting, NameAnswer>;
    using Writes = weft::Tables<weft::nb::PortGroup>;
    static void derive(const Driver& group, const weft::Reader<Reads>& in, weft::Desired<Writes>& out);
};
/// A pod in every group that selects it: one contribution each.
struct JoinGroups {
    using Driver = weft::MemberOf<GroupPods>;
    using Reads = weft::Tables<weft::tables::LocalNode, weft::tables::Pod, GroupsBySelector, QuietPod>;
    using Writes = weft::Tables<weft::nb::Member>;
    static void derive(const Driver& member, const weft::Reader<Reads>& in, weft::Desired<Writes>& out);
};
/// What the object and the scrape are told.
struct TellGroup {
    using Driver = PodGroup;
    using Reads = weft::Tables<weft::tables::LocalNode, weft::MembersOf<GroupPods>>;
    using Writes = weft::Tables<weft::tables::ObjectStatus, weft::tables::Metric>;
    static void derive(const Driver& group, const weft::Reader<Reads>& in, weft::Desired<Writes>& out);
};

}  // namespace pod_groups
