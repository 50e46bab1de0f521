#pragma once

#include "encoder.hpp"
#include "store.hpp"

#include <memory>
#include <string>
#include <vector>

namespace weft::apiserver {

struct WatchQuery {
    Selection selection;
    std::string resource_version;
    std::string match;
    bool bookmarks = false;
    bool send_initial = false;      ///< sendInitialEvents=true: the objects, then a bookmark that ends them
    bool initial_is_asked = false;  ///< sendInitialEvents is given at all
};

/// One client's view of one resource's changes. Knows no connection: whoever owns it asks for the next bytes after each
/// change of the store. One thread.
class Watch {
  public:
    static Outcome<std::unique_ptr<Watch>> open(Store& store, const Target& target, Encoder encoder, WatchQuery query);

    enum class State {
        waiting,  ///< nothing more until something changes
        more,     ///< `limit` was reached
        ended,    ///< the client has to start anew
    };
    /// Appends what the client does not know yet, whole lines, stopping soon after `limit` bytes.
    State fill(std::string& out, std::size_t limit);

    /// The next fill adds a bookmark, if the client allows them and would learn something.
    void want_bookmark() { bookmark_wanted_ = bookmarks_; }
    /// The next fill ends the watch: its time is over.
    void finish() { finishing_ = true; }
    /// The next fill ends it with 410.
    void expire() { expired_ = true; }
    void set_duplicating(bool on) { duplicating_ = on; }

  private:
    Watch(Store& store, std::shared_ptr<Table> table, Encoder encoder, WatchQuery query);
    bool tell_initial(std::string& out, std::size_t limit);
    State tell_changes(std::string& out, std::size_t limit);
    void tell(std::string& out, const Change& change);

    Store& store_;
    std::shared_ptr<Table> table_;
    Encoder encoder_;
    Selection selection_;
    std::vector<ObjectPtr> initial_;
    std::size_t told_ = 0;  ///< of initial_
    std::uint64_t position_ = 0;
    std::uint64_t known_ = 0;  ///< the version that the client has been told; a bookmark tells a newer one
    bool bookmarks_;
    bool end_initial_;
    bool bookmark_wanted_ = false;
    bool finishing_ = false;
    bool expired_ = false;
    bool duplicating_ = false;
};

}  // namespace weft::apiserver
