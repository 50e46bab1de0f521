#pragma once

#include <weft/base/ip.hpp>
#include <weft/base/mac.hpp>
#include <weft/engine/table.hpp>
#include <weft/ovsdb/column.hpp>

#include <cstdint>
#include <optional>
#include <string>

/// One-shot actions: things to be done once when a row has been applied, instead of kept so. A rule puts the action
/// beside the row that it hangs on:
///
///   const auto port = out.put(nb::LogicalSwitchPort{...});
///   out.put(tables::ConntrackFlush{.key = Key<tables::ConntrackFlush>{pod.uid},
///                                  .on = ovsdb::after(port, ovsdb::Level::installed),
///                                  .ip = ip});
///
/// An action that comes (`Moment::put`) or goes (`Moment::withdrawn`) is carried out after the row it hangs on has been
/// applied as it is wanted now - put, changed or taken away - at the level that `on` names; without `on`, at once. An
/// action that changes is a new one. It happens at least once, again with growing pauses while it fails, and never for
/// a row that the first sync after a start finds as it should be. What was not done when weftd stopped is not made up.
namespace weft::tables {

/// Which of its own transitions an action waits for.
enum class Moment : std::uint8_t { put, withdrawn };

/// Forgets the connections that know an address: those of the kernel, and those of the switch when it forwards in
/// userspace. Connections with the address on either side, before or after translation, count.
struct ConntrackFlush {
    static constexpr std::string_view table_name = "ConntrackFlush";
    static constexpr Merge merge = Merge::set_union;

    Key<ConntrackFlush> key;            ///< chosen by the rule
    ovsdb::After on;                    ///< the row that it hangs on
    Moment when = Moment::withdrawn;    ///< of the row that it hangs on
    Ip ip;                              ///< whose connections
    std::uint8_t protocol = 0;          ///< IPPROTO_*; 0: any
    std::optional<std::uint16_t> port;  ///< on the address's side; needs `protocol`
    std::optional<std::uint16_t> zone;  ///< absent: every zone

    static constexpr auto fields() {
        return std::tuple{field("key", &ConntrackFlush::key),           field("on", &ConntrackFlush::on),
                          field("when", &ConntrackFlush::when),         field("ip", &ConntrackFlush::ip),
                          field("protocol", &ConntrackFlush::protocol), field("port", &ConntrackFlush::port),
                          field("zone", &ConntrackFlush::zone)};
    }
};

/// Tells the neighbours on a link of the node which MAC an address has now: a gratuitous ARP for IPv4, an unsolicited
/// neighbour advertisement for IPv6. Waits while the link is absent or down.
struct Announcement {
    static constexpr std::string_view table_name = "Announcement";
    static constexpr Merge merge = Merge::set_union;

    Key<Announcement> key;      ///< chosen by the rule
    ovsdb::After on;            ///< the row that it hangs on
    Moment when = Moment::put;  ///< of the row that it hangs on
    std::string link;           ///< where it is sent
    Ip ip;                      ///< what is announced
    std::optional<Mac> mac;     ///< absent: the link's own

    static constexpr auto fields() {
        return std::tuple{field("key", &Announcement::key),   field("on", &Announcement::on),
                          field("when", &Announcement::when), field("link", &Announcement::link),
                          field("ip", &Announcement::ip),     field("mac", &Announcement::mac)};
    }
};

}  // namespace weft::tables
