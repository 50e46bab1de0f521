#include "extension.hpp"

#include <weft/engine/rule.hpp>
#include <weft/plugin/fingerprint.hpp>
#include <weft/plugin/plugin.hpp>
#include <weft/tables/kube.hpp>

namespace {

/// Pods with the annotation pod-groups.example.org/quiet are in no group.
struct FindQuiet {
    using Driver = weft::tables::Pod;
    using Reads = weft::Tables<>;
    using Writes = weft::Tables<pod_groups::QuietPod>;
    static void derive(const Driver& pod, const weft::Reader<Reads>&, weft::Desired<Writes>& out) {
        if (!weft::tables::find_annotation(pod.annotations, "pod-groups.example.org/quiet")) return;
        out.put(pod_groups::QuietPod{weft::Key<pod_groups::QuietPod>{pod.ns, pod.name}});
    }
};

class QuietPlugin final : public weft::Plugin {
    void declare(weft::Declare& d) override {
        d.watch<weft::tables::Pod>(weft::WatchScope::local_node);
        d.annotations("pod-groups.example.org/");
        d.rule<FindQuiet>("find-quiet");
    }
};

}  // namespace

WEFT_PLUGIN(QuietPlugin, .name = "pod-groups-quiet", .version = "0.1.0", .needs = "pod-groups")
