#pragma once

#include "object.hpp"
#include "selector.hpp"

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace weft::apiserver {

/// One step of a table's history: `before` is empty for a new object, `now` for one that was removed.
struct Change {
    std::uint64_t revision = 0;
    ObjectPtr before;
    ObjectPtr now;
};

/// A part of a list, in key order.
struct Page {
    std::vector<ObjectPtr> items;
    std::string last_key;  ///< of the last item looked at
    bool more = false;     ///< something that matches may follow
    std::size_t remaining = 0;
};

/// The objects of one resource and what happened to them lately. Not locked: the Store's lock covers it.
class Table {
  public:
    Table(Resource resource, std::size_t history_limit)
        : resource_(std::make_shared<const Resource>(std::move(resource))),
          history_limit_(history_limit) {}

    const Resource& resource() const { return *resource_; }
    std::shared_ptr<const Resource> shared_resource() const { return resource_; }
    void set_resource(Resource resource) { resource_ = std::make_shared<const Resource>(std::move(resource)); }

    const std::map<std::string, ObjectPtr, std::less<>>& objects() const { return objects_; }
    ObjectPtr find(std::string_view key) const;
    bool has_any_in(std::string_view space) const;
    std::vector<ObjectPtr> all_in(std::string_view space) const;

    void put(ObjectPtr object);
    void remove(std::string_view key, std::uint64_t revision);

    /// Items behind `after` that match, at most `limit` (0 for all), as they were at `revision`. The caller made sure
    /// that remembers(revision).
    Page page(const Selection& selection, std::string_view after, std::size_t limit, std::uint64_t revision) const;

    /// True when every change after `revision` is still known.
    bool remembers(std::uint64_t revision) const { return revision >= forgotten_; }
    void forget(std::uint64_t up_to);
    std::uint64_t last_change() const { return last_change_; }
    /// Index into history() of the first change after `revision`.
    std::size_t first_after(std::uint64_t revision) const;
    const std::deque<Change>& history() const { return history_; }

    /// Set when its definition is gone: watches end.
    bool closed() const { return closed_; }
    void close() { closed_ = true; }

  private:
    void record(Change change);

    std::shared_ptr<const Resource> resource_;
    std::size_t history_limit_;
    std::map<std::string, ObjectPtr, std::less<>> objects_;
    std::deque<Change> history_;
    std::uint64_t forgotten_ = 0;
    std::uint64_t last_change_ = 0;
    bool closed_ = false;
};

}  // namespace weft::apiserver
