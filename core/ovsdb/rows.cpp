// Compiles the generated row types once, so that a broken generator shows here first.
#include <weft/ovsdb/nb.hpp>
#include <weft/ovsdb/ovs.hpp>
#include <weft/ovsdb/sb.hpp>

namespace weft {

static_assert(Row<nb::LogicalSwitchPort> && Row<sb::PortBinding> && Row<ovs::Interface>);
static_assert(Row<nb::Member> && Row<sb::ForeignColumn>);

}  // namespace weft
