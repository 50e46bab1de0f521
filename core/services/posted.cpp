#include "services/posted.hpp"

#include <condition_variable>
#include <memory>
#include <mutex>

namespace weft::services {

bool run_posted(const Post& post, Duration limit, std::function<void()> task) {
    struct State {
        std::mutex mutex;
        std::condition_variable changed;
        bool done = false;
    };
    auto state = std::make_shared<State>();
    post([state, task = std::move(task)] {
        task();
        const std::scoped_lock lock(state->mutex);
        state->done = true;
        state->changed.notify_all();
    });
    std::unique_lock lock(state->mutex);
    return state->changed.wait_for(lock, limit, [&] { return state->done; });
}

}  // namespace weft::services
