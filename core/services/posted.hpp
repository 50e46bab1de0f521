#pragma once

#include <weft/base/clock.hpp>

#include <functional>

/// Work that must run on the engine thread, asked for by another one.
namespace weft::services {

/// Hands a task to the engine thread; daemon::Loop::post and the like.
using Post = std::function<void(std::function<void()>)>;

/// Runs `task` on the engine thread and waits for it, at most for `limit`. False when it has not finished by then; it
/// may still run later, so it must own what it touches.
bool run_posted(const Post& post, Duration limit, std::function<void()> task);

}  // namespace weft::services
