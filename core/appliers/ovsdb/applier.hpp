#pragma once

#include "appliers/ovsdb/channel.hpp"
#include "appliers/ovsdb/ledger.hpp"
#include "appliers/ovsdb/order.hpp"
#include "appliers/ovsdb/plan.hpp"
#include "appliers/status.hpp"
#include "engine/engine.hpp"
#include "ovsdb/replica.hpp"

#include <weft/base/clock.hpp>

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

/// Makes one OVSDB database hold the rows that rules put, and nothing more of what is claimed. README.md has the story.
namespace weft::appliers::ovsdb {

/// What a Member or ForeignColumn row says, whichever database it is for.
struct MemberView {
    std::string table, row, column, map_key, value, ref_table;
    std::vector<weft::ovsdb::After> after;
};

/// The desired tables of one database that are not OVSDB tables themselves.
struct ExtraTables {
    TableSpec members;
    MemberView (*member)(const void* row) = nullptr;
    TableSpec foreign_columns;
    MemberView (*foreign_column)(const void* row) = nullptr;
};

template <class Db>
ExtraTables extra_tables() {
    using Member = weft::ovsdb::Member<Db>;
    using Foreign = weft::ovsdb::ForeignColumn<Db>;
    return {table_spec<Member>(),
            [](const void* row) -> MemberView {
                const auto& m = *static_cast<const Member*>(row);
                return {m.table, m.row, m.column, m.map_key, m.value, m.ref_table, m.after};
            },
            table_spec<Foreign>(),
            [](const void* row) -> MemberView {
                const auto& f = *static_cast<const Foreign*>(row);
                return {f.table, f.row, f.column, {}, f.value, f.ref_table, f.after};
            }};
}

/// Asked about rows that were there before this process: might a rule instance that waits or failed still want them?
/// `driver` is empty when the claim can't tell.
using Unsettled = std::function<bool(const weft::ovsdb::TableInfo& table, std::string_view driver)>;

class Applier final : public engine::Subscriber, private Side {
  public:
    struct Options {
        std::string name;  ///< "ovn-nb"
        /// In one transaction, but for groups that are larger. An ovsdb-server commits rows fastest by about a hundred:
        /// five hundred cost it a fifth more each, and it answers nobody else meanwhile.
        std::size_t most_operations = 200;
        /// So many items are worth a round of their own while transactions are on their way, and that many of those
        /// keep a server busy until the next round is planned. Fewer items wait for the answers, and go together.
        std::size_t least_ahead = 100;
        std::size_t most_ahead = 8;
        Duration first_retry = std::chrono::seconds(1);
        Duration most_retry = std::chrono::seconds(60);
        /// A row that somebody else changes this often within a minute is reported as flapping.
        std::size_t flap_count = 5;
        /// Shared by the appliers of a node. Without one, rows of other databases can't be waited for.
        std::shared_ptr<Order> order = nullptr;
    };

    /// The replica is read, on the engine thread; somebody else applies updates to it and tells what they changed.
    Applier(Options options, engine::Engine& engine, const weft::ovsdb::DatabaseReplica& replica, Channel& channel,
            ExtraTables extra, const Clock& clock, Unsettled unsettled);
    ~Applier();

    /// Subscribes to the engine; once, before its first tick.
    Result<void> start();
    /// `plugin`: whose claim it is. Rows that it covers and another plugin puts are refused.
    void add_claim(const weft::ovsdb::ClaimSpec& claim, const std::string& plugin = {});
    /// The claim's plugin is gone and what it had put has been withdrawn.
    void remove_claim(const weft::ovsdb::ClaimSpec& claim);

    // Engine thread, told by the engine:
    void changed(std::span<const Change> changes) override;
    void first_round_done() override;

    // Engine thread, told by whoever drives the database:
    /// The database has (again) told all its rows; learns them and looks at everything anew.
    void loaded();
    void database_changed(const weft::ovsdb::Changes& changes);
    void outcome(std::uint64_t transaction, const weft::ovsdb::Outcome& outcome);
    /// Some status of a rule has changed: rows that were held back may go now.
    void statuses_changed();
    /// Sends what is to be sent; after each tick and whenever something above was called.
    void flush();
    /// When flush() wants to be called though nothing happens (retries).
    std::optional<TimePoint> next_deadline() const;

    Status status() const;
    /// Transactions are on their way.
    bool writing() const { return !flights_.empty(); }
    /// The row of a desired table is in the database as it should be.
    bool applied(std::string_view table, std::string_view key) const;
    /// Does it make rows of this table?
    bool keeps(std::string_view table) const;
    /// Why a row of a desired table is not there as it should be; empty when nothing is known against it.
    std::string trouble(std::string_view table, std::string_view key) const;
    /// Table and key of the desired row that the database has under this UUID; nothing for rows of others.
    std::optional<std::pair<std::string, std::string>> row_with(const Uuid& uuid) const;
    /// The raise of the transaction that takes the row away and is on its way; 0 when there is none.
    Levels::Mark erasing(std::string_view table, std::string_view key) const;
    Order& order() { return *order_; }

  private:
    class Round;
    class Present;
    friend class Round;

    struct Failure {
        std::string what;
        std::string mend;
        unsigned attempts = 0;
        TimePoint next{};
        WallTime since{};
    };
    /// Foreign changes of an item that were put back within the last minute.
    struct Drift {
        std::deque<TimePoint> repairs;
        WallTime since{};
        bool told = false;
    };
    struct Flight {
        std::vector<Group> groups;
        Levels::Mark mark = 0;  ///< it raises nb_cfg
        bool only_adds = true;  ///< see Group
    };

    Ledger* ledger(std::string_view table);
    const Ledger* ledger(std::string_view table) const;
    void mark(const Item& item);
    void mark_rows_of(const Item& row, const std::unordered_map<Item, std::vector<Item>, ItemHash>& index);
    bool wake_blocked(const Item& item);
    void index_extra(const Item& item, const MemberView& view, bool add);
    void order_changed(const Item& item, std::span<const weft::ovsdb::After> before,
                       std::span<const weft::ovsdb::After> after, bool wanted);
    void row_changed(const weft::ovsdb::RowChange& change);
    bool is_echo(const Item& item, const Ledger& of, const RowPtr& actual, const OpenRow& opened) const;
    void members_changed(std::span<const weft::ovsdb::MemberChange> changes);
    std::vector<std::string> keys_of(const weft::ovsdb::TableInfo& table, const OpenRow& row) const;
    bool may_plan();
    void plan_round();
    void send(std::vector<Group> groups);
    void commit(std::vector<Group> groups);
    void settle(const Group& group, Levels::Mark mark);
    void fail(const Group& group, const weft::ovsdb::Outcome& outcome);
    void fail(const Item& item, const Error& error);
    bool raises(const std::vector<Group>& groups) const;
    void tell_levels();
    void repaired(const Item& item);
    void report_faults(Status& status) const;
    std::string put_by(const Item& item) const;
    Item row_item(std::string_view ovsdb_table, std::string_view key) const;

    bool owns(std::string_view table) const override;
    Standing standing(const Item& item) override;
    bool wake(const Item& on) override;
    Standing extra_standing(const Item& item) const;
    Uuid find_row(const Item& row) const;

    Options options_;
    std::shared_ptr<Order> order_;
    engine::Engine& engine_;
    const weft::ovsdb::DatabaseReplica& replica_;
    Channel& channel_;
    ExtraTables extra_;
    const Clock& clock_;
    Unsettled unsettled_;

    std::unordered_map<std::string_view, std::unique_ptr<Ledger>> ledgers_;  ///< by table_name
    std::vector<TableSpec> subscribed_;
    bool first_round_ = false;
    bool loaded_ = false;

    /// With whether the round that is being planned has looked at them.
    using Looks = std::unordered_map<Item, bool, ItemHash>;
    Looks dirty_;
    Looks planning_;                                        ///< what the round that is being planned looks at
    Round* round_ = nullptr;                                ///< the one that is being planned
    std::unordered_map<Item, RowPtr, ItemHash> withdrawn_;  ///< members and foreign columns to take back
    std::unordered_set<Item, ItemHash> definite_;  ///< withdrawn by a rule in this process: no need to ask `unsettled`
    std::unordered_set<Item, ItemHash> held_;      ///< not deleted because an unsettled instance may want them
    std::unordered_map<Item, std::vector<Item>, ItemHash> blocked_;     ///< by what they wait for
    std::unordered_map<Item, std::vector<Item>, ItemHash> members_of_;  ///< members and foreign columns by their row
    std::unordered_map<Item, std::vector<Item>, ItemHash> refers_to_;   ///< the same by the row their value refers to
    std::unordered_map<Item, Move, ItemHash> moves_;  ///< what becomes of items that somebody waits for
    std::unordered_map<Item, Failure, ItemHash> failures_;
    std::unordered_set<Item, ItemHash> expected_;  ///< changed by the engine since the last flush: no drift
    std::unordered_map<Item, Drift, ItemHash> drifts_;
    TimePoint drifts_swept_{};
    std::map<std::uint64_t, Flight> flights_;
    bool let_land_ = false;  ///< the next round has to see what became of all flights
    /// The items of flights_, with the raise that goes with them.
    std::unordered_map<const Item*, Levels::Mark, ItemHash, SameItem> flying_;

    std::uint64_t applied_count_ = 0;
    std::uint64_t transactions_ = 0;
    std::uint64_t repaired_ = 0;
};

}  // namespace weft::appliers::ovsdb
