#pragma once

#include <weft/base/result.hpp>

#include <string>

namespace weft::apiserver {

struct Certificates {
    std::string ca_pem;
    std::string certificate_pem;
    std::string key_pem;
};

/// A new authority and a server certificate of it, for `address` and localhost, good for a day.
Result<Certificates> make_certificates(const std::string& address);

}  // namespace weft::apiserver
