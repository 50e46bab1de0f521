#include "cases.hpp"

#include <weft/base/json.hpp>

#include <cctype>

namespace weft::bench {

namespace {

/// "one subnet changed: rules run" becomes "engine_one_subnet_changed_rules_run".
std::string identifier(std::string_view text) {
    std::string out = "engine";
    bool gap = true;
    for (const char c : text) {
        const bool plain = std::isalnum(static_cast<unsigned char>(c)) != 0;
        if (plain && gap) out += '_';
        if (plain) out += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
        gap = !plain;
    }
    return out;
}

}  // namespace

Result<void> measure_engine(const std::filesystem::path& bin_dir, Report& report) {
    auto text = testing::run_ok({(bin_dir / "bench-engine").string()}, {.deadline = std::chrono::minutes(10)});
    if (!text) return text.error();
    const auto end = text->find_last_not_of('\n');
    const auto begin = text->rfind('\n', end);
    auto json = JsonDocument::parse(text->substr(begin + 1));
    if (!json) return json.error();
    report.section("(j) the engine alone: 100,000 driver rows with 4 reads each; 30,000 selections over 10,000 pods");
    std::map<std::string, double> values;
    json->root().members([&](std::string_view label, JsonView value) {
        const auto unit_at = label.rfind(" [");
        const std::string name(label.substr(0, unit_at));
        std::string unit(label.substr(unit_at + 2));
        unit.pop_back();
        std::string id = identifier(name + (values.contains(identifier(name)) ? " selections" : ""));
        values[id] = value.number().value_or(0);
        // Counts of a fixed input; what is told of a floor begins like other floors.
        if (id.starts_with("engine_floor")) id = "floor_" + id;
        report.add({id, name, value.number().value_or(0), unit, "", ""});
    });
    const auto ratio = [&](const char* id, const char* what, const char* of, const char* floor) {
        if (values.contains(of) && values.contains(floor) && values[floor] > 0) {
            report.add({id, what, values[of] / values[floor], "", "", ""});
        }
    };
    ratio("engine_build_ratio", "first build, 1 thread / floor", "engine_first_build_1_thread",
          "engine_floor_rows_made_and_kept_in_hash_maps");
    ratio("engine_reads_ratio", "first build, 1 thread / without reads", "engine_first_build_1_thread",
          "engine_first_build_without_reads_1_thread");
    return {};
}

}  // namespace weft::bench
