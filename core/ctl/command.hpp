#pragma once

#include "ctl/backends.hpp"

#include <iosfwd>
#include <string>
#include <vector>

namespace weft::ctl {

/// Where a command writes, so that tests can read it.
struct Output {
    std::ostream& out;
    std::ostream& err;
    bool colours = false;
};

/// Runs one command line (without the program's name). 0: done; 1: it failed, the reason is on `err`; 2: wrong usage.
int run(const std::vector<std::string>& args, const Backends& backends, const Output& output);

}  // namespace weft::ctl
