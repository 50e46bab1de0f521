#pragma once

#include <weft/base/result.hpp>

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace weft::testing {

/// A container image made of files of this machine, so that nothing is pulled from anywhere.
struct ImageSpec {
    std::vector<std::string> names;  ///< "example.com/a:1"; the image answers to each of them
    /// What is in it: a file here, and its path there. What it needs to run must be among them.
    std::vector<std::pair<std::filesystem::path, std::filesystem::path>> files;
    /// Symbolic links in it: where one is, and where it leads.
    std::vector<std::pair<std::filesystem::path, std::filesystem::path>> links;
    std::vector<std::string> entrypoint;
    std::vector<std::string> command;      ///< arguments when the container names none
    std::vector<std::string> environment;  ///< "NAME=value"
};

/// Writes the image as an archive that `ctr images import` reads. Works in a folder beside it.
Result<void> write_image(const ImageSpec& spec, const std::filesystem::path& archive);

}  // namespace weft::testing
