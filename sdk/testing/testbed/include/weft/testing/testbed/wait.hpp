#pragma once

#include <weft/base/result.hpp>

#include <chrono>
#include <functional>
#include <string>

namespace weft::testing {

/// How long a test waits for something that normally takes well under a second: generous, for machines under load.
inline constexpr std::chrono::milliseconds patience = std::chrono::seconds(60);

/// Asks again and again until `condition` holds. False when `deadline` has passed without that.
bool wait_until(const std::function<bool()>& condition, std::chrono::milliseconds deadline = patience);

/// The same for conditions that can say why they don't hold yet: the last reason is part of the error.
Result<void> wait_for(const std::string& what, const std::function<Result<void>()>& attempt,
                      std::chrono::milliseconds deadline = patience);

}  // namespace weft::testing
