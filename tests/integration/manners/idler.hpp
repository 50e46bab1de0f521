#pragma once

#include <weft/base/result.hpp>
#include <weft/testing/testbed/kube_client.hpp>
#include <weft/testing/testbed/namespace.hpp>

#include <memory>
#include <string>

namespace weft::testing {

/// A request that never ends: its body is announced and does not come. It keeps one of a priority level's seats, as
/// long as this object lives.
class Idler {
  public:
    static Result<Idler> start(const NetworkNamespace& where, const ApiEndpoint& endpoint, const std::string& path);

  private:
    struct Close {
        void operator()(void* bio) const;
    };
    std::unique_ptr<void, Close> connection_;
};

}  // namespace weft::testing
