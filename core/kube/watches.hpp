#pragma once

#include "kube/reflector.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace weft::kube {

/// All that a weftd watches: one reflector for each resource that somebody asked for, as wide as the widest wish.
/// status() may be called on any thread, the rest on the loop's.
class Watches {
  public:
    /// Built-in resources keep annotations under `annotation_prefixes` too.
    Watches(Loop& loop, Transport& transport, Sink& sink, ReflectorOptions options,
            std::vector<std::string> annotation_prefixes = {});

    /// From now on this resource is watched, at least so wide. Two specs for one table are one watch.
    void want(ResourceSpec resource, WatchScope scope);
    /// The built-in resource of a table (Node, Namespace, Pod); false when there is none.
    bool want(const TableSpec& table, WatchScope scope);
    void drop(std::string_view table);
    void start();
    void stop();

    /// New lists of everything, read by quorum after this call; `done` runs when all rows were posted.
    void relist(std::function<void()> done);
    /// Built-in resources keep annotations under these prefixes too from now on. `done` runs when all rows that were
    /// posted without them were posted anew.
    void keep_annotations(std::vector<std::string> prefixes, std::function<void()> done);

    struct Object {
        bool watched = false;  ///< its kind is, and the first list is in: an empty row means that there is none
        const Known* known = nullptr;
    };
    /// The latest state of an object of a kind. With a narrow watch, absence says nothing about other nodes' objects.
    Object find(std::string_view kind, std::string_view ns, std::string_view name) const;
    WatchScope scope_of(std::string_view kind) const;
    /// How objects of a kind that is watched are addressed; null for others.
    const ResourceSpec* resource_of(std::string_view kind) const;

    std::vector<ReflectorStatus> status() const;
    /// Frees what only the next burst needs.
    void give_back_memory();

  private:
    /// The resource of a table that weft itself knows, as it is read now.
    std::optional<ResourceSpec> built_in(std::string_view table) const;

    Loop& loop_;
    Transport& transport_;
    Sink& sink_;
    const ReflectorOptions options_;
    std::vector<std::string> annotation_prefixes_;
    bool running_ = false;
    mutable std::mutex mutex_;  ///< guards the vector against status() on other threads
    std::vector<std::unique_ptr<Reflector>> reflectors_;
};

}  // namespace weft::kube
