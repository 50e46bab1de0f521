#pragma once

#include <weft/base/result.hpp>

#include <filesystem>
#include <functional>
#include <memory>

namespace weft::testing {

/// Tells when files of a folder come, go or change (inotify). The folder must exist.
class FolderWatch {
  public:
    /// `changed` runs on the watch's own thread.
    static Result<std::unique_ptr<FolderWatch>> start(const std::filesystem::path& folder,
                                                      std::function<void()> changed);
    ~FolderWatch();
    FolderWatch(const FolderWatch&) = delete;
    FolderWatch& operator=(const FolderWatch&) = delete;

  private:
    struct Impl;
    explicit FolderWatch(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace weft::testing
