#pragma once

#include "ovsdb/transport.hpp"

#include <memory>

namespace weft::ovsdb {

/// Is the socket's connect() done? True, not yet, or why it failed.
Result<bool> finish_connect(int fd);

/// TLS over a socket that connects or is connected; owns `fd` from here on, also when it fails. The peer must show a
/// certificate that `ca_cert` signed; as in Open vSwitch, its name doesn't matter.
Result<std::unique_ptr<Transport>> open_tls(int fd, const TlsFiles& files);

}  // namespace weft::ovsdb
