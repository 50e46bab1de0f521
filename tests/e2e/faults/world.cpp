#include "world.hpp"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <sstream>

namespace weft::testing {

namespace {

constexpr auto* lease = "/apis/coordination.k8s.io/v1/namespaces/ovn-kubernetes/leases/ovn-kubernetes-master";
// As short as seconds allow: the order is what counts, not how long it takes.
constexpr auto* quick_election =
    "[clustermgrha]\nelection-lease-duration = 6\nelection-renew-deadline = 4\nelection-retry-period = 1\n";

std::string replaced(std::string text, const std::string& from, const std::string& to) {
    const auto at = text.find(from);
    return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

Result<std::string> read_file(const std::filesystem::path& path) {
    std::ostringstream out;
    const std::ifstream in(path);
    if (!in) return again("can't read " + path.string());
    out << in.rdbuf();
    return out.str();
}

Result<void> step(const std::function<Result<void>()>& work, const char* what) {
    if (!work) return {};
    auto done = work();
    return done ? done : Result<void>(Error(done.error()).at(what));
}

}  // namespace

std::filesystem::path ledger_file(int version) {
    const char* folder = std::getenv("WEFT_LEDGERS");
    return std::filesystem::path(folder == nullptr ? "." : folder) / std::to_string(version) / "ledger.so";
}

int setting(const char* variable, int otherwise) {
    const char* value = std::getenv(variable);
    return value == nullptr ? otherwise : static_cast<int>(std::strtol(value, nullptr, 10));
}

Result<std::unique_ptr<World>> World::build() {
    auto world = std::make_unique<World>();
    auto weft = WeftCluster::start(
        {.plugins = "default-network,ledger", .extra_config = quick_election, .more_plugins = {ledger_file(1)}});
    if (!weft) return weft.error();
    world->weft_ = *std::move(weft);
    if (auto started = world->add_second_candidate(); !started) return started.error();
    for (const auto& [name, node] : {std::pair{"a", "n1"}, std::pair{"c", "n1"}, std::pair{"b", "n2"}}) {
        auto pod = world->weft_->pod("red", name, node);
        if (!pod) return pod.error();
        world->pods_.push_back(*std::move(pod));
    }
    if (auto added = world->add_ghost(); !added) return added.error();
    if (auto done = world->wait_in_step(); !done) return done.error();
    return world;
}

Result<void> World::add_second_candidate() {
    const auto dir = cluster().testbed().dir();
    auto text = read_file(cluster().cluster_config_file());
    if (!text) return text.error();
    const auto file = dir / "second" / "weft.conf";
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << replaced(replaced(*text, (dir / "cluster").string(), (dir / "second").string()), "[weft]\n",
                                    "[weft]\nleader-identity = second\n");
    auto spec = cluster().weftd_cluster().spec();
    spec.name = "weftd-second";
    spec.log.clear();
    spec.argv.back() = file.string();
    auto started = cluster().testbed().start(std::move(spec));
    if (!started) return started.error();
    second_ = *std::move(started);
    return {};
}

Result<Process*> World::leader() {
    auto object = cluster().api().get(lease);
    if (!object) return object.error();
    const auto holder = object->root()["spec"]["holderIdentity"].string_or("");
    if (holder.empty()) return waiting("nobody leads");
    return holder == "second" ? &second_ : &cluster().weftd_cluster();
}

Result<void> World::wait_leader() {
    return wait_for("a leader that lives", [&]() -> Result<void> {
        auto now = leader();
        if (!now) return now.error();
        return (*now)->running() ? Result<void>() : Result<void>(waiting("the Lease still names one that is dead"));
    });
}

Result<void> World::wait_renewed(const std::string& day) {
    return wait_for("a Lease renewed on " + day, [&]() -> Result<void> {
        auto object = cluster().api().get(lease);
        if (!object) return object.error();
        const std::string renewed(object->root()["spec"]["renewTime"].string_or(""));
        return renewed.starts_with(day) ? Result<void>() : Result<void>(waiting("it was on " + renewed));
    });
}

Result<std::string> World::weftctl(const std::string& node, const Argv& arguments) {
    Argv argv{(cluster().options().bin_dir / "weftctl").string(), "--run-dir", (ovn(node).dir() / "weft").string()};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    return run_ok(argv);
}

Result<JsonDocument> World::status(const std::string& node) {
    const auto text = weftctl(node, {"status", "-o", "json"});
    if (!text) return text.error();
    return JsonDocument::parse(*text);
}

void World::kill_weft() {
    for (auto* weftd : {&weftd("n1"), &weftd("n2"), &second_, &cluster().weftd_cluster()})
        weftd->kill();
}

Result<void> World::start_weft() {
    for (auto* weftd : {&cluster().weftd_cluster(), &second_, &weftd("n1"), &weftd("n2")}) {
        if (auto started = weftd->restart(); !started) return started;
    }
    return wait_in_step();
}

std::string World::ghost(int number) const {
    return "ghost-" + std::string(number < 10 ? "0" : "") + std::to_string(number);
}

/// A node without a machine behind it: its rows come and go on the others without touching a port that carries packets.
Result<void> World::add_ghost() {
    const auto name = ghost(++ghost_);
    auto made = cluster().api().create(
        "/api/v1/nodes", R"({"apiVersion":"v1","kind":"Node","metadata":{"name":")" + name +
                             R"(","annotations":{"k8s.ovn.org/node-chassis-id":"chassis-)" + name +
                             R"(","k8s.ovn.org/node-encap-ips":"[\"192.0.2.)" + std::to_string(ghost_) + R"(\"]"}}})");
    return made ? Result<void>() : Result<void>(made.error());
}

Result<void> World::swap_ghosts() {
    if (auto removed = cluster().api().remove("/api/v1/nodes/" + ghost(ghost_)); !removed) return removed;
    return add_ghost();
}

Result<void> World::wait_node_knows_ghosts(const std::string& node) {
    return wait_for(node + " to know of " + ghost(ghost_) + " and to forget " + ghost(ghost_ - 1),
                    [&]() -> Result<void> {
                        const auto rows = rows_of(ovn(node));
                        if (!rows) return rows.error();
                        int known = 0;
                        std::string old;
                        for (const auto& [id, row] : *rows) {
                            known += row.find(ghost(ghost_)) != std::string::npos ? 1 : 0;
                            if (row.find(ghost(ghost_ - 1)) != std::string::npos) old += id + " " + row + "\n";
                        }
                        // The switch port, a route of each family, the chassis and its encapsulation.
                        if (known < 5) return waiting(std::to_string(known) + " rows of it are there");
                        return old.empty() ? Result<void>() : Result<void>(waiting("there still is\n" + old));
                    });
}

Result<void> World::wait_in_step() {
    if (auto led = wait_leader(); !led) return led;
    for (const auto* node : {"n1", "n2"}) {
        if (auto ready = weft_->wait_weftd_ready(node); !ready) return ready;
        if (auto known = wait_node_knows_ghosts(node); !known) return known;
        if (auto followed = weft_->wait_followed(node); !followed) return followed;
    }
    return wait_talking();
}

Result<void> World::wait_talking() {
    for (const auto family : {Family::v4, Family::v6}) {
        for (const auto& [from, to] : {std::pair{0, 1}, std::pair{1, 0}, std::pair{0, 2}, std::pair{2, 0}}) {
            const auto reached = wait_reachable(pods_[static_cast<std::size_t>(from)].netns,
                                                *pods_[static_cast<std::size_t>(to)].address(family));
            if (!reached) return reached;
        }
    }
    return {};
}

Result<Rows> World::all_rows() {
    Rows all;
    for (const auto* node : {"n1", "n2"}) {
        auto rows = rows_of(ovn(node));
        if (!rows) return rows.error();
        for (auto& [id, row] : *rows)
            all.emplace(std::string(node) + " " + id, std::move(row));
    }
    return all;
}

Result<FaultRow> World::suffer(const Fault& fault) {
    FaultRow result{.fault = fault.name, .with_weft = fault.with_weft, .note = fault.note};
    auto before = all_rows();
    if (!before) return before.error();
    auto traffic = Traffic::start(cluster().testbed(), {{pods_[0], pods_[2]}, {pods_[0], pods_[1]}});
    if (!traffic) return traffic.error();

    if (auto done = step(fault.strike, "strike"); !done) return done.error();
    const bool swap = fault.with_weft;
    if (swap && fault.api_is_there) {
        if (auto swapped = swap_ghosts(); !swapped) return swapped.error();
    }
    if (auto done = step(fault.meanwhile, "meanwhile"); !done) return done.error();
    if (auto done = step(fault.mend, "mend"); !done) return done.error();
    const auto began = std::chrono::steady_clock::now();
    if (swap && !fault.api_is_there) {
        if (auto swapped = swap_ghosts(); !swapped) return swapped.error();
    }
    if (fault.with_weft) {
        if (auto done = wait_in_step(); !done) return done.error();
    } else {
        for (const auto* node : {"n1", "n2"}) {
            if (auto followed = weft_->wait_followed(node); !followed) return followed.error();
        }
        if (auto talking = wait_talking(); !talking) return talking.error();
    }
    if (auto done = step(fault.settle, "settle"); !done) return done.error();
    result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();

    const auto flows = traffic->finish();
    if (!flows) return flows.error();
    result.flows = *flows;
    auto after = all_rows();
    if (!after) return after.error();
    for (auto* rows : {&*before, &*after}) {
        std::erase_if(*rows, [&](const auto& row) { return names(row.second, fault.own_rows); });
    }
    const auto changes = compare(*before, *after, swap ? ghost(ghost_ - 1) : "", swap ? ghost(ghost_) : "");
    result.changed = changes.changed;
    result.stale = changes.stale;
    if (!changes.text.empty()) std::cout << fault.name << "\n" << changes.text;
    if (!traffic->losses().empty()) std::cout << fault.name << ": " << traffic->losses() << "\n";
    table_.add(result);
    return result;
}

std::unique_ptr<World> Faults::world;
std::string Faults::failure;

void Faults::SetUpTestSuite() {
    auto built = World::build();
    if (built) {
        world = *std::move(built);
    } else {
        failure = built.error().text();
    }
}

void Faults::TearDownTestSuite() {
    if (world) {
        std::cout << "\n" << world->table().text() << std::endl;
        if (const char* file = std::getenv("WEFT_FAULT_TABLE")) std::ofstream(file) << world->table().json() << "\n";
    }
    world.reset();
}

void Faults::expect_unharmed(const Result<FaultRow>& row) {
    WEFT_ASSERT_OK(row);
    EXPECT_GT(row->flows.sent, 0U);
    EXPECT_EQ(row->flows.lost, 0U) << "longest gap " << row->flows.longest_gap_ms << " ms";
    EXPECT_EQ(row->changed, 0U);
    EXPECT_EQ(row->stale, 0U);
}

void Faults::expect_as_without_weft(Fault fault) {
    Fault alone = fault;
    alone.with_weft = false;
    alone.note = "what OVN itself loses";
    world->kill_weft();
    const auto without = world->suffer(alone);
    WEFT_ASSERT_OK(world->start_weft());
    WEFT_ASSERT_OK(without);
    auto row = world->suffer(fault);
    WEFT_ASSERT_OK(row);
    if (without->flows.lost > 0) row->flows.lost = 0;
    expect_unharmed(row);
}

}  // namespace weft::testing
