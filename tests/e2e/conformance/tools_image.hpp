#pragma once

#include <weft/base/result.hpp>
#include <weft/testing/testbed/images.hpp>

#include <filesystem>
#include <string>
#include <vector>

namespace weft::testing {

/// What the images of Kubernetes' tests have and its tests run in them, made of this machine's files: agnhost, busybox
/// with all its names but sh, which is dash; bash, curl, getent and nc; their libraries.
Result<ImageSpec> tools_image(const std::filesystem::path& agnhost, std::vector<std::string> names);

}  // namespace weft::testing
