#pragma once

#include "kube/sink.hpp"

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

namespace weft::kube::test {

/// A sink that other threads can look into and wait on.
class TableSink final : public Sink {
  public:
    using Rows = std::map<std::string, RowPtr>;

    void replace_all(std::string_view table, std::vector<RowPtr> rows) override {
        const std::lock_guard lock(mutex_);
        auto& to = tables_[std::string(table)];
        to.clear();
        for (auto& row : rows)
            to.insert_or_assign(std::string(row.key()), row);
        ++replaced_;
        changed_.notify_all();
    }
    void put(std::string_view table, RowPtr row, const RowPtr&) override {
        const std::lock_guard lock(mutex_);
        ++changes_;
        tables_[std::string(table)].insert_or_assign(std::string(row.key()), std::move(row));
        changed_.notify_all();
    }
    void erase(std::string_view table, std::string_view key) override {
        const std::lock_guard lock(mutex_);
        ++changes_;
        tables_[std::string(table)].erase(std::string(key));
        changed_.notify_all();
    }
    void complete(std::string_view table) override {
        const std::lock_guard lock(mutex_);
        complete_.insert(std::string(table));
        changed_.notify_all();
    }
    void flush() override {}
    void malformed(const ObjectRef& object, const Error& error) override {
        const std::lock_guard lock(mutex_);
        problems_.push_back(object.ns + "/" + object.name + ": " + error.text());
        changed_.notify_all();
    }
    void mended(const ObjectRef&) override {}

    /// Waits until `holds` of the table's rows, at most half a minute.
    bool wait(const std::string& table, const std::function<bool(const Rows&)>& holds) {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, std::chrono::seconds(30),
                                 [&] { return complete_.contains(table) && holds(tables_[table]); });
    }
    bool wait_keys(const std::string& table, const std::set<std::string>& keys) {
        return wait(table, [&](const Rows& rows) {
            return rows.size() == keys.size() &&
                   std::equal(rows.begin(), rows.end(), keys.begin(),
                              [](const auto& row, const auto& key) { return row.first == key; });
        });
    }
    bool wait_problem(const std::string& text) {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, std::chrono::seconds(30), [&] {
            return std::any_of(problems_.begin(), problems_.end(),
                               [&](const auto& p) { return p.find(text) != std::string::npos; });
        });
    }
    std::size_t changes() const {
        const std::lock_guard lock(mutex_);
        return changes_;
    }
    Rows rows(const std::string& table) const {
        const std::lock_guard lock(mutex_);
        const auto at = tables_.find(table);
        return at == tables_.end() ? Rows() : at->second;
    }

  private:
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::map<std::string, Rows> tables_;
    std::set<std::string> complete_;
    std::vector<std::string> problems_;
    std::size_t changes_ = 0;
    std::size_t replaced_ = 0;
};

}  // namespace weft::kube::test
