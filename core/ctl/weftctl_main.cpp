#include "ctl/command.hpp"
#include "ctl/main.hpp"
#include "ctl/offline.hpp"

#include <cstdlib>
#include <exception>
#include <iostream>
#include <string_view>

#include <unistd.h>

namespace weft::ctl {

namespace {

/// Colours are for people at terminals who did not ask for none.
bool wants_colours() {
    const char* term = std::getenv("TERM");
    const char* no_color = std::getenv("NO_COLOR");
    const bool dumb = !term || std::string_view(term) == "dumb";
    return ::isatty(STDOUT_FILENO) == 1 && !dumb && (!no_color || *no_color == '\0');
}

}  // namespace

int weftctl_main(int argc, char** argv) {
    try {
        const int code =
            run({argv + std::min(argc, 1), argv + argc}, offline_backends(), {std::cout, std::cerr, wants_colours()});
        std::cout.flush();
        return std::cout ? code : 1;
    } catch (const std::exception& e) {
        std::cerr << "weftctl: " << e.what() << "\n";
        return 1;
    }
}

}  // namespace weft::ctl
