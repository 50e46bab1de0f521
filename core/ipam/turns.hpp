#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <tuple>
#include <vector>

namespace weft::ipam {

/// In which order the requests of one round are served, whatever order they arrived in: first those that say what they
/// have, then those that wish for something, then the rest.
enum class Claim : std::uint8_t { has, wishes, nothing };

template <class Entry>
struct Turn {
    Entry* entry = nullptr;
    Claim claim = Claim::nothing;
    std::int64_t precedence = 0;
    std::string_view key;

    /// The older object keeps what two claim; among requests that claim nothing, age has no say.
    auto rank() const { return std::tuple(claim, claim == Claim::nothing ? 0 : precedence, key); }
};

template <class Entry>
void sort_turns(std::vector<Turn<Entry>>& turns) {
    std::sort(turns.begin(), turns.end(), [](const auto& a, const auto& b) { return a.rank() < b.rank(); });
}

}  // namespace weft::ipam
