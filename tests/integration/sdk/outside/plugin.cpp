#include "pod_groups.hpp"

#include <weft/plugin/fingerprint.hpp>
#include <weft/plugin/plugin.hpp>

namespace pod_groups {

class PodGroupsPlugin final : public weft::Plugin {
    void declare(weft::Declare& d) override {
        d.watch<weft::tables::Pod>(weft::WatchScope::local_node);
        d.watch<weft::tables::Namespace>();
        d.resource({.group = "pod-groups.example.org",
                    .version = "v1",
                    .resource = "podgroups",
                    .kind = "PodGroup",
                    .table = weft::table_spec<PodGroup>(),
                    .parse = parse_group});
        d.setting({"names-file", "/etc/hosts", "A file of lines \"ADDRESS NAME\".",
                   [](std::string_view value) -> weft::Result<void> {
                       if (!value.starts_with('/')) return weft::invalid("is no absolute path");
                       return {};
                   }});
        d.extension_point<QuietPod>();
        d.selection<GroupPods>("selected-pods");
        d.adapter<Names>("names");
        d.rule<SelectPods>("select-pods");
        d.rule<AskName>("ask-name");
        d.rule<MakeGroup>("make-group");
        d.rule<JoinGroups>("join-groups");
        d.rule<TellGroup>("tell-group");
        using weft::nb::PortGroup;
        d.claim<PortGroup>(
            "groups",
            [](const PortGroup& row) {
                return row.external_ids.has_value() && row.external_ids->contains("pod-groups");
            },
            [](const PortGroup& row) { return row.name.get(); },
            [](const PortGroup& row) { return *row.external_ids->find("pod-groups"); });
    }
};

}  // namespace pod_groups

WEFT_PLUGIN(pod_groups::PodGroupsPlugin, .name = "pod-groups", .version = "0.1.0", .needs = "default-network")
