#pragma once

#include <weft/base/json.hpp>
#include <weft/base/result.hpp>

#include <optional>
#include <span>
#include <string>
#include <string_view>

/// Annotations that hold JSON: compared by meaning, merged by sub-key.
namespace weft::appliers {

/// The same value: members of objects in any order, numbers by value.
bool json_equal(JsonView a, JsonView b);
/// The same text, or two texts that are the same JSON object or array.
bool same_annotation(std::string_view a, std::string_view b);

/// One sub-key as it should be; without a value it should not be there.
struct SubKey {
    std::string_view name;
    std::optional<std::string_view> value;  ///< JSON
};

/// What an annotation's text should become.
struct Merged {
    bool changed = false;
    std::optional<std::string> text;  ///< nothing: no annotation
};

/// Is it, letter by letter, what merge_sub_keys() makes of these alone? Mostly it is: we wrote it.
bool is_just(std::string_view text, std::span<const SubKey> sub_keys);

/// Puts the sub-keys into the JSON object that `current` holds (none: an absent annotation). Foreign members stay;
/// members are sorted by name, as OVN-Kubernetes writes them; an object without members is no annotation. Fails,
/// touching nothing, when `current` or a value is not what it should be.
Result<Merged> merge_sub_keys(std::optional<std::string_view> current, std::span<const SubKey> sub_keys);
/// The same with the memory of a parser that is there already; its views die.
Result<Merged> merge_sub_keys(std::optional<std::string_view> current, std::span<const SubKey> sub_keys,
                              JsonDocument& parser);

}  // namespace weft::appliers
