#include "ovsdb/replica.hpp"

#include "ovsdb/replica_tables.hpp"

#include <algorithm>
#include <optional>

namespace weft::ovsdb {

namespace {

/// Rows from a database hold UUIDs: nothing is left to resolve.
class NoResolver final : public RefResolver {
  public:
    Uuid uuid_of(std::string_view, std::string_view) const override { return {}; }
};
const NoResolver no_resolver;

}  // namespace

// ---------------------------------------------------------------------------------------------------------------------
// One update at work: rows first, then references, then the parents that follow from them.

class DatabaseReplica::Applying {
  public:
    Applying(DatabaseReplica& replica, Update&& update) : replica_(replica), update_(std::move(update)) {}

    Result<Changes> run() {
        if (update_.reset) erase_unmentioned();
        // Parents before children: a row whose parent is known when it comes is packed just once.
        for (const bool roots : {true, false}) {
            for (auto& table_update : update_.tables) {
                if (table_update.table->is_root != roots) continue;
                Table& table = replica_.of(*table_update.table);
                for (auto& row : table_update.rows) {
                    if (auto done = apply_row(table, row); !done) return std::move(done).error();
                }
            }
        }
        settle_parents();
        return finish();
    }

  private:
    struct Child {
        const TableInfo* table;
        Uuid uuid;
    };

    void erase_unmentioned() {
        std::vector<FlatTable<Uuid, UuidTraits>> mentioned(replica_.tables_.size());
        for (const auto& table_update : update_.tables) {
            auto& set = mentioned[table_update.table->index];
            for (const auto& row : table_update.rows)
                set.insert(row.uuid);
        }
        for (auto& table : replica_.tables_) {
            const auto& set = mentioned[table->info.index];
            std::vector<Uuid> gone;
            table->rows.each([&](const Entry& entry) {
                if (!set.find(entry.uuid.hash(), [&](const Uuid& u) { return u == entry.uuid; }))
                    gone.push_back(entry.uuid);
            });
            for (const auto& uuid : gone)
                erase(*table, *table->find(uuid));
        }
    }

    Result<void> apply_row(Table& table, RowUpdate& row) {
        Entry* entry = table.find(row.uuid);
        switch (row.kind) {
            case RowUpdate::Kind::erase:
                // A row that leaves a condition and the database at once may be told to go twice.
                if (entry) erase(table, *entry);
                return {};
            case RowUpdate::Kind::whole: entry ? replace(table, *entry, row) : insert(table, row); return {};
            case RowUpdate::Kind::modify:
                if (!entry) {
                    return again("a change of the row " + row.uuid.text() + " that isn't there")
                        .at("update of table " + std::string(table.info.name));
                }
                modify(table, *entry, row);
                return {};
        }
        return {};
    }

    void insert(Table& table, RowUpdate& row) {
        OpenRow open = row.row.open();
        if (Parent parent = parent_of(row.uuid); !parent.none()) {
            table.info.parent(open.get()) = std::move(parent);
            row.row = RowPtr::make(open.type(), open.get());
        }
        Entry& entry = table.insert(row.uuid, std::move(row.row), open);
        note(table, entry, RowPtr());
        refer(table.info, open.get(), entry.uuid, true);
        keep_open(entry, std::move(open));
        if (!table.info.large.empty()) {
            entry.large = std::make_unique<LargeSet[]>(table.info.large.size());
            for (auto& large : row.large)
                fill(entry, large);
        }
    }

    /// The members of a new row: no MemberChange, the row says it.
    void fill(Entry& entry, LargeUpdate& large) {
        LargeSet& set = entry.large[large.column->large_index];
        std::visit(
            [&](auto& members) {
                for (const auto& member : members) {
                    if (set.insert(member)) refer_member(*large.column, entry.uuid, member, true);
                }
            },
            large.values);
    }

    void replace(Table& table, Entry& entry, RowUpdate& row) {
        OpenRow next = row.row.open();
        table.info.parent(next.get()) = table.info.parent_of(entry.row.open().get());
        put(table, entry, next);
        change_large(table, entry.uuid, row);
    }

    void modify(Table& table, Entry& entry, RowUpdate& row) {
        const OpenRow patch = row.row.open();
        const ColumnSet changed = table.info.declared(patch.get());
        if (changed.any()) {
            OpenRow next = entry.row.open();
            for (const auto& column : table.info.columns) {
                if (!changed.test(column.index)) continue;
                if (row.replaced.test(column.index)) {
                    column.assign(next.get(), patch.get());
                } else {
                    column.apply_difference(next.get(), patch.get());
                }
                column.normalize(next.get());
            }
            put(table, entry, next);
        }
        change_large(table, entry.uuid, row);
    }

    void put(Table& table, Entry& entry, const OpenRow& next) {
        RowPtr row = RowPtr::make(next.type(), next.get());
        if (entry.row.equals(row)) return;
        const OpenRow before = entry.row.open();
        const bool renamed = table.info.natural_key_of(before.get()) != table.info.natural_key_of(next.get());
        refer_difference(table.info, before.get(), next.get(), entry.uuid);
        table.unindex(entry, before);
        std::swap(entry.row, row);
        table.index(entry, next);
        note(table, entry, std::move(row));
        if (!renamed) return;
        parent_ = {};
        touch_children(table, entry);
    }

    void erase(Table& table, Entry& entry) {
        parent_ = {};
        const Uuid uuid = entry.uuid;
        const RowPtr before = entry.row;
        const OpenRow open = before.open();
        refer(table.info, open.get(), uuid, false);
        for (const ColumnInfo* column : table.info.large) {
            if (!column->child_table) continue;
            entry.large[column->large_index].each_uuid([&](const Uuid& child) { link(*column, uuid, child, false); });
        }
        if (entry.change == Entry::none) {
            changes_.rows.push_back({&table.info, uuid, before, RowPtr()});
        } else {
            changes_.rows[entry.change].after = RowPtr();
            changes_.rows[entry.change].opened.reset();
        }
        table.erase(entry, open);
    }

    /// Records that this entry's row is new, once an update.
    void note(Table& table, Entry& entry, RowPtr before) {
        if (entry.change != Entry::none) return;
        entry.change = static_cast<std::uint32_t>(changes_.rows.size());
        changes_.rows.push_back({&table.info, entry.uuid, std::move(before), RowPtr()});
    }

    /// For who is told of the change. Not for all that a first load brings: unpacked, rows take much more room.
    void keep_open(const Entry& entry, OpenRow&& row) {
        constexpr std::size_t most = 1000;
        if (update_.reset || entry.change >= most) return;
        RowChange& change = changes_.rows[entry.change];
        change.after = entry.row;
        change.opened = std::make_shared<const OpenRow>(std::move(row));
    }

    // References ------------------------------------------------------------------------------------------------------

    void change_large(Table& table, const Uuid& uuid, RowUpdate& row) {
        for (auto& large : row.large) {
            Entry& entry = *table.find(uuid);
            LargeSet& set = entry.large[large.column->large_index];
            if (large.whole) to_difference(set, large);
            std::visit(
                [&](auto& members) {
                    for (auto& member : members) {
                        const bool added = set.insert(member);
                        if (!added) set.erase(member);
                        refer_member(*large.column, uuid, member, added);
                        changes_.members.push_back({&table.info, uuid, large.column, Scalar(std::move(member)), added});
                    }
                },
                large.values);
        }
    }

    /// Turns all members into those that came or went.
    static void to_difference(const LargeSet& old, LargeUpdate& large) {
        LargeSet now;
        SetValues difference;
        std::visit(
            [&](auto& members) {
                auto& changed = difference.emplace<std::remove_cvref_t<decltype(members)>>();
                for (const auto& member : members) {
                    if (now.insert(member) && !old.contains(Scalar(member))) changed.push_back(member);
                }
            },
            large.values);
        const auto gone = [&](auto member) {
            using Member = decltype(member);
            if (now.contains(Scalar(member))) return;
            if (!std::holds_alternative<std::vector<Member>>(difference)) difference.emplace<std::vector<Member>>();
            std::get<std::vector<Member>>(difference).push_back(std::move(member));
        };
        old.each_uuid([&](const Uuid& member) { gone(member); });
        old.each_text([&](const std::string& member) { gone(member); });
        large.values = std::move(difference);
    }

    void refer_member(const ColumnInfo& column, const Uuid& parent, const Uuid& child, bool add) {
        if (column.child_table) link(column, parent, child, add);
    }
    void refer_member(const ColumnInfo&, const Uuid&, const std::string&, bool) {}

    void refer(const TableInfo& table, const void* row, const Uuid& uuid, bool add) {
        for (const auto& column : table.columns) {
            if (!column.child_table || column.facts.large) continue;
            for (const auto& child : references(column, row))
                link(column, uuid, child, add);
        }
    }

    void refer_difference(const TableInfo& table, const void* before, const void* after, const Uuid& uuid) {
        for (const auto& column : table.columns) {
            if (!column.child_table || column.facts.large || column.same(before, after)) continue;
            for (const auto& child : references(column, before))
                link(column, uuid, child, false);
            for (const auto& child : references(column, after))
                link(column, uuid, child, true);
        }
    }

    void link(const ColumnInfo& column, const Uuid& parent, const Uuid& child, bool add) {
        const Link wanted{child, parent, column.table, &column};
        auto& links = *replica_.links_;
        if (add) {
            links.insert(wanted);
        } else if (Link* found = links.find(child.hash(), [&](const Link& l) { return l == wanted; })) {
            links.erase(found);
        }
        touch(*column.child_table, child);
    }

    void touch(const TableInfo& table, const Uuid& uuid) {
        if (!table.is_root) touched_.push_back({&table, uuid});
    }

    void touch_children(Table& table, const Entry& entry) {
        for (const auto& column : table.info.columns) {
            if (!column.child_table) continue;
            const TableInfo& children = *column.child_table;
            if (column.facts.large) {
                entry.large[column.large_index].each_uuid([&](const Uuid& child) { touch(children, child); });
            } else {
                for (const auto& child : references(column, entry.row.open().get()))
                    touch(children, child);
            }
        }
    }

    static std::vector<Uuid> references(const ColumnInfo& column, const void* row) {
        std::vector<Uuid> found;
        column.each_reference(row, &found, [](void* context, const Uuid& uuid) {
            static_cast<std::vector<Uuid>*>(context)->push_back(uuid);
        });
        return found;
    }

    // Parents ---------------------------------------------------------------------------------------------------------

    /// As DatabaseReplica::parent_of(). Children that come together mostly have one parent: it is looked at once.
    Parent parent_of(const Uuid& child) {
        const Link* link = nullptr;
        std::size_t count = 0;
        replica_.links_->find(child.hash(), [&](const Link& l) {
            if (l.child != child) return false;
            link = &l;
            ++count;
            return false;
        });
        if (count == 0) return {};
        if (count > 1) return replica_.parent_of(child);
        if (parent_.uuid != link->parent || parent_.column != link->column) {
            Parent found = replica_.parent_of(child);
            if (found.none()) return found;  // its row may be still to come
            parent_ = {link->parent, link->column, std::move(found)};
        }
        return parent_.as_parent;
    }

    void settle_parents() {
        for (const auto& child : touched_) {
            Table& table = replica_.of(*child.table);
            Entry* entry = table.find(child.uuid);
            if (!entry) continue;
            Parent parent = parent_of(child.uuid);
            if (table.info.hangs_on(entry->row, parent)) continue;
            OpenRow open = entry->row.open();
            note(table, *entry, entry->row);
            table.info.parent(open.get()) = std::move(parent);
            entry->row = RowPtr::make(open.type(), open.get());
        }
    }

    Result<Changes> finish() {
        for (auto& change : changes_.rows) {
            Table& table = replica_.of(*change.table);
            Entry* entry = table.find(change.uuid);
            if (!entry || entry->change == Entry::none || &changes_.rows[entry->change] != &change) continue;
            entry->change = Entry::none;
            if (!change.after.is(entry->row)) change.opened.reset();  // it was changed once more
            change.after = entry->row;
        }
        std::erase_if(changes_.rows, [](const RowChange& c) { return !c.before && !c.after; });
        return std::move(changes_);
    }

    DatabaseReplica& replica_;
    Update update_;
    Changes changes_;
    std::vector<Child> touched_;
    /// The parent that was looked at last.
    struct {
        Uuid uuid;
        const ColumnInfo* column = nullptr;
        Parent as_parent;
    } parent_;
};

// ---------------------------------------------------------------------------------------------------------------------

DatabaseReplica::DatabaseReplica(const DatabaseInfo& database)
    : database_(database),
      links_(std::make_unique<FlatTable<Link, LinkTraits>>()) {
    for (const auto& table : database.tables())
        tables_.push_back(std::make_unique<Table>(*table));
}

DatabaseReplica::~DatabaseReplica() = default;

Result<Changes> DatabaseReplica::apply(Update&& update) {
    return Applying(*this, std::move(update)).run();
}

DatabaseReplica::Table& DatabaseReplica::of(const TableInfo& table) const {
    return *tables_[table.index];
}

std::size_t DatabaseReplica::size(const TableInfo& table) const {
    return of(table).rows.size();
}

RowPtr DatabaseReplica::find(const TableInfo& table, const Uuid& uuid) const {
    const Entry* entry = of(table).find(uuid);
    return entry ? entry->row : RowPtr();
}

OpenRow DatabaseReplica::open(const TableInfo& table, const Uuid& uuid) const {
    const Entry* entry = of(table).find(uuid);
    return entry ? entry->row.open() : OpenRow();
}

void DatabaseReplica::each(const TableInfo& table, const std::function<void(const RowPtr&)>& visit) const {
    of(table).rows.each([&](const Entry& entry) { visit(entry.row); });
}

std::vector<RowPtr> DatabaseReplica::find_by_key(const TableInfo& table, std::string_view key) const {
    return of(table).bucket(0, key);
}

std::size_t DatabaseReplica::add_index(const TableInfo& table, IndexFunction of_row) {
    return of(table).add_index(std::move(of_row));
}

std::vector<RowPtr> DatabaseReplica::find_by_index(const TableInfo& table, std::size_t index,
                                                   std::string_view value) const {
    return of(table).bucket(index, value);
}

const LargeSet* DatabaseReplica::members(const TableInfo& table, const Uuid& row, const ColumnInfo& column) const {
    const Entry* entry = column.facts.large ? of(table).find(row) : nullptr;
    return entry ? &entry->large[column.large_index] : nullptr;
}

std::vector<Scalar> DatabaseReplica::all_members(const TableInfo& table, const Uuid& row,
                                                 const ColumnInfo& column) const {
    if (const LargeSet* large = members(table, row, column)) return large->members();
    const OpenRow found = open(table, row);
    return found ? column.members(found.get(), no_resolver) : std::vector<Scalar>();
}

bool DatabaseReplica::contains(const TableInfo& table, const Uuid& row, const ColumnInfo& column,
                               const Scalar& member) const {
    if (const LargeSet* large = members(table, row, column)) return large->contains(member);
    const auto all = all_members(table, row, column);
    return std::find(all.begin(), all.end(), member) != all.end();
}

bool DatabaseReplica::satisfied(const TableInfo& table, const Uuid& row, const ColumnInfo& column, const void* desired,
                                const RefResolver& resolver) const {
    const LargeSet* large = members(table, row, column);
    if (!large) {
        const OpenRow actual = open(table, row);
        return actual && column.satisfied(desired, actual.get(), resolver);
    }
    const auto wanted = column.members(desired, resolver);
    return wanted.size() == large->size() &&
           std::all_of(wanted.begin(), wanted.end(), [&](const Scalar& member) { return large->contains(member); });
}

std::vector<Parent> DatabaseReplica::parents(const Uuid& uuid) const {
    std::vector<Link> found;
    links_->find(uuid.hash(), [&](const Link& link) {
        if (link.child == uuid) found.push_back(link);
        return false;
    });
    std::sort(found.begin(), found.end(), [](const Link& a, const Link& b) {
        return std::tie(a.table->index, a.column->index, a.parent) <
               std::tie(b.table->index, b.column->index, b.parent);
    });
    std::vector<Parent> parents;
    for (const auto& link : found) {
        const OpenRow row = open(*link.table, link.parent);
        if (!row) continue;
        std::string key = link.table->natural_key_of(row.get());
        parents.push_back({link.table->name, link.column->name, key.empty() ? link.parent.text() : std::move(key)});
    }
    return parents;
}

Parent DatabaseReplica::parent_of(const Uuid& child) const {
    auto all = parents(child);
    return all.empty() ? Parent() : std::move(all.front());
}

std::size_t DatabaseReplica::overhead() const {
    std::size_t bytes = links_->capacity() * sizeof(Link);
    for (const auto& table : tables_)
        bytes += table->overhead();
    return bytes;
}

}  // namespace weft::ovsdb
