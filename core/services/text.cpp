#include "services/text.hpp"

#include <ctime>

namespace weft::services {

std::string rfc3339(WallTime time) {
    const std::time_t seconds = WallTime::clock::to_time_t(time);
    std::tm parts{};
    ::gmtime_r(&seconds, &parts);
    char buffer[32];
    const auto size = std::strftime(buffer, sizeof(buffer), "%Y-%m-%dT%H:%M:%SZ", &parts);
    return {buffer, size};
}

}  // namespace weft::services
