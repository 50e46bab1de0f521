#pragma once

#include <weft/base/result.hpp>

#include <string>

namespace weft::kube {

/// A whole file of at most a megabyte: credentials, nothing else.
Result<std::string> read_file(const std::string& path);
/// Base64 with padding and line breaks, as kubeconfigs hold it.
Result<std::string> decode_base64(std::string_view text);
std::string encode_base64(std::string_view bytes);

}  // namespace weft::kube
