#pragma once

#include "services/descriptor.hpp"

#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <filesystem>
#include <functional>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace weft::services {

/// A folder that goes away with the test.
class TempDir {
  public:
    TempDir() {
        std::string name = (std::filesystem::temp_directory_path() / "weft-svc-XXXXXX").string();
        if (!::mkdtemp(name.data())) throw std::runtime_error("mkdtemp failed");
        path_ = name;
    }
    ~TempDir() { std::filesystem::remove_all(path_); }
    TempDir(const TempDir&) = delete;
    TempDir& operator=(const TempDir&) = delete;
    std::string path(const std::string& name) const { return path_ + "/" + name; }

  private:
    std::string path_;
};

/// Waits for a condition that another thread makes true; false after a time that no healthy machine needs.
inline bool eventually(const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!condition()) {
        if (std::chrono::steady_clock::now() > deadline) return false;
        std::this_thread::yield();
    }
    return true;
}

/// Stands for the engine thread: runs what is posted, in order.
class TaskThread {
  public:
    ~TaskThread() {
        {
            const std::scoped_lock lock(mutex_);
            stopping_ = true;
        }
        changed_.notify_all();
        thread_.join();
    }
    void post(std::function<void()> task) {
        {
            const std::scoped_lock lock(mutex_);
            tasks_.push_back(std::move(task));
        }
        changed_.notify_all();
    }
    /// Holds tasks back until release().
    void hold() {
        const std::scoped_lock lock(mutex_);
        held_ = true;
    }
    void release() {
        {
            const std::scoped_lock lock(mutex_);
            held_ = false;
        }
        changed_.notify_all();
    }

  private:
    void run() {
        std::unique_lock lock(mutex_);
        while (true) {
            changed_.wait(lock, [&] { return stopping_ || (!held_ && !tasks_.empty()); });
            if (stopping_) return;
            auto task = std::move(tasks_.front());
            tasks_.pop_front();
            lock.unlock();
            task();
            task = nullptr;
            lock.lock();
        }
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<std::function<void()>> tasks_;
    bool held_ = false;
    bool stopping_ = false;
    std::thread thread_{[this] { run(); }};
};

/// A bare client of a unix stream socket, for what a well-behaved one never does.
class RawPeer {
  public:
    explicit RawPeer(const std::string& path) : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, path.data(), path.size());
        const timeval limit{30, 0};
        ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
        connected_ = ::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
    }
    bool connected() const { return connected_; }
    int fd() const { return fd_.get(); }
    bool send(std::string_view text) const {
        while (!text.empty()) {
            const auto size = ::send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL);
            if (size <= 0) return false;
            text.remove_prefix(static_cast<std::size_t>(size));
        }
        return true;
    }
    /// The next line, or what came before the end.
    std::string line() {
        while (true) {
            const auto end = buffer_.find('\n');
            if (end != std::string::npos) {
                auto text = buffer_.substr(0, end);
                buffer_.erase(0, end + 1);
                return text;
            }
            char chunk[4096];
            const auto size = ::recv(fd_.get(), chunk, sizeof(chunk), 0);
            if (size <= 0) return std::exchange(buffer_, {});
            buffer_.append(chunk, static_cast<std::size_t>(size));
        }
    }
    bool at_end() {
        char c = 0;
        // A connection that was never accepted ends with a reset.
        const auto got = ::recv(fd_.get(), &c, 1, 0);
        return buffer_.empty() && (got == 0 || (got < 0 && errno == ECONNRESET));
    }

  private:
    Descriptor fd_;
    bool connected_ = false;
    std::string buffer_;
};

}  // namespace weft::services
