#pragma once

#include "config/config.hpp"

/// The steps of Config::load.
namespace weft::config {

/// Default, service account, environment, files, flags: later ones replace earlier ones.
Result<Layers> read_layers(const LoadOptions& options, const Flags& flags);

/// Assigns every value to its member; errors name the value's origin.
Result<Settings> assign(const Layers& layers);

/// Where to look for the value of a key, for an error message.
using Blame = std::function<std::string(std::string_view section, std::string_view key)>;

/// Everything that concerns more than one key; fills the derived part of `settings`.
Result<void> settle(Settings& settings, const LoadOptions& options, const Blame& blame, std::vector<Error>& warnings);

}  // namespace weft::config
