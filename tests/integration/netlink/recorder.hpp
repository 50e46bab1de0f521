#pragma once

#include "appliers/netlink/host_feed.hpp"
#include "integration/netlink/scratch.hpp"

#include <map>
#include <mutex>
#include <set>
#include <string>

namespace weft::netlink::testing {

/// A sink that keeps the rows as the engine would.
class Recorder final : public Sink {
  public:
    void post(std::vector<InputChange> changes) override {
        {
            const std::scoped_lock lock(mutex_);
            for (auto& change : changes) {
                ++posts_;
                auto& table = rows_[std::string(change.table.name)];
                if (change.row) {
                    table[change.key] = change.row;
                } else {
                    table.erase(change.key);
                }
            }
        }
        signal_.poke();
    }
    void complete(const TableSpec& table) override {
        {
            const std::scoped_lock lock(mutex_);
            complete_.insert(std::string(table.name));
        }
        signal_.poke();
    }

    RowPtr find(const std::string& table, const std::string& key) const {
        const std::scoped_lock lock(mutex_);
        const auto rows = rows_.find(table);
        if (rows == rows_.end()) return {};
        const auto row = rows->second.find(key);
        return row == rows->second.end() ? RowPtr() : row->second;
    }
    bool has(const std::string& table, const std::string& key) const { return bool(find(table, key)); }
    bool is_complete(const std::string& table) const {
        const std::scoped_lock lock(mutex_);
        return complete_.contains(table);
    }
    std::size_t posts() const {
        const std::scoped_lock lock(mutex_);
        return posts_;
    }
    Signal& signal() { return signal_; }

  private:
    mutable std::mutex mutex_;
    std::map<std::string, std::map<std::string, RowPtr>> rows_;
    std::set<std::string> complete_;
    std::size_t posts_ = 0;
    Signal signal_;
};

}  // namespace weft::netlink::testing
