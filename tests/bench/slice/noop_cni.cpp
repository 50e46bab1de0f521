// bench-noop-cni: a CNI plugin that makes nothing and says that the pod has an address. What is left of a pod's start
// with it is the container runtime's.
#include <cstdlib>
#include <cstring>
#include <iostream>

int main() {
    const char* command = std::getenv("CNI_COMMAND");
    if (command == nullptr) return 1;
    if (std::strcmp(command, "ADD") == 0) {
        std::cout << R"({"cniVersion":"1.0.0","interfaces":[{"name":"eth0","sandbox":"/none"}],)"
                  << R"("ips":[{"address":"192.0.2.1/32","interface":0}]})" << '\n';
    }
    return 0;
}
