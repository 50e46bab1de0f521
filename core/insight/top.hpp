#pragma once

#include "engine/engine.hpp"

#include <string>

namespace weft::insight {

/// The answers to "top" and "graph": README.md describes the JSON. On the engine thread.
std::string top_json(const engine::Engine& engine, TimePoint now);
std::string graph_json(const engine::Engine& engine);

}  // namespace weft::insight
