#pragma once

#include "appliers/ovsdb/levels.hpp"
#include "appliers/ovsdb/plan.hpp"

#include <weft/ovsdb/column.hpp>

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <unordered_map>
#include <vector>

namespace weft::appliers::ovsdb {

/// How an item stands in its own database.
enum class Standing : std::uint8_t {
    moving,  ///< something is still to be written, or on its way
    there,
    gone,
};

/// Why an item was told to have moved.
enum class Move : std::uint8_t {
    found,    ///< it was as it should be
    made,     ///< a row, member or column came
    changed,  ///< or was brought in line
    gone,     ///< or was taken away
    level,    ///< OVN has followed
    seen,     ///< the database told of a change; what it means is not known yet
};

/// One applier, as the others see it.
class Side {
  public:
    virtual bool owns(std::string_view table) const = 0;
    virtual Standing standing(const Item& item) = 0;
    /// Something that items of this side may wait for has moved. True when some did wait.
    virtual bool wake(const Item& on) = 0;

  protected:
    ~Side() = default;
};

/// The order in which the rows of a node's databases are applied: who comes after whom, and how far each has come. One
/// for all appliers of a node. Engine thread only; costs nothing for rows that nobody waits for.
class Order {
  public:
    using After = weft::ovsdb::After;
    using Level = weft::ovsdb::Level;
    using Mark = Levels::Mark;
    /// Says from what it sees that an item has (or has not) reached a level as there; nothing when it can't tell, and
    /// nb_cfg has to.
    using Witness = std::function<std::optional<bool>(const Item& item, Level level)>;
    using Listener = std::function<void(const Item& item, Move how)>;

    explicit Order(Duration patience = std::chrono::seconds(30)) : levels_(patience) {}

    void add(Side& side) { sides_.push_back(&side); }
    void remove(Side& side) { std::erase(sides_, &side); }
    void set_witness(Witness witness) { witness_ = std::move(witness); }
    /// Says of an item that goes whether somebody waits for its flows to have gone, though no rule said so.
    void set_departure(std::function<bool(const Item& item)> departure) { departure_ = std::move(departure); }
    /// Told when an item moves that somebody watches.
    void add_listener(Listener listener) { listeners_.push_back(std::move(listener)); }

    // What rules say
    // ---------------------------------------------------------------------------------------------------

    /// `item` is wanted, after those.
    void put(const Item& item, std::span<const After> after);
    /// It is not wanted any more: until it has gone, those it came after are held.
    void withdraw(const Item& item, std::span<const After> after);
    /// It is wanted, but no longer after those.
    void forget(const Item& item, std::span<const After> after);
    /// Somebody else wants to hear of an item's moves (an action).
    void watch(const After& on);
    void unwatch(const After& on);

    // What appliers ask
    // ------------------------------------------------------------------------------------------------

    /// May that what comes after this be applied? `is_new`: it was not there before, so an old row has to prove its
    /// level too.
    bool there(const After& after, bool is_new);
    /// The items that must go before this one may.
    std::vector<Item> holders(const Item& item);
    /// The row is as it is wanted now, there or gone, at this level.
    bool settled(const After& on);
    /// Somebody waits for how far this item's next change comes beyond the database: raise nb_cfg with it.
    bool wants_mark(const Item& item, Move how) const;
    /// Somebody wants to know what becomes of the item.
    bool concerns(const Item& item, Move how) const;

    // What appliers tell
    // -----------------------------------------------------------------------------------------------

    /// A change of the item was committed, together with a raise if `mark` isn't 0.
    void committed(const Item& item, Mark mark);
    void moved(const Item& item, Move how);
    /// A witness may have something else to say of the item.
    void look_again(const Item& item) { moved(item, Move::level); }
    /// NB_Global has (perhaps) new numbers.
    void told(const std::optional<Levels::Numbers>& numbers);
    void raised(Mark mark, std::int64_t number);
    /// Some item has moved since the last call: others that were looked at before may go on now.
    bool take_moved() { return std::exchange(moved_, false); }

    Levels& levels() { return levels_; }
    const Levels& levels() const { return levels_; }
    /// Called when a mark has come further.
    void on_levels(std::function<void()> told) { level_listeners_.push_back(std::move(told)); }

  private:
    struct Dependent {
        Item item;
        Level level;
    };
    struct Interest {
        std::vector<Dependent> dependents;  ///< wanted, after this
        std::vector<Dependent> leaving;     ///< withdrawn, not gone yet
        std::map<Level, unsigned> watchers;
        Mark mark = 0;  ///< covers the last change; 0: none was asked for since

        bool empty() const { return dependents.empty() && leaving.empty() && watchers.empty(); }
    };

    Standing standing(const Item& item) const;
    bool reached(const Item& item, Level level, bool as_there);
    void release_leaver(const Item& item);
    void stop_leaving(const Item& item, const Dependent& held);
    void drop_if_empty(const Item& item);
    void follow_levels();

    std::vector<Side*> sides_;
    Witness witness_;
    std::function<bool(const Item& item)> departure_;
    std::vector<Listener> listeners_;
    std::vector<std::function<void()>> level_listeners_;
    Levels levels_;
    std::unordered_map<Item, Interest, ItemHash> interests_;
    /// By an item that is leaving: what it holds until it has gone, and at which level.
    std::unordered_map<Item, std::vector<Dependent>, ItemHash> leavers_;
    std::multimap<Mark, Item> waiting_;  ///< for marks that are not installed
    Mark southbound_told_ = 0;
    bool moved_ = false;
};

}  // namespace weft::appliers::ovsdb
