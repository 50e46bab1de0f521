#pragma once

#include "kube/backoff.hpp"
#include "kube/framing.hpp"
#include "kube/known.hpp"
#include "kube/loop.hpp"
#include "kube/objects.hpp"
#include "kube/sink.hpp"
#include "kube/transport.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace weft::kube {

struct ReflectorOptions {
    std::string node;        ///< for WatchScope::local_node; without a node of one's own that is everything
    std::size_t page = 500;  ///< objects asked for at once
    /// Ask for the list as the beginning of a watch, where the server can.
    bool streaming_list = false;
    /// The server is asked to end a watch after a time between these; if it has not a little later, we do.
    Duration shortest_watch = std::chrono::minutes(5);
    Duration longest_watch = std::chrono::minutes(10);
    Duration watch_slack = std::chrono::seconds(30);
    /// A watch without a byte for so long is begun again where it was: bookmarks come more often from a live server.
    Duration watch_silence = std::chrono::seconds(150);
    Duration list_silence = std::chrono::seconds(60);
    Duration list_deadline = std::chrono::minutes(10);
    Duration end_of_page = std::chrono::milliseconds(300);  ///< after its last byte, the end need not be told
    /// A watch that lasted this long, or brought something new and was ended in order, was fine: the next one starts at
    /// once.
    Duration fair_watch = std::chrono::seconds(5);
    Backoff::Options backoff;
};

enum class ReflectorPhase : std::uint8_t { stopped, listing, watching, backing_off };
std::string_view to_string(ReflectorPhase phase);

/// For `weftctl status`, metrics and tests.
struct ReflectorStatus {
    std::string resource;  ///< "pods", "egressips.k8s.ovn.org"
    std::string table;
    ReflectorPhase phase = ReflectorPhase::stopped;
    bool complete = false;  ///< the first list is in
    std::size_t objects = 0;
    std::string resource_version;
    std::uint64_t lists = 0;     ///< finished
    std::uint64_t restarts = 0;  ///< lists begun anew because the server had forgotten where we were
    std::uint64_t watches = 0;   ///< begun
    std::uint64_t events = 0;    ///< without bookmarks
    std::uint64_t bookmarks = 0;
    std::uint64_t posted = 0;                            ///< puts and erasures since the first list
    std::uint64_t unchanged = 0;                         ///< events that touched no kept field
    std::string trouble;                                 ///< why it is not in step with the server; empty when it is
    std::vector<std::pair<ObjectRef, Error>> malformed;  ///< objects that cannot be read, at most 20 of them
    std::size_t malformed_count = 0;
};

/// Keeps one table in step with one resource of the API server: a list in pages, then a watch, for ever. Nothing is
/// lost by lost connections, restarts of the server, expired versions or repeated events; what changed in no kept field
/// goes no further. status() may be called on any thread, the rest on the loop's.
class Reflector {
  public:
    Reflector(Loop& loop, Transport& transport, Sink& sink, ResourceSpec resource, WatchScope scope,
              ReflectorOptions options, Random random = system_random());
    ~Reflector();

    void start();
    void stop();
    /// Watches more, or less, from now on: the difference is posted when the new list is in.
    void rescope(WatchScope scope);
    /// A new list, read by quorum, that begins after this call; `done` runs when its rows were posted.
    void relist(std::function<void()> done = {});
    /// Reads objects as this spec of the same resource does from now on, beginning with a new list; `done` as above.
    void reread(ResourceSpec resource, std::function<void()> done);

    const ResourceSpec& resource() const { return resource_; }
    WatchScope scope() const { return scope_; }
    bool complete() const { return complete_; }
    /// The latest version of an object, or null. Valid until the loop's next task.
    const Known* find(std::string_view identity) const;
    ReflectorStatus status() const;
    /// Frees what only the next burst needs.
    void give_back_memory() { document_ = JsonDocument(); }

  private:
    enum class Outcome : std::uint8_t { row, none, malformed };
    struct Reading {
        Outcome outcome = Outcome::none;
        RowPtr row;
    };

    void begin();
    void begin_list();
    void clear_incoming();
    void request_page();
    void on_item(std::string_view text);
    void await_end();
    void page_done(const Answer& answer);
    void finish_list(std::string_view resource_version);
    void post_difference();

    void begin_watch(bool initial);
    void watch_taken();
    void on_line(std::string_view line);
    void on_bookmark(JsonView object);
    void on_error_event(JsonView status);
    void on_object(JsonView object, bool deleted, bool repaired);
    void watch_done(const Answer& answer);
    void stream_broken(const std::string& why);
    void store(const ObjectMeta& meta, RowPtr row);
    void forget(const ObjectMeta& meta);

    Reading read(const ObjectMeta& meta, JsonView object, bool repaired);
    void insert_incoming(const ObjectMeta& meta, Reading reading);
    void complain(const ObjectMeta& meta, std::string identity, Error error);
    void mend(std::string_view identity);
    void expired(const std::string& why);
    void retry(const std::string& why, std::optional<Duration> retry_after, void (Reflector::*next)());
    void resume_watch() { begin_watch(false); }
    void in_step();
    void cancel_all();
    std::string scoped_path() const;
    /// Into document_; true when bytes had to be replaced to make it UTF-8.
    Result<bool> parse(std::string_view text);
    void publish();

    Loop& loop_;
    Transport& transport_;
    Sink& sink_;
    ResourceSpec resource_;
    WatchScope scope_;
    const ReflectorOptions options_;
    Random random_;
    Backoff backoff_;
    ScopedTimer timer_;
    Transport::Exchange exchange_ = Transport::Exchange::none;

    KnownSet known_;
    bool running_ = false;
    bool complete_ = false;

    // A list in progress.
    KnownSet incoming_;
    std::string continue_;
    ListSplitter splitter_;
    std::optional<Error> list_error_;
    std::size_t item_number_ = 0;
    unsigned expired_lists_ = 0;
    bool can_stream_ = true;
    std::vector<std::function<void()>> when_listed_;

    // A watch in progress.
    LineSplitter lines_;
    std::string version_text_;
    std::uint64_t version_ = 0;
    TimePoint watch_began_{};
    std::uint64_t watch_from_ = 0;  ///< the version it began at
    bool watch_brought_ = false;
    bool initial_ = false;
    unsigned broken_streams_ = 0;

    JsonDocument document_;
    bool document_is_large_ = false;
    std::map<std::string, std::pair<ObjectRef, Error>, std::less<>> malformed_;
    std::set<std::string, std::less<>> stale_malformed_;  ///< of these, what the list in progress did not find again

    ReflectorStatus counts_;
    mutable std::mutex mutex_;
    ReflectorStatus published_;
};

}  // namespace weft::kube
