#pragma once

#include <weft/base/result.hpp>
#include <weft/testing/testbed/control_plane.hpp>
#include <weft/testing/testbed/namespace.hpp>
#include <weft/testing/testbed/testbed.hpp>
#include <weft/testing/testbed/underlay.hpp>

#include <filesystem>
#include <memory>

namespace weft::testing {

/// A real control plane on a machine of its own (a network namespace), which is plugged into the underlay of one
/// cluster after the other.
class ApiMachine {
  public:
    /// Everything belongs to `testbed`. Where it runs is not `options`' to say.
    static Result<std::shared_ptr<ApiMachine>> start(Testbed& testbed, ControlPlaneOptions options = {});
    /// The one of this program, started when first asked for and gone with the program; without the objects of whoever
    /// had it before. While somebody has it, others get one that is new.
    static Result<std::shared_ptr<ApiMachine>> borrow();

    ControlPlane& plane() { return *plane_; }
    const NetworkNamespace& netns() const { return netns_; }
    /// What weftd's accounts ask is written here.
    const std::filesystem::path& audit_log() const { return audit_log_; }
    /// Its cable goes from wherever it was to here.
    Result<void> plug_into(const Underlay& underlay) const;

  private:
    std::unique_ptr<Testbed> testbed_;  ///< when it is nobody else's
    NetworkNamespace netns_;
    std::unique_ptr<ControlPlane> plane_;
    std::filesystem::path audit_log_;
};

}  // namespace weft::testing
