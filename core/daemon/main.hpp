#pragma once

#include <weft/base/api.hpp>

namespace weft::daemon {

/// All of weftd; in libweft, so that the program and its plugins share one copy of everything.
WEFT_API int weftd_main(int argc, char** argv);

}  // namespace weft::daemon
