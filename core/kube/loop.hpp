#pragma once

#include <weft/base/clock.hpp>

#include <cstdint>
#include <functional>

namespace weft::kube {

/// The one thread that a group of state machines (reflectors, appliers, an elector) lives on. All of their functions
/// are called on it, unless they say otherwise; so they need no locks. They are made and destroyed on it, or while it
/// is not running. Tests drive a loop by hand, with a manual clock.
class Loop {
  public:
    using Task = std::function<void()>;
    enum class Timer : std::uint64_t { none = 0 };

    virtual TimePoint now() const = 0;
    virtual WallTime wall() const = 0;
    /// Runs `task` soon, never inside this call. Any thread.
    virtual void post(Task task) = 0;
    /// Runs `task` once `when` has come.
    virtual Timer at(TimePoint when, Task task) = 0;
    /// The timer will not run; unknown and past ones are fine.
    virtual void cancel(Timer timer) = 0;

    Timer after(Duration delay, Task task) { return at(now() + delay, std::move(task)); }

  protected:
    ~Loop() = default;
};

/// A timer that is cancelled when set anew or destroyed.
class ScopedTimer {
  public:
    explicit ScopedTimer(Loop& loop) : loop_(loop) {}
    ScopedTimer(const ScopedTimer&) = delete;
    ScopedTimer& operator=(const ScopedTimer&) = delete;
    ~ScopedTimer() { cancel(); }

    void set(TimePoint when, Loop::Task task) {
        cancel();
        timer_ = loop_.at(when, [this, run = std::move(task)] {
            timer_ = Loop::Timer::none;
            run();
        });
    }
    void set_after(Duration delay, Loop::Task task) { set(loop_.now() + delay, std::move(task)); }
    void cancel() {
        if (timer_ != Loop::Timer::none) loop_.cancel(timer_);
        timer_ = Loop::Timer::none;
    }
    bool is_set() const { return timer_ != Loop::Timer::none; }

  private:
    Loop& loop_;
    Loop::Timer timer_ = Loop::Timer::none;
};

}  // namespace weft::kube
