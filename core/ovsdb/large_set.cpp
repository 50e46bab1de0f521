#include "ovsdb/large_set.hpp"

namespace weft::ovsdb {

bool LargeSet::contains(const Uuid& uuid) const {
    return uuids_.find(uuid.hash(), [&](const Uuid& slot) { return slot == uuid; }) != nullptr;
}

bool LargeSet::contains(std::string_view text) const {
    if (text.empty()) return has_empty_;
    return texts_.find(hash_bytes(text), [&](const std::string& slot) { return slot == text; }) != nullptr;
}

bool LargeSet::contains(const Scalar& value) const {
    if (const auto* uuid = std::get_if<Uuid>(&value)) return contains(*uuid);
    if (const auto* text = std::get_if<std::string>(&value)) return contains(std::string_view(*text));
    return false;
}

bool LargeSet::insert(const Uuid& uuid) {
    if (uuid.is_zero() || contains(uuid)) return false;
    uuids_.insert(uuid);
    return true;
}

bool LargeSet::insert(const std::string& text) {
    if (text.empty()) return !std::exchange(has_empty_, true);
    if (contains(std::string_view(text))) return false;
    texts_.insert(text);
    return true;
}

bool LargeSet::erase(const Uuid& uuid) {
    Uuid* slot = uuids_.find(uuid.hash(), [&](const Uuid& s) { return s == uuid; });
    if (slot) uuids_.erase(slot);
    return slot != nullptr;
}

bool LargeSet::erase(const std::string& text) {
    if (text.empty()) return std::exchange(has_empty_, false);
    std::string* slot = texts_.find(hash_bytes(text), [&](const std::string& s) { return s == text; });
    if (slot) texts_.erase(slot);
    return slot != nullptr;
}

std::vector<Scalar> LargeSet::members() const {
    std::vector<Scalar> all;
    all.reserve(size());
    each_uuid([&](const Uuid& uuid) { all.emplace_back(uuid); });
    each_text([&](const std::string& text) { all.emplace_back(text); });
    return all;
}

}  // namespace weft::ovsdb
