#include "cni/server/loop.hpp"

#include <atomic>
#include <future>

#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <unistd.h>

namespace weft::cni {
namespace {

TEST(Loop, RunsTasksAndTimersInOrder) {
    Loop loop;
    ASSERT_TRUE(loop.start());
    std::promise<std::string> done;
    auto seen = std::make_shared<std::string>();
    loop.post([&, seen] {
        const auto cancelled = loop.after(std::chrono::milliseconds(1), [seen] { *seen += "x"; });
        loop.after(std::chrono::milliseconds(3), [&, seen] { done.set_value(*seen); });
        loop.after(std::chrono::milliseconds(2), [seen] { *seen += "b"; });
        loop.post([seen] { *seen += "a"; });
        loop.cancel(cancelled);
        loop.cancel(12345);
    });
    EXPECT_EQ(done.get_future().get(), "ab");
    loop.stop();
    loop.post([] { FAIL() << "after the end"; });
}

TEST(Loop, ATimerMayCancelItsNeighbour) {
    Loop loop;
    ASSERT_TRUE(loop.start());
    std::promise<void> done;
    std::atomic<bool> ran{false};
    loop.post([&] {
        const TimePoint when = Clock::system().now() + std::chrono::milliseconds(1);
        auto second = std::make_shared<Loop::TimerId>(0);
        loop.at(when, [&loop, second] { loop.cancel(*second); });
        *second = loop.at(when, [&] { ran = true; });
        loop.at(when + std::chrono::milliseconds(1), [&] { done.set_value(); });
    });
    done.get_future().get();
    EXPECT_FALSE(ran);
}

TEST(Loop, ATaskThatThrowsHurtsNobody) {
    Loop loop;
    ASSERT_TRUE(loop.start());
    std::promise<void> done;
    loop.post([] { throw std::runtime_error("oops"); });
    loop.post([&] { done.set_value(); });
    done.get_future().get();
}

TEST(Loop, WatchesDescriptors) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const Fd reader(ends[0]);
    const Fd writer(ends[1]);
    Loop loop;
    ASSERT_TRUE(loop.start());
    std::promise<char> got;
    loop.post([&] {
        loop.watch(reader.get(), EPOLLIN, [&](std::uint32_t) {
            char c = 0;
            ASSERT_EQ(::read(reader.get(), &c, 1), 1);
            loop.unwatch(reader.get());
            got.set_value(c);
        });
    });
    ASSERT_EQ(::write(writer.get(), "z", 1), 1);
    EXPECT_EQ(got.get_future().get(), 'z');
}

TEST(Workers, FinishWhatWasPosted) {
    std::atomic<int> count{0};
    Workers workers(3);
    for (int i = 0; i < 100; ++i)
        workers.post([&] { ++count; });
    workers.post([] { throw std::runtime_error("oops"); });
    workers.stop();
    EXPECT_EQ(count, 100);
    workers.post([&] { ++count; });
    EXPECT_EQ(count, 100);
}

}  // namespace
}  // namespace weft::cni
