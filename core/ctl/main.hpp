#pragma once

#include <weft/base/api.hpp>

namespace weft::ctl {

/// All of weftctl; in libweft, as the engine and the plugins it may run need one copy of everything.
WEFT_API int weftctl_main(int argc, char** argv);

}  // namespace weft::ctl
