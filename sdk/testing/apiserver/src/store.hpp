#pragma once

#include "apply.hpp"
#include "service_addresses.hpp"
#include "table.hpp"

#include <weft/base/clock.hpp>

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace weft::apiserver {

/// What a write is about. Keeps the resource as it was when the request came in.
struct Target {
    std::shared_ptr<Table> table;
    std::shared_ptr<const Resource> resource;
    const Version* version = nullptr;
    std::string space;
    std::string name;
    std::string subresource;

    std::string key() const { return resource->namespaced ? space + "/" + name : name; }
};

struct WriteOptions {
    std::string manager = "unknown";
    bool dry_run = false;
    bool applied = false;  ///< by server-side apply: the object's managedFields are right already
};

struct DeleteOptions {
    std::optional<std::int64_t> grace;
    std::string uid;               ///< precondition; empty for none
    std::string resource_version;  ///< precondition; empty for none
    bool dry_run = false;
};

struct Written {
    ObjectPtr object;
    bool created = false;
    bool changed = true;
};

struct Removed {
    ObjectPtr object;      ///< as it is now, or as it was when it went
    bool pending = false;  ///< still there: grace, finalizers or content of a namespace
    bool changed = true;
};

struct ListQuery {
    Selection selection;
    std::size_t limit = 0;
    std::string continue_token;
    std::string resource_version;
    std::string match;
};

struct ListAnswer {
    std::vector<ObjectPtr> items;
    std::uint64_t revision = 0;
    std::string continue_token;
    std::optional<std::size_t> remaining;
};

struct StoreOptions {
    std::size_t history = 20'000;  ///< changes remembered for each resource
    std::vector<IpPrefix> service_ranges;
    const Clock* clock = &Clock::system();
};

/// All objects and the rules by which they change. Any thread; one lock over everything.
class Store {
  public:
    explicit Store(StoreOptions options);

    std::shared_ptr<Table> find_table(std::string_view group, std::string_view plural) const;
    /// By plural, singular, kind or short name.
    std::shared_ptr<Table> find_kind(std::string_view word) const;
    std::vector<std::shared_ptr<Table>> tables() const;

    ObjectPtr get(const Target& target) const;
    Outcome<ListAnswer> list(const Table& table, const ListQuery& query) const;
    Outcome<ObjectPtr> create(const Target& target, Json object, const WriteOptions& options);
    /// `edit` turns the stored object into the wanted one; the target must exist, unless `may_create`: then edit is
    /// given an empty object.
    using Edit = std::function<Outcome<Json>(const Json& before)>;
    Outcome<Written> update(const Target& target, const Edit& edit, bool may_create, const WriteOptions& options);
    Outcome<Removed> remove(const Target& target, const DeleteOptions& options);
    /// What was asked to go.
    Outcome<std::vector<ObjectPtr>> remove_all(const Target& target, const Selection& selection,
                                               const DeleteOptions& options);
    /// The scheduler's act: sets the node of a pod that has none.
    Outcome<ObjectPtr> bind(const Target& pod, const Json& binding, const WriteOptions& options);
    /// Puts an object as it is, with its uid, status and deletion timestamp, over whatever is there.
    /// A revision gives it that one, as if nothing happened between then and now.
    Outcome<ObjectPtr> restore(const Target& target, Json object, std::uint64_t revision = 0);
    /// The object is gone since `revision`, without anything that removing does.
    void forget(const Target& target, std::uint64_t revision);

    std::uint64_t revision() const;
    /// The time as objects tell it.
    std::string time() const { return now(); }
    /// Forgets history: watches and continued lists from earlier versions expire.
    void compact();

    /// Guards the tables for readers that look closer, such as watches.
    std::unique_lock<std::mutex> lock() const { return std::unique_lock(mutex_); }
    std::uint64_t revision_locked() const { return revision_; }
    /// Called after every change, under the lock. Set before the first request.
    void on_change(std::function<void()> call) { on_change_ = std::move(call); }
    /// Called before every change can be seen, under the lock, with the object as it is from then on, or with what was
    /// there when it is gone. Set before the first request.
    using OnWrite = std::function<void(const Resource&, const Object&, std::uint64_t revision, bool gone)>;
    void on_write(OnWrite call) { on_write_ = std::move(call); }
    /// Until something changed after `revision`; false when the deadline passes first.
    bool wait_beyond(std::uint64_t revision, TimePoint deadline) const;

  private:
    std::string now() const;
    std::shared_ptr<Table> table_locked(std::string_view group, std::string_view plural) const;
    Problem check_namespace(const Target& target) const;
    Problem name_new_object(const Target& target, Json& metadata) const;
    Outcome<ObjectPtr> create_locked(const Target& target, Json object, const WriteOptions& options);
    Outcome<Written> update_locked(const Target& target, const Edit& edit, bool may_create,
                                   const WriteOptions& options);
    Outcome<Json> check_edit(const Target& target, const Json& before, Json wanted) const;
    Outcome<Removed> remove_locked(const Target& target, const DeleteOptions& options);
    Outcome<Removed> remove_pod(const Target& target, Json object, const DeleteOptions& options);
    Removed mark_deleting(const Target& target, Json object, std::optional<std::int64_t> grace, bool dry_run);
    Removed purge_or_wait(const Target& target, Json object, bool dry_run);
    Outcome<Removed> remove_namespace(const Target& target, Json object, bool dry_run);
    Removed remove_definition(const Target& target, Json object, bool dry_run);
    ObjectPtr commit(const Target& target, const Json& object);
    void purge(const Target& target);
    void finish_namespace(const std::string& space);
    void finish_definition(const Resource& resource);
    Problem check_definition(const Json& definition) const;
    void serve_definition(const Json& definition);
    Outcome<bool> reassign_service(const Json& before, Json& object, const Target& target);
    Target target_of(const std::shared_ptr<Table>& table, const Object& object) const;
    void changed();

    StoreOptions options_;
    mutable std::mutex mutex_;
    mutable std::condition_variable changed_;
    std::function<void()> on_change_;
    OnWrite on_write_;
    std::uint64_t revision_ = 1;
    std::map<std::pair<std::string, std::string>, std::shared_ptr<Table>> tables_;
    ServiceAddresses services_;
};

}  // namespace weft::apiserver
