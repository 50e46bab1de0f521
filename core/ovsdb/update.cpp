#include "ovsdb/update.hpp"

#include "ovsdb/codec.hpp"

#include <optional>

namespace weft::ovsdb {

namespace {

/// Parses the rows of one table; stops at the first error.
class TableParser {
  public:
    TableParser(const TableInfo& table, const Capabilities& capabilities)
        : table_(table),
          composite_(capabilities.composite(table)) {
        update_.table = &table;
    }

    void row2(std::string_view uuid_text, const JsonView& change) {
        RowUpdate row;
        if (!begin(row, uuid_text)) return;
        if (change["modify"].is_object()) {
            row.kind = RowUpdate::Kind::modify;
            fill(row, change["modify"]);
        } else if (change["insert"].is_object()) {
            fill(row, change["insert"]);
        } else if (change["initial"].is_object()) {
            fill(row, change["initial"]);
        } else if (change["delete"].present()) {
            row.kind = RowUpdate::Kind::erase;
        } else {
            return fail("neither initial, insert, modify nor delete");
        }
        update_.rows.push_back(std::move(row));
    }

    void row1(std::string_view uuid_text, const JsonView& change) {
        RowUpdate row;
        if (!begin(row, uuid_text)) return;
        if (change["new"].is_object()) {
            fill(row, change["new"]);
        } else if (change["old"].present()) {
            row.kind = RowUpdate::Kind::erase;
        } else {
            return fail("neither old nor new");
        }
        update_.rows.push_back(std::move(row));
    }

    Result<TableUpdate> take() {
        if (error_) return *std::move(error_);
        return std::move(update_);
    }

  private:
    bool begin(RowUpdate& row, std::string_view uuid_text) {
        if (error_) return false;
        auto uuid = Uuid::parse(uuid_text);
        if (!uuid || uuid->is_zero()) {
            fail("a row without a UUID: " + json_quote(uuid_text.substr(0, 64)));
            return false;
        }
        row.uuid = *uuid;
        return true;
    }

    void fill(RowUpdate& row, const JsonView& columns) {
        OpenRow open(*table_.type);
        void* memory = open.get();
        if (row.kind == RowUpdate::Kind::whole) table_.identify(memory, row.uuid);
        struct {
            TableParser& parser;
            RowUpdate& row;
            void* memory;
        } state{*this, row, memory};
        columns.members([&state](std::string_view name, JsonView json) {
            state.parser.column(state.row, state.memory, name, json);
        });
        if (row.kind == RowUpdate::Kind::whole) finish_whole(row, memory);
        row.row = RowPtr::make(*table_.type, memory);
    }

    void column(RowUpdate& row, void* memory, std::string_view name, const JsonView& json) {
        if (error_) return;
        const ColumnInfo* column = table_.column(name);
        if (!column) {
            if (name == "_uuid" || name == "_version") return;
            return fail("unknown column " + json_quote(name.substr(0, 64)));
        }
        const bool whole = row.kind == RowUpdate::Kind::whole || !composite_.test(column->index);
        if (column->facts.large) {
            LargeUpdate large{column, whole, {}};
            const bool good = column->key.atom == Atom::uuid ? members<Uuid>(json, large.values)
                                                             : members<std::string>(json, large.values);
            if (!good) return fail("column " + std::string(name) + ": no set of its type");
            row.large.push_back(std::move(large));
            return;
        }
        if (auto parsed = column->parse(json, memory); !parsed) return fail(parsed.error().what);
        if (whole && column->is_composite()) row.replaced.set(column->index);
    }

    /// A row that comes whole names every column that isn't empty: large ones it leaves out have no members.
    void finish_whole(RowUpdate& row, void* memory) {
        for (const auto& column : table_.columns)
            column.normalize(memory);
        for (const ColumnInfo* column : table_.large) {
            bool named = false;
            for (const auto& l : row.large)
                named = named || l.column == column;
            if (!named) row.large.push_back({column, true, {}});
        }
    }

    template <class T>
    static bool members(const JsonView& json, SetValues& to) {
        auto& values = to.emplace<std::vector<T>>();
        return codec::each_member(json, [&values](const JsonView& member) {
            if (!codec::parse(member, values.emplace_back())) return false;
            if constexpr (std::is_same_v<T, Uuid>) return !values.back().is_zero();
            return true;
        });
    }

    void fail(std::string what) {
        if (!error_) error_ = invalid(std::move(what)).at("update of table " + std::string(table_.name));
    }

    const TableInfo& table_;
    ColumnSet composite_;
    TableUpdate update_;
    std::optional<Error> error_;
};

using RowParser = void (TableParser::*)(std::string_view, const JsonView&);

Result<Update> parse(const JsonView& updates, const DatabaseInfo& database, const Capabilities& capabilities,
                     RowParser row_parser) {
    struct {
        const DatabaseInfo& database;
        const Capabilities& capabilities;
        RowParser row_parser;
        Update update;
        std::optional<Error> error;
    } state{database, capabilities, row_parser, {}, {}};
    if (!updates.is_object()) return invalid("an update that is no object: " + updates.dump().substr(0, 100));
    updates.members([&state](std::string_view name, JsonView rows) {
        if (state.error) return;
        const TableInfo* table = state.database.table(name);
        if (!table || !rows.is_object()) {
            state.error = invalid("an update of a table that weft didn't ask for: " + json_quote(name.substr(0, 64)));
            return;
        }
        struct {
            TableParser parser;
            RowParser row_parser;
        } inner{TableParser(*table, state.capabilities), state.row_parser};
        rows.members(
            [&inner](std::string_view uuid, JsonView change) { (inner.parser.*inner.row_parser)(uuid, change); });
        auto parsed = inner.parser.take();
        if (!parsed) {
            state.error = std::move(parsed).error();
        } else {
            state.update.tables.push_back(*std::move(parsed));
        }
    });
    if (state.error) return *std::move(state.error);
    return std::move(state.update);
}

}  // namespace

Result<Update> parse_updates2(const JsonView& updates, const DatabaseInfo& database, const Capabilities& capabilities) {
    return parse(updates, database, capabilities, &TableParser::row2);
}

Result<Update> parse_updates(const JsonView& updates, const DatabaseInfo& database, const Capabilities& capabilities) {
    return parse(updates, database, capabilities, &TableParser::row1);
}

}  // namespace weft::ovsdb
