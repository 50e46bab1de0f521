#include "appliers/ovsdb/ledger.hpp"

#include "base/shrink.hpp"

#include <algorithm>

namespace weft::appliers::ovsdb {

void Ledger::remove_claim(std::string_view name) {
    for (std::size_t i = claims_.size(); i-- > 0;) {
        if (claims_[i].name != name) continue;
        claims_.erase(claims_.begin() + static_cast<std::ptrdiff_t>(i));
        plugins_.erase(plugins_.begin() + static_cast<std::ptrdiff_t>(i));
    }
}

std::string Ledger::claimed_by_other(const void* row, std::string_view plugin) const {
    if (plugin.empty()) return {};
    const std::string* other = nullptr;
    for (std::size_t i = 0; i < claims_.size(); ++i) {
        if (plugins_[i].empty() || (claims_[i].adopt_only && plugins_[i] != plugin)) continue;
        if (!claims_[i].covers(row)) continue;
        if (plugins_[i] == plugin) return {};
        other = &plugins_[i];
    }
    return other == nullptr ? std::string() : *other;
}

const weft::ovsdb::ClaimSpec* Ledger::claim_on(const void* row) const {
    // One that only adopts covers much, also what another plugin claims for good.
    for (const bool adopt_only : {false, true}) {
        for (const auto& claim : claims_) {
            if (claim.adopt_only == adopt_only && claim.covers(row)) return &claim;
        }
    }
    return nullptr;
}

std::string Ledger::learn(const OpenRow& row) {
    const auto* claim = claim_on(row.get());
    if (!claim) return {};
    std::string key = claim->identity(row.get());
    if (key.empty()) return {};
    const Uuid& uuid = table_->uuid_of(row.get());
    const auto [at, fresh] = rows_.try_emplace(BlockString(key), uuid);
    if (!fresh && at->second != uuid) doubles_.emplace_back(key, uuid);
    return key;
}

std::string Ledger::forget(const OpenRow& row) {
    const auto* claim = claim_on(row.get());
    if (!claim) return {};
    std::string key = claim->identity(row.get());
    const Uuid& uuid = table_->uuid_of(row.get());
    if (const auto at = rows_.find(std::string_view(key)); at != rows_.end() && at->second == uuid) {
        rows_.erase(at);
        shrink(rows_);
    }
    std::erase_if(doubles_, [&](const auto& entry) { return entry.second == uuid; });
    return key;
}

void Ledger::clear() {
    rows_.clear();
    doubles_.clear();
}

Uuid Ledger::find(std::string_view key) const {
    const auto at = rows_.find(key);
    return at == rows_.end() ? Uuid() : at->second;
}

}  // namespace weft::appliers::ovsdb
