#pragma once

#include <weft/base/hash.hpp>
#include <weft/ovsdb/column.hpp>

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// How OVN-Kubernetes names rows that have no name of their own, so that both can own one database in turn.
namespace weft::ovn {

/// The owner of everything that belongs to the cluster's default network.
inline constexpr std::string_view default_controller = "default-network-controller";

inline constexpr std::string_view id_key = "k8s.ovn.org/id";                              ///< all of it in one text
inline constexpr std::string_view name_key = "k8s.ovn.org/name";                          ///< what the object is called
inline constexpr std::string_view owner_controller_key = "k8s.ovn.org/owner-controller";  ///< whose it is
inline constexpr std::string_view owner_type_key = "k8s.ovn.org/owner-type";  ///< what kind of thing it is for
inline constexpr std::string_view network_key = "k8s.ovn.org/network";  ///< of which network, when not the default

/// The identity of an ACL, Address_Set, Port_Group, QoS, …, kept in its external_ids:
///   ObjectIds(default_controller, "NetpolNode", {{name_key, "n1"}, {"ip", "10.244.2.2"}})
/// Keys come in the order that their type fixes; values are used as they are.
class ObjectIds {
  public:
    /// Names and values, in order.
    using Entries = std::vector<std::pair<std::string_view, std::string>>;

    ObjectIds(std::string_view controller, std::string_view type, Entries keys)
        : controller_(controller),
          type_(type),
          keys_(std::move(keys)) {}

    /// "default-network-controller:NetpolNode:n1:10.244.2.2".
    std::string id() const {
        std::string text = controller_ + ":" + type_;
        for (const auto& [key, value] : keys_)
            text.append(":").append(value);
        return text;
    }
    /// What Address_Sets and Port_Groups are called: "a" and the FNV-1a hash of the id.
    std::string hashed_name() const { return "a" + std::to_string(fnv1a64(id())); }

    /// What the row's external_ids hold.
    ovsdb::Map<std::string, std::string> external_ids() const {
        std::vector<std::pair<std::string, std::string>> entries;
        for (const auto& [key, value] : keys_)
            entries.emplace_back(key, value);
        entries.emplace_back(id_key, id());
        entries.emplace_back(owner_controller_key, controller_);
        entries.emplace_back(owner_type_key, type_);
        return ovsdb::Map<std::string, std::string>(std::move(entries));
    }

  private:
    std::string controller_;
    std::string type_;
    Entries keys_;
};

/// Do these external_ids name an object of this owner? For claims.
inline bool owned_by(const ovsdb::Column<ovsdb::Map<std::string, std::string>>& external_ids,
                     std::string_view controller, std::string_view type) {
    if (!external_ids.declared()) return false;
    const auto* owner = external_ids->find(owner_controller_key);
    const auto* kind = external_ids->find(owner_type_key);
    return owner && kind && *owner == controller && *kind == type;
}

/// The value of an entry, empty when the column or the entry is not there.
inline std::string_view entry_of(const ovsdb::Column<ovsdb::Map<std::string, std::string>>& column,
                                 std::string_view key) {
    const std::string* value = column.declared() ? column->find(key) : nullptr;
    return value ? std::string_view(*value) : std::string_view();
}

}  // namespace weft::ovn
