#include "child.hpp"

#include <weft/testing/testbed/namespace.hpp>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <thread>

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

namespace weft::testing {

namespace {

const std::filesystem::path netns_folder = "/run/netns";

}  // namespace

std::filesystem::path NetworkNamespace::path_of(std::string_view name) {
    return netns_folder / name;
}

bool NetworkNamespace::exists(std::string_view name) {
    std::error_code ignored;
    return std::filesystem::exists(path_of(name), ignored);
}

std::vector<std::string> NetworkNamespace::names() {
    std::vector<std::string> result;
    std::error_code missing;
    for (const auto& entry : std::filesystem::directory_iterator(netns_folder, missing)) {
        result.push_back(entry.path().filename().string());
    }
    std::sort(result.begin(), result.end());
    return result;
}

Result<void> NetworkNamespace::remove(std::string_view name) {
    if (!exists(name)) return {};
    if (auto gone = run_ok({"ip", "netns", "del", std::string(name)}); !gone && exists(name)) return gone.error();
    return {};
}

Result<NetworkNamespace> NetworkNamespace::create(std::string name, bool keep) {
    if (auto made = run_ok({"ip", "netns", "add", name}); !made) return made.error();
    auto result = adopt(std::move(name), keep);
    if (auto up = result.ip({"link", "set", "lo", "up"}); !up) return up.error();
    return result;
}

NetworkNamespace NetworkNamespace::adopt(std::string name, bool keep) {
    NetworkNamespace result;
    result.name_ = std::move(name);
    result.keep_ = keep;
    return result;
}

NetworkNamespace::~NetworkNamespace() {
    if (name_.empty() || keep_) return;
    [[maybe_unused]] const auto best_effort = remove(name_);
}

NetworkNamespace::NetworkNamespace(NetworkNamespace&& other) noexcept
    : name_(std::exchange(other.name_, {})),
      keep_(other.keep_) {}

NetworkNamespace& NetworkNamespace::operator=(NetworkNamespace&& other) noexcept {
    std::swap(name_, other.name_);
    std::swap(keep_, other.keep_);
    return *this;
}

Result<std::string> NetworkNamespace::run(const Argv& argv) const {
    return run_ok(argv, {.netns = name_});
}

Result<std::string> NetworkNamespace::ip(const Argv& arguments) const {
    Argv argv{"ip"};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    return run(argv);
}

Result<void> NetworkNamespace::ip_batch(const std::string& commands) const {
    if (auto done = run_ok({"ip", "-batch", "-"}, {.netns = name_, .input = commands}); !done) {
        return std::move(done).error().at(name_ + ": " + commands);
    }
    return {};
}

Result<void> NetworkNamespace::inside(const std::function<Result<void>()>& work) const {
    const Fd where(::open(path().c_str(), O_RDONLY | O_CLOEXEC));
    if (!where.valid()) return system_error("can't open network namespace " + path().string(), errno);
    Result<void> result;
    std::thread([&] {
        if (::setns(where.get(), CLONE_NEWNET) != 0) {
            result = system_error("can't enter network namespace " + name_, errno);
            return;
        }
        result = work();
    }).join();
    return result;
}

Result<void> NetworkNamespace::sysctl(std::string_view name, std::string_view value) const {
    std::string file(name);
    if (file.find('/') == std::string::npos) std::replace(file.begin(), file.end(), '.', '/');
    return inside([&]() -> Result<void> {
        std::ofstream out("/proc/sys/" + file);
        out << value << std::flush;
        if (!out) return again("can't set sysctl " + file + " to " + std::string(value) + " in " + name_);
        return {};
    });
}

Result<void> add_veth(const VethEnd& a, const VethEnd& b) {
    return a.where.ip_batch("link add name " + a.name + " mtu " + std::to_string(a.mtu) + " type veth peer name " +
                            b.name + " mtu " + std::to_string(b.mtu) + " netns " + b.where.name() + "\n");
}

Result<void> checksum_offload_off(const NetworkNamespace& where, const std::string& device) {
    if (auto done = where.run({"ethtool", "-K", device, "tx", "off"}); !done) return done.error();
    return {};
}

}  // namespace weft::testing
