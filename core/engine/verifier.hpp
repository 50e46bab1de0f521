#pragma once

#include "engine/engine_impl.hpp"

#include <string>
#include <vector>

namespace weft::engine {

/// Verifying: every instance is run again against the tables as they are, and what it puts and reads is compared with
/// what is recorded; then each table is compared with what its owners put, each index with its table, and operators
/// that keep no history with fresh ones. If each instance agrees with what it reads and each table with what is put,
/// the whole is what a recompute makes, but for who came first: that is history, and is checked for being allowed.
///
/// All checks but those of operators look at one instance, cell or bucket and its neighbours, so that they may be done
/// in slices. What a slice is to look at is listed when its rule, table or index has its turn; what has gone by then is
/// passed over, and what has come has just been computed.
class Engine::Impl::Verifier final : public Verification {
  public:
    explicit Verifier(Impl& impl);

    bool step(Duration budget) override;
    std::vector<Job> take_jobs() override { return std::exchange(jobs_, {}); }
    std::vector<Difference> take_found() override;
    std::size_t instances() const override { return instances_; }
    std::size_t rows() const override { return rows_; }

  private:
    enum class Phase { rules, tables, indexes, done };

    bool begin_next();
    void begin_rule();
    void begin_table();
    bool begin_index();
    void visit(std::uint32_t id);

    void differ(std::string_view table, std::string_view key, std::string instance, std::string what,
                const RowPtr& expected = {}, const RowPtr& found = {});
    void verify_driver(Node& node, CellId cell);
    void verify_instance(Node& node, InstanceId id);
    void verify_puts_of(const Instance& instance, const std::string& name);
    const RowPtr& row_at(OutputRef at) const;
    void verify_reads(const Node& node, const Instance& instance, const std::string& name);
    void verify_cell(Table& table, CellId id);
    void verify_puts(Table& table, CellId id);
    void verify_indexed(Table& table, CellId id);
    void verify_bucket(BucketId id);
    void verify_operator(Node& node);

    Impl& impl_;
    Store& store_;
    Run run_;
    Phase phase_ = Phase::rules;
    std::vector<std::string> rules_;  ///< by full name: they may go in between
    std::size_t at_ = 0;              ///< of the phase's rules, tables or indexes, from 1
    std::size_t index_at_ = 0;
    Node* node_ = nullptr;
    Table* table_ = nullptr;
    std::vector<std::uint32_t> todo_;  ///< cells or buckets of the present rule, table or index
    std::size_t todo_at_ = 0;
    std::size_t instances_ = 0;
    std::size_t rows_ = 0;
    std::vector<Difference> found_;
    std::vector<Job> jobs_;
};

}  // namespace weft::engine
