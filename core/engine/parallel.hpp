#pragma once

#include <cstddef>
#include <functional>
#include <memory>

namespace weft::engine {

/// Calls body(i, worker) for all i below n on some threads and returns when all are done; no two at once have the same
/// worker, a number below `threads`. Hides TBB.
class Parallel {
  public:
    explicit Parallel(unsigned threads);
    ~Parallel();
    void each(std::size_t n, const std::function<void(std::size_t, std::size_t)>& body);
    /// Ends the threads, with what the C library keeps for each; the next call starts others.
    void end_threads();

  private:
    struct Arena;
    std::unique_ptr<Arena> arena_;
};

}  // namespace weft::engine
