#pragma once

#include <weft/base/result.hpp>
#include <weft/plugin/plugin.hpp>

#include <string>
#include <string_view>

namespace weft::testing {

/// A plugin that a scenario runs, and the name that its settings stand under.
struct ScenarioPlugin {
    PluginHandle* handle = nullptr;
    std::string name;
};

/// Runs a scenario: a text that says, line by line, what comes and what should be there then.
/// sdk/testing/rules/README.md describes the lines. After each step everything is recomputed and compared too. The
/// error's `where` is
/// "<name>:<line>", its `what` shows what was found instead.
Result<void> run_scenario(std::string_view text, const std::string& name, const ScenarioPlugin& plugin);
/// The same of a file.
Result<void> run_scenario_file(const std::string& path, const ScenarioPlugin& plugin);

}  // namespace weft::testing
