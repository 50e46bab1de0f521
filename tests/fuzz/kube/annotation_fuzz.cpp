#include "appliers/kube/json_map.hpp"

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

/// An annotation as users may leave it, merged with ours: what is not refused is an object that holds ours, and
/// merging once more changes nothing.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace weft::appliers;
    const std::string text(reinterpret_cast<const char*>(data), size);
    const SubKey ours{"default", R"({"ip_addresses":["10.0.0.3/24"]})"};
    const auto merged = merge_sub_keys(text, std::span(&ours, 1));
    if (!merged) return 0;
    if (!merged->text) std::abort();
    const auto again = merge_sub_keys(*merged->text, std::span(&ours, 1));
    if (!again || again->changed) std::abort();
    const SubKey none{"default", std::nullopt};
    const auto removed = merge_sub_keys(*merged->text, std::span(&none, 1));
    if (!removed || !removed->changed) std::abort();
    if (!same_annotation(text, text)) std::abort();
    (void)same_annotation(text, *merged->text);
    return 0;
}
