#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weft::insight {

/// The name of a row.
struct RowName {
    std::string table;
    std::string key;
    friend bool operator==(const RowName&, const RowName&) = default;
    friend auto operator<=>(const RowName&, const RowName&) = default;
};

/// How far a desired row has come in the database, kernel or object that it is for.
struct FarSide {
    std::string applier;  ///< "ovn-nb"
    bool applied = false;
    std::string trouble;  ///< why not, when that is known
};

/// A plugin that does not run, and what it would do if it did.
struct IdlePlugin {
    std::string name;
    std::string state;   ///< "disabled", "broken", "frozen"
    std::string reason;  ///< "not in [plugins] enable"
    struct Rule {
        std::string name;
        std::string driver;
        std::vector<std::string> writes;
    };
    std::vector<Rule> rules;  ///< none when the plugin can't be loaded
};

/// What is known beside the engine. Each function may be missing; all are called on the engine thread.
struct Surroundings {
    std::function<std::optional<FarSide>(const RowName& row)> far_side;
    /// The desired row that a database has under this UUID.
    std::function<std::optional<RowName>(std::string_view uuid)> row_with_uuid;
    std::function<std::vector<IdlePlugin>()> idle_plugins;
};

}  // namespace weft::insight
