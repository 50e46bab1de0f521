#pragma once

#include "kube/loop.hpp"
#include "kube/sink.hpp"
#include "kube/transport.hpp"

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace weft::kube::test {

/// A loop that a test turns by hand.
class ManualLoop final : public Loop {
  public:
    TimePoint now() const override { return clock_.now(); }
    WallTime wall() const override { return clock_.wall(); }
    void post(Task task) override { tasks_.push_back(std::move(task)); }
    Timer at(TimePoint when, Task task) override {
        timers_.emplace(std::pair{when, ++last_}, std::move(task));
        return Timer{last_};
    }
    void cancel(Timer timer) override {
        std::erase_if(timers_, [&](const auto& t) { return t.first.second == static_cast<std::uint64_t>(timer); });
    }

    /// Runs what is due now.
    void settle() {
        for (;;) {
            if (!tasks_.empty()) {
                auto task = std::move(tasks_.front());
                tasks_.pop_front();
                task();
            } else if (!timers_.empty() && timers_.begin()->first.first <= now()) {
                auto node = timers_.extract(timers_.begin());
                node.mapped()();
            } else {
                return;
            }
        }
    }
    /// Lets time pass, running each timer at its moment.
    void advance(Duration by) {
        const TimePoint end = now() + by;
        settle();
        while (!timers_.empty() && timers_.begin()->first.first <= end) {
            clock_.advance(std::max(Duration::zero(), timers_.begin()->first.first - now()));
            settle();
        }
        clock_.advance(end - now());
        settle();
    }
    std::size_t timers() const { return timers_.size(); }
    /// For letting time pass without the loop noticing.
    ManualClock& clock() { return clock_; }

  private:
    ManualClock clock_;
    std::deque<Task> tasks_;
    std::map<std::pair<TimePoint, std::uint64_t>, Task> timers_;
    std::uint64_t last_ = 0;
};

/// A transport whose other end is the test.
class FakeTransport final : public Transport {
  public:
    struct Sent {
        Exchange id;
        Request request;
        OnDone done;
        OnData data;
    };

    explicit FakeTransport(ManualLoop& loop) : loop_(loop) {}

    Exchange start(Request request, OnDone done, OnData data = {}) override {
        const Exchange id{++last_};
        open_.push_back({id, std::move(request), std::move(done), std::move(data)});
        ++started_;
        return id;
    }
    void cancel(Exchange exchange) override {
        std::erase_if(open_, [&](const Sent& sent) { return sent.id == exchange; });
    }

    std::size_t open() const { return open_.size(); }
    std::size_t started() const { return started_; }
    const Request& request(std::size_t index = 0) const { return open_.at(index).request; }

    /// A piece of the streamed answer of the oldest open exchange.
    void stream(std::string_view bytes, std::size_t index = 0) {
        const auto data = open_.at(index).data;
        data(bytes);
        loop_.settle();
    }
    void finish(Answer answer, std::size_t index = 0) {
        Sent sent = std::move(open_.at(index));
        open_.erase(open_.begin() + static_cast<std::ptrdiff_t>(index));
        sent.done(std::move(answer));
        loop_.settle();
    }
    /// A whole answer: streamed when somebody streams.
    void answer(int http, std::string_view body = {}, std::size_t index = 0) {
        Answer answer;
        answer.http = http;
        const bool success = http >= 200 && http < 300;
        if (success && open_.at(index).data) {
            const Exchange id = open_.at(index).id;
            const auto data = open_.at(index).data;
            data(body);
            if (index >= open_.size() || open_[index].id != id) return loop_.settle();  // cancelled by what it read
        } else if (success) {
            answer.body = std::string(body);
        } else {
            read_status(answer, body);
        }
        finish(std::move(answer), index);
    }
    void fail(std::string trouble, std::size_t index = 0) {
        Answer answer;
        answer.trouble = std::move(trouble);
        finish(std::move(answer), index);
    }

  private:
    ManualLoop& loop_;
    std::vector<Sent> open_;
    std::uint64_t last_ = 0;
    std::size_t started_ = 0;
};

/// Holds what a table would hold, and a journal of what it was told.
class RecordingSink final : public Sink {
  public:
    void replace_all(std::string_view table, std::vector<RowPtr> all) override {
        rows.clear();
        for (auto& row : all)
            rows.insert_or_assign(std::string(row.key()), row);
        journal.push_back("replace " + std::string(table) + " " + std::to_string(all.size()));
    }
    void put(std::string_view, RowPtr row, const RowPtr&) override {
        journal.push_back("put " + std::string(row.key()));
        rows.insert_or_assign(std::string(row.key()), std::move(row));
    }
    void erase(std::string_view, std::string_view key) override {
        journal.push_back("erase " + std::string(key));
        rows.erase(std::string(key));
    }
    void complete(std::string_view table) override { journal.push_back("complete " + std::string(table)); }
    void flush() override { ++flushes; }
    void malformed(const ObjectRef& object, const Error& error) override {
        problems.push_back({object, error});
        journal.push_back("malformed " + object.ns + "/" + object.name);
    }
    void mended(const ObjectRef& object) override { journal.push_back("mended " + object.ns + "/" + object.name); }

    std::vector<std::string> take_journal() { return std::exchange(journal, {}); }

    std::map<std::string, RowPtr> rows;
    std::vector<std::string> journal;
    std::vector<std::pair<ObjectRef, Error>> problems;
    std::size_t flushes = 0;
};

}  // namespace weft::kube::test
