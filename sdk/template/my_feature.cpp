#include "my_feature.hpp"

#include <weft/ovn/names.hpp>
#include <weft/ovsdb/column.hpp>
#include <weft/tables/object.hpp>

namespace my_feature {

using weft::Key;
namespace nb = weft::nb;
namespace ovn = weft::ovn;
namespace ovsdb = weft::ovsdb;
namespace tables = weft::tables;

weft::Result<weft::RowPtr> parse_my_feature(weft::JsonView object) {
    const auto metadata = tables::read_metadata(object);
    if (!metadata) return metadata.error();
    const auto note = object["spec"]["note"].string_or("");
    if (note.empty() || note.size() > 63)
        return weft::Error{weft::ErrorKind::invalid, "is no text of 1 to 63 bytes", "spec.note", "give it one"};
    return weft::RowPtr::make(MyFeature{Key<MyFeature>{metadata->ns, metadata->name}, metadata->ns, metadata->name,
                                        metadata->uid, std::string(note)});
}

void NotePod::derive(const Driver& pod, const weft::Reader<Reads>& in, weft::Desired<Writes>& out) {
    const auto* local = in.find<tables::LocalNode>(Key<tables::LocalNode>{"."});
    if (!local || pod.node != local->name || pod.host_network || pod.completed()) return;
    const auto features = in.bucket<MyFeaturesOfNamespace>(pod.ns);
    if (features.empty()) return;
    const auto* key = in.find<tables::PluginSetting>(Key<tables::PluginSetting>{"my-feature", "key"});
    if (!key) return out.wait("the configuration is not there yet");
    const MyFeature& feature = features.front();
    const Key<nb::LogicalSwitchPort> port{ovn::pod_port(pod.ns, pod.name)};
    out.put(ovsdb::set_entry(port, &nb::LogicalSwitchPort::external_ids, key->value, feature.note));
}

}  // namespace my_feature
