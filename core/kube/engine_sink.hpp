#pragma once

#include "engine/change_set.hpp"
#include "kube/sink.hpp"

#include <functional>

namespace weft::kube {

/// Hands what reflectors see to the engine, one change set a flush.
class EngineSink final : public Sink {
  public:
    using Post = std::function<void(engine::ChangeSet)>;
    /// Told, on the loop's thread, of objects that cannot be read and of those that can be again (an empty error).
    using OnMalformed = std::function<void(const ObjectRef&, const Error*)>;

    /// `post` is engine.post in practice.
    explicit EngineSink(Post post, OnMalformed on_malformed = {})
        : post_(std::move(post)),
          on_malformed_(std::move(on_malformed)) {}

    void replace_all(std::string_view table, std::vector<RowPtr> rows) override {
        changes_.replace_all(table, std::move(rows));
    }
    void put(std::string_view table, RowPtr row, const RowPtr&) override { changes_.put(table, std::move(row)); }
    void erase(std::string_view table, std::string_view key) override { changes_.erase(table, key); }
    void complete(std::string_view table) override { changes_.complete(table); }
    void flush() override {
        if (!changes_.empty()) post_(std::exchange(changes_, {}));
    }
    void malformed(const ObjectRef& object, const Error& error) override {
        if (on_malformed_) on_malformed_(object, &error);
    }
    void mended(const ObjectRef& object) override {
        if (on_malformed_) on_malformed_(object, nullptr);
    }

  private:
    Post post_;
    OnMalformed on_malformed_;
    engine::ChangeSet changes_;
};

}  // namespace weft::kube
