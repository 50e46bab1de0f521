#include "kube/times.hpp"

#include <cstdio>
#include <ctime>

namespace weft::kube {

namespace {

std::string text(WallTime when, bool micro) {
    const auto since = std::chrono::floor<std::chrono::microseconds>(when.time_since_epoch()).count();
    const std::int64_t micros = ((since % 1'000'000) + 1'000'000) % 1'000'000;
    const std::time_t seconds = (since - micros) / 1'000'000;
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    char buffer[64];
    const std::size_t length = std::strftime(buffer, sizeof(buffer), "%Y-%m-%dT%H:%M:%S", &parts);
    std::string out(buffer, length);
    if (micro) {
        std::snprintf(buffer, sizeof(buffer), ".%06lld", static_cast<long long>(micros));
        out += buffer;
    }
    return out + "Z";
}

}  // namespace

std::string time_text(WallTime when) {
    return text(when, false);
}
std::string micro_time_text(WallTime when) {
    return text(when, true);
}

}  // namespace weft::kube
