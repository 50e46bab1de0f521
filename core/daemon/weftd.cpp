#include "daemon/main.hpp"

int main(int argc, char** argv) {
    return weft::daemon::weftd_main(argc, argv);
}
