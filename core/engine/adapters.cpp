#include "engine/adapters.hpp"

#include <weft/base/log.hpp>

#include <algorithm>
#include <exception>

namespace weft::engine {

AdapterRunner::AdapterRunner(std::string name, containment::RunSlot* slot, std::uint16_t label, const AdapterSpec& spec,
                             std::unique_ptr<Adapter> adapter, Post post, std::function<void()> schedule)
    : name_(std::move(name)),
      slot_(slot),
      label_(label),
      answers_(spec.answers.name),
      answer_type_(*spec.answers.type),
      adapter_(std::move(adapter)),
      post_(std::move(post)),
      schedule_(std::move(schedule)) {}

void AdapterRunner::changed(std::span<const Change> changes) {
    {
        const std::lock_guard lock(mutex_);
        for (const Change& change : changes) {
            const auto [at, is_new] = waiting_.try_emplace(std::string(change.key()), change);
            if (is_new) continue;
            at->second.after = change.after;
            if (!at->second.before && !at->second.after) waiting_.erase(at);
        }
    }
    schedule_();
}

void AdapterRunner::first_round_done() {
    {
        const std::lock_guard lock(mutex_);
        begun_ = owes_call_ = true;
    }
    schedule_();
}

bool AdapterRunner::serve() {
    std::vector<Change> changes;
    {
        const std::lock_guard lock(mutex_);
        if (!begun_ || (waiting_.empty() && !owes_call_)) return false;
        owes_call_ = false;
        for (auto& [key, change] : waiting_)
            changes.push_back(std::move(change));
        waiting_.clear();
    }
    const auto threw = [this](const std::string& what) {
        log(LogLevel::error, "engine", "an adapter threw; its requests of this call are lost to it",
            {{"adapter", name_}, {"error", what}});
    };
    try {
        const containment::RunMark mark(slot_, label_, changes.empty() ? std::string_view() : changes.front().key());
        adapter_->changed(changes, *this);
    } catch (const std::exception& e) {
        threw(e.what());
    } catch (...) {
        threw("something that is no std::exception");
    }
    return true;
}

void AdapterRunner::finish() noexcept {
    {
        const containment::RunMark mark(slot_, label_, "stop()");
        adapter_->stop();
    }
    const std::lock_guard lock(mutex_);
    open_ = false;
}

void AdapterRunner::put(RowPtr row) {
    if (!row || !row.type().same_as(answer_type_) || row.key().empty()) {
        log(LogLevel::error, "engine", "an adapter put a row of the wrong type or without a key",
            {{"adapter", name_}, {"table", answers_}});
        return;
    }
    ChangeSet changes;
    changes.put(answers_, std::move(row));
    send(std::move(changes));
}

void AdapterRunner::erase(std::string_view key) {
    ChangeSet changes;
    changes.erase(answers_, key);
    send(std::move(changes));
}

void AdapterRunner::complete() {
    ChangeSet changes;
    changes.complete(answers_);
    send(std::move(changes));
}

void AdapterRunner::send(ChangeSet changes) {
    const std::lock_guard lock(mutex_);
    if (open_) post_(std::move(changes));
}

AdapterExecutor::AdapterExecutor(AdapterRunner::Post post, containment::RunBoard* board)
    : post_(std::move(post)),
      board_(board),
      lanes_(board, 1) {}
AdapterExecutor::~AdapterExecutor() {
    stop();
}

AdapterRunner& AdapterExecutor::add(const std::string& module, const std::string& name, const AdapterSpec& spec,
                                    std::unique_ptr<Adapter> adapter) {
    auto runner =
        std::make_unique<AdapterRunner>(module + "/" + name, lanes_.at(0),
                                        board_ == nullptr ? std::uint16_t{0} : board_->label(module, "adapter " + name),
                                        spec, std::move(adapter), post_, [this] {
                                            const std::lock_guard lock(mutex_);
                                            scheduled_ = true;
                                            changed_.notify_all();
                                        });
    const std::lock_guard lock(mutex_);
    runners_.push_back(std::move(runner));
    if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
    return *runners_.back();
}

void AdapterExecutor::remove(AdapterRunner& runner) {
    std::unique_lock lock(mutex_);
    const auto gone = [&] {
        return std::none_of(runners_.begin(), runners_.end(),
                            [&](const auto& known) { return known.get() == &runner; });
    };
    if (gone()) return;
    leaving_.push_back(&runner);
    changed_.notify_all();
    changed_.wait(lock, gone);
}

void AdapterExecutor::stop() {
    {
        const std::lock_guard lock(mutex_);
        if (!thread_.joinable()) return;
        for (auto at = runners_.rbegin(); at != runners_.rend(); ++at)
            leaving_.push_back(at->get());
        stopping_ = true;
        changed_.notify_all();
    }
    thread_.join();
    stopping_ = false;
}

void AdapterExecutor::run() {
    std::unique_lock lock(mutex_);
    for (;;) {
        changed_.wait(lock, [this] { return scheduled_ || stopping_ || !leaving_.empty(); });
        while (!leaving_.empty()) {
            AdapterRunner* runner = leaving_.front();
            leaving_.erase(leaving_.begin());
            lock.unlock();
            runner->finish();
            lock.lock();
            std::erase_if(runners_, [&](const auto& known) { return known.get() == runner; });
            changed_.notify_all();
        }
        if (stopping_) return;
        scheduled_ = false;
        std::vector<AdapterRunner*> now;
        for (const auto& runner : runners_)
            now.push_back(runner.get());
        for (AdapterRunner* runner : now) {
            lock.unlock();
            runner->serve();
            lock.lock();
        }
    }
}

}  // namespace weft::engine
