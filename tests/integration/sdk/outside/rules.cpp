#include "pod_groups.hpp"

#include <weft/ovn/names.hpp>
#include <weft/ovsdb/column.hpp>

namespace pod_groups {

using weft::Key;
namespace nb = weft::nb;
namespace ovsdb = weft::ovsdb;
namespace tables = weft::tables;

namespace {

const tables::PluginSetting* names_file(const auto& in) {
    return in.template find<tables::PluginSetting>(Key<tables::PluginSetting>{"pod-groups", "names-file"});
}

Key<nb::PortGroup> port_group(const PodGroup& group) {
    return Key<nb::PortGroup>{"pg_" + group.ns + "_" + group.name};
}

}  // namespace

weft::SelectorOf<GroupPods> selector_of(const PodGroup& group) {
    weft::SelectorOf<GroupPods> selector;
    selector.in_namespace = group.ns;
    selector.targets = group.pods;
    selector.settle_key();
    return selector;
}

void SelectPods::derive(const Driver& group, const weft::Reader<Reads>&, weft::Desired<Writes>& out) {
    out.put(selector_of(group));
}

void AskName::derive(const Driver& group, const weft::Reader<Reads>& in, weft::Desired<Writes>& out) {
    const auto* file = names_file(in);
    if (!file || group.peer.empty()) return;
    out.put(NameQuestion{.file = file->value, .name = group.peer});
}

void MakeGroup::derive(const Driver& group, const weft::Reader<Reads>& in, weft::Desired<Writes>& out) {
    ovsdb::Map<std::string, std::string> ids{{"pod-groups", group.key.text}};
    if (!group.peer.empty()) {
        const auto* file = names_file(in);
        const auto* answer = file ? in.find<NameAnswer>(Key<NameAnswer>{file->value + "#" + group.peer}) : nullptr;
        if (!answer) return out.wait("the name " + group.peer + " has not been looked up yet");
        if (answer->address.empty()) {
            out.warn({weft::ErrorKind::invalid, weft::json_quote(group.peer) + " is not in " + file->value, "spec.peer",
                      "add a line for it"});
        } else {
            ids.set("peer", answer->address);
        }
    }
    out.put(nb::PortGroup{.external_ids = std::move(ids), .name = port_group(group).text});
}

void JoinGroups::derive(const Driver& member, const weft::Reader<Reads>& in, weft::Desired<Writes>& out) {
    const auto* pod = in.find<tables::Pod>(Key<tables::Pod>{member.target});
    const auto* local = in.find<tables::LocalNode>(Key<tables::LocalNode>{"."});
    if (!pod || !local || pod->node != local->name || pod->host_network || pod->completed()) return;
    if (in.find<QuietPod>(Key<QuietPod>{member.target})) return;
    const Key<nb::LogicalSwitchPort> port{weft::ovn::pod_port(pod->ns, pod->name)};
    for (const PodGroup& group : in.bucket<GroupsBySelector>(member.selector))
        out.put(ovsdb::add(port_group(group), &nb::PortGroup::ports, port));
}

void TellGroup::derive(const Driver& group, const weft::Reader<Reads>& in, weft::Desired<Writes>& out) {
    const auto* local = in.find<tables::LocalNode>(Key<tables::LocalNode>{"."});
    if (!local) return;
    const auto pods = in.bucket<weft::MembersOf<GroupPods>>(selector_of(group).key.text).size();
    weft::JsonWriter said;
    said.object([&] { said.member("pods", static_cast<std::uint64_t>(pods)); });
    out.put(tables::object_status(PodGroup::object(group), "nodes/" + local->name, said.take()));
    out.put(tables::Metric{.name = "pod_groups_pods",
                           .help = "Pods of this node that a group selects.",
                           .labels = {{"namespace", group.ns}, {"group", group.name}},
                           .value = static_cast<double>(pods)});
}

}  // namespace pod_groups
