#include "api_machine.hpp"

#include "accounts.hpp"

#include <fstream>
#include <mutex>

namespace weft::testing {

namespace {

constexpr auto* device = "net0";

}  // namespace

Result<std::shared_ptr<ApiMachine>> ApiMachine::start(Testbed& testbed, ControlPlaneOptions options) {
    auto machine = std::make_shared<ApiMachine>();
    auto netns = testbed.make_namespace("kubernetes");
    if (!netns) return netns.error();
    machine->netns_ = *std::move(netns);
    // Its address is there without a cable, too: the server starts and is asked from its own machine.
    const auto address = Underlay().server_address(Family::v4).ip().text();
    if (auto added = machine->netns_.ip({"addr", "add", address + "/32", "dev", "lo"}); !added) return added.error();
    machine->audit_log_ = testbed.dir() / "log" / "audit.log";
    const auto policy = testbed.dir() / "audit-policy.yaml";
    std::ofstream(policy) << Accounts::audit_policy();
    options.address = "0.0.0.0";
    options.reached_at = address;
    options.netns = machine->netns_.name();
    options.arguments.insert(options.arguments.end(), {"--audit-policy-file=" + policy.string(),
                                                       "--audit-log-path=" + machine->audit_log_.string()});
    auto plane = ControlPlane::start(testbed, std::move(options));
    if (!plane) return plane.error();
    machine->plane_ = *std::move(plane);
    return machine;
}

Result<std::shared_ptr<ApiMachine>> ApiMachine::borrow() {
    static std::mutex mutex;
    static std::shared_ptr<ApiMachine> shared;
    const std::lock_guard lock(mutex);
    if (shared.use_count() == 1) {
        [[maybe_unused]] const auto former = shared->netns_.ip({"link", "del", device});
        if (auto emptied = shared->plane().empty(); !emptied) return emptied.error();
        return shared;
    }
    auto testbed = Testbed::create();
    if (!testbed) return testbed.error();
    auto machine = start(**testbed);
    if (!machine) return machine.error();
    (*machine)->testbed_ = *std::move(testbed);
    if (!shared) shared = *machine;
    return machine;
}

Result<void> ApiMachine::plug_into(const Underlay& underlay) const {
    [[maybe_unused]] const auto former = netns_.ip({"link", "del", device});
    if (auto laid = underlay.attach(netns_, "kubernetes", device); !laid) return laid;
    std::string commands;
    for (const auto family : {Family::v4, Family::v6}) {
        commands += "addr add " + underlay.server_address(family).text() + " dev " + device +
                    (family == Family::v6 ? " nodad\n" : "\n");
    }
    return netns_.ip_batch(commands + "link set " + device + " up\n");
}

}  // namespace weft::testing
