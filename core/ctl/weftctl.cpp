#include "ctl/main.hpp"

int main(int argc, char** argv) {
    return weft::ctl::weftctl_main(argc, argv);
}
