#include "pod_groups.hpp"

#include <weft/tables/object.hpp>

namespace pod_groups {

weft::Result<weft::RowPtr> parse_group(weft::JsonView object) {
    auto metadata = weft::tables::read_metadata(object);
    if (!metadata) return metadata.error();
    auto pods = weft::LabelSelector::parse(object["spec"]["podSelector"]);
    if (!pods) return std::move(pods).error().at("spec.podSelector");
    PodGroup group;
    group.key = weft::Key<PodGroup>{metadata->ns, metadata->name};
    group.ns = metadata->ns;
    group.name = metadata->name;
    group.uid = metadata->uid;
    group.pods = *std::move(pods);
    group.peer = object["spec"]["peer"].string_or("");
    return weft::RowPtr::make(group);
}

}  // namespace pod_groups
