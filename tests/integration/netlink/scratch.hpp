#pragma once

#include "appliers/netlink/handle.hpp"

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

/// Network namespaces without names: they go with the test, however it ends.
namespace weft::netlink::testing {

inline NetNs make_namespace() {
    std::optional<NetNs> made;
    std::thread([&] {
        if (::unshare(CLONE_NEWNET) == 0) {
            if (auto ns = NetNs::current()) made = *std::move(ns);
        }
    }).join();
    if (!made) throw std::runtime_error("cannot make a network namespace");
    return *std::move(made);
}

/// Each test runs in a network namespace of its own; so do the threads it starts. Skipped without root.
class ScratchTest : public ::testing::Test {
  protected:
    void SetUp() override {
        if (::geteuid() != 0) GTEST_SKIP() << "needs root";
        ASSERT_EQ(::unshare(CLONE_NEWNET), 0);
        auto handle = Handle::open();
        ASSERT_TRUE(handle);
        kernel_.emplace(*std::move(handle));
    }

    Link link(const std::string& name) {
        auto found = kernel_->find_link(name);
        if (!found || !*found) throw std::runtime_error("no link " + name);
        return **found;
    }
    /// A veth pair inside this namespace.
    void add_pair(const std::string& name, const std::string& peer) {
        const auto here = NetNs::current();
        ASSERT_TRUE(here);
        const auto made = kernel_->add_veth({.name = name, .mac = {}, .peer_name = peer, .mtu = 1500}, *here);
        ASSERT_TRUE(made) << made.error().text();
    }
    void up(const std::string& name) {
        const auto done = kernel_->change_link(link(name), {.up = true});
        ASSERT_TRUE(done) << done.error().text();
    }

    std::optional<Handle> kernel_;
};

/// Something that other threads change and a test waits for.
class Signal {
  public:
    void poke() {
        {
            const std::scoped_lock lock(mutex_);
            ++count_;
        }
        changed_.notify_all();
    }
    /// Until `met` says true; it is asked again after each poke.
    bool wait(const std::function<bool()>& met, std::chrono::seconds at_most = std::chrono::seconds(30)) {
        const auto deadline = std::chrono::steady_clock::now() + at_most;
        while (true) {
            std::uint64_t seen = 0;
            {
                const std::scoped_lock lock(mutex_);
                seen = count_;
            }
            if (met()) return true;
            std::unique_lock lock(mutex_);
            if (!changed_.wait_until(lock, deadline, [&] { return count_ != seen; })) return met();
        }
    }

  private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::uint64_t count_ = 0;
};

}  // namespace weft::netlink::testing
