#pragma once

#include "record/format.hpp"

#include <weft/base/result.hpp>

#include <cstdint>
#include <memory>
#include <string>

namespace weft::record {

/// One file of a recording, being written. Only its owner can read it: what weftd knows is in it.
class PieceFile {
  public:
    /// A file that was not there before; what had this name and was a file is gone. A link is never followed.
    static Result<std::unique_ptr<PieceFile>> make(const std::string& path);
    /// If there is a file of this name, it becomes "<path>.1". Anything else under these names is an error.
    static Result<void> keep_old(const std::string& path);
    ~PieceFile();
    PieceFile(const PieceFile&) = delete;
    PieceFile& operator=(const PieceFile&) = delete;

    Encoder& encoder() { return encoder_; }
    /// Writes the frames that were made.
    Result<void> write();
    Result<void> rename(const std::string& path);
    std::uint64_t bytes() const { return bytes_; }

  private:
    PieceFile(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}

    std::string path_;
    int fd_;
    Encoder encoder_;
    std::uint64_t bytes_ = 0;
};

}  // namespace weft::record
