#include "real_server.hpp"

#include <stdexcept>

namespace weft::testing {

namespace {

struct RealServer {
    std::unique_ptr<Testbed> testbed;
    std::unique_ptr<ControlPlane> plane;

    RealServer() {
        auto made = Testbed::create();
        if (!made) throw std::runtime_error(made.error().text());
        testbed = *std::move(made);
        auto started = ControlPlane::start(*testbed);
        if (!started) throw std::runtime_error(started.error().text());
        plane = *std::move(started);
    }
};

}  // namespace

std::optional<std::string> no_real_server() {
    return ControlPlane::missing();
}

ControlPlane& real_server() {
    static RealServer server;
    return *server.plane;
}

}  // namespace weft::testing
