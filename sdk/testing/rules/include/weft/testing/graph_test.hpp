#pragma once

#include <weft/engine/status.hpp>
#include <weft/plugin/plugin.hpp>
#include <weft/testing/row_set.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

/// Tests of whole plugins: all rules of a role in a real engine with the kernel's allocators, without databases, API
/// server or threads.
///
///   GraphTest graph({plugin}, Role::node);
///   graph.put(config()).put(pod());
///   graph.run();
///   EXPECT_EQ(graph.database("OVN_Northbound"), expected);
namespace weft::testing {

class GraphTest {
  public:
    /// Throws std::runtime_error, with the engine's words, when the graph is not right.
    GraphTest(const std::vector<PluginHandle*>& plugins, Role role);
    ~GraphTest();
    GraphTest(GraphTest&&) noexcept;
    GraphTest& operator=(GraphTest&&) noexcept;

    template <Row T>
    GraphTest& put(T row) {
        if constexpr (requires { row.settle_key(); }) row.settle_key();
        put(T::table_name, RowPtr::make(std::move(row)));
        return *this;
    }
    template <TableTag Tag>
    GraphTest& put_in(RowOf<Tag> row) {
        put(Tag::table_name, RowPtr::make(std::move(row)));
        return *this;
    }
    /// Rows of tables that the graph does not read are dropped.
    void put(std::string_view table, RowPtr row);
    void put(const RowSet& rows);
    /// This input is not complete yet, as when a list from the API server hangs; before the first run.
    void hold(const std::string& table);
    /// It is now.
    void release(const std::string& table);
    /// Lets the clock pass.
    void advance(Duration by);
    void erase(std::string_view table, std::string_view key);
    template <TableTag Tag>
    void erase(const std::string& key) {
        erase(Tag::table_name, key);
    }

    /// Ticks until all is up to date, then recomputes everything and throws std::logic_error when that gives something
    /// else. The first run makes all inputs complete. Returns how many rule instances ran.
    std::size_t run();

    std::vector<RowPtr> rows(std::string_view table) const;
    template <TableTag Tag>
    std::vector<RowOf<Tag>> all() const {
        std::vector<RowOf<Tag>> out;
        for (const auto& row : rows(Tag::table_name))
            out.push_back(row.template as<RowOf<Tag>>());
        return out;
    }
    /// The row, or an empty pointer.
    RowPtr find(std::string_view table, std::string_view key) const;
    /// What waits, failed or warns.
    std::vector<RuleStatus> statuses() const;
    /// The rows that rules want in a database, as tools print a database: see rows_text.hpp.
    std::vector<std::string> database(std::string_view name) const;
    /// All that rules want anywhere, in lines: the three databases, then every other table that nobody reads, then what
    /// waits, failed or warns.
    std::vector<std::string> everything() const;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace weft::testing
