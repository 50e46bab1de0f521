#pragma once

#include "../default-network/fixture.hpp"
#include "rows.hpp"
#include "table.hpp"
#include "traffic.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace weft::testing {

/// Something that breaks. Each step may be empty.
struct Fault {
    std::string name;
    std::function<Result<void>()> strike;     ///< breaks it
    std::function<Result<void>()> meanwhile;  ///< while it is broken, after a node left the cluster and another joined
    std::function<Result<void>()> mend;       ///< it is good again when this returns; from here on time counts
    std::function<Result<void>()> settle;     ///< beyond what always has to be in step again
    bool api_is_there = true;                 ///< false: nothing can change in the cluster until it is mended
    bool with_weft = true;
    std::string note = {};
    std::string own_rows = {};  ///< rows with this text in them go and come by what is done: they don't count
};

/// Two nodes with real OVN, weft on both, two weftds for the cluster, and pods that talk: built once for all faults.
class World {
  public:
    static Result<std::unique_ptr<World>> build();

    Cluster& cluster() { return weft_->cluster(); }
    WeftCluster& weft() { return *weft_; }
    OvnNode& ovn(const std::string& node) { return *cluster().node(node).ovn; }
    Process& weftd(const std::string& node) { return cluster().node(node).weftd; }

    /// The weftd of the cluster that has the Lease, and the one that waits.
    Result<Process*> leader();
    Result<void> wait_leader();
    /// Until the Lease was renewed on that day, by its holder's clock.
    Result<void> wait_renewed(const std::string& day);

    /// Lets it happen while pods talk, writes its row into the table.
    Result<FaultRow> suffer(const Fault& fault);
    const FaultTable& table() const { return table_; }
    /// Says more about the fault that was suffered last.
    void note(const std::string& text) { table_.note(text); }

    Result<void> wait_in_step();
    Result<JsonDocument> status(const std::string& node);
    /// weftctl for a node's weftd.
    Result<std::string> weftctl(const std::string& node, const Argv& arguments);
    /// The node without a machine that joined last.
    std::string last_joined() const { return ghost(ghost_); }
    /// Every weftd dies, or runs again.
    void kill_weft();
    Result<void> start_weft();

  private:
    Result<void> add_second_candidate();
    Result<void> add_ghost();
    Result<void> swap_ghosts();
    Result<void> wait_node_knows_ghosts(const std::string& node);
    Result<void> wait_talking();
    Result<Rows> all_rows();
    std::string ghost(int number) const;

    std::unique_ptr<WeftCluster> weft_;
    Process second_;
    std::vector<RunningPod> pods_;  ///< a and c on n1, b on n2
    int ghost_ = 0;                 ///< the last node without a machine
    FaultTable table_;
};

/// All tests share one world.
class Faults : public ::testing::Test {
  protected:
    static void SetUpTestSuite();
    static void TearDownTestSuite();
    void SetUp() override { ASSERT_TRUE(world) << failure; }

    /// 0 packets of flows that were there are lost, no row was touched without need, none is left over.
    static void expect_unharmed(const Result<FaultRow>& row);
    /// For faults under which OVN and Open vSwitch themselves lose packets: first the same while no weftd runs. Packets
    /// may be lost with weft only when they are lost then too.
    static void expect_as_without_weft(Fault fault);

    static std::unique_ptr<World> world;
    static std::string failure;
};

/// The file of a version of plugin "ledger".
std::filesystem::path ledger_file(int version);

/// A number from the environment, or what it is without.
int setting(const char* variable, int otherwise);

}  // namespace weft::testing
