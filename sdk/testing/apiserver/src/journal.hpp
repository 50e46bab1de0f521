#pragma once

#include "store.hpp"

#include <weft/base/result.hpp>

#include <filesystem>
#include <fstream>

namespace weft::apiserver {

/// What survives kill -9: every change of a store, one line of JSON each, handed to the kernel before the change is
/// answered. (A machine that loses power may lose the last ones.)
///   {"revision":42,"object":{...}}    as it is from then on
///   {"revision":43,"gone":{...}}      as it was last
class Journal {
  public:
    /// Puts what the file tells into the store, then writes on. History is not kept: a watch from before the last
    /// change gets 410.
    Result<void> open(const std::filesystem::path& file, Store& store);

  private:
    Result<void> replay(const std::filesystem::path& file, Store& store);

    std::ofstream out_;
};

}  // namespace weft::apiserver
