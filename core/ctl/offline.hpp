#pragma once

#include "ctl/backends.hpp"

namespace weft::ctl {

/// What weftctl does by itself with the plugins that are installed on this machine, without a weftd.
Backends offline_backends();

}  // namespace weft::ctl
