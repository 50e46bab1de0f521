#pragma once

#include <weft/testing/testbed/cluster.hpp>
#include <weft/testing/testbed/probe.hpp>

#include <string>
#include <vector>

namespace weft::testing {

/// Flows that run while something breaks: between pods in both directions, in both families.
class Traffic {
  public:
    struct Pair {
        const RunningPod& a;
        const RunningPod& b;
    };
    /// Returns when every flow had its first reply.
    static Result<Traffic> start(Testbed& testbed, const std::vector<Pair>& pairs);
    /// All flows together; the longest gap of any. `lost_sequences` stays empty.
    Result<Loss> finish();
    /// Which flows lost how much, in words, of the last finish().
    const std::string& losses() const { return losses_; }

  private:
    struct Flow {
        std::string name;
        LossCounter counter;
    };
    std::vector<Flow> flows_;
    std::string losses_;
};

}  // namespace weft::testing
