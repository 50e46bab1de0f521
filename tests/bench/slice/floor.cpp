#include "floor.hpp"

#include "appliers/kube/annotation_applier.hpp"
#include "appliers/kube/patch.hpp"
#include "daemon/monitors.hpp"
#include "kube/objects.hpp"
#include "kube/reflector.hpp"
#include "ovsdb/replica.hpp"
#include "pods.hpp"
#include "watchers.hpp"

#include <weft/tables/kube.hpp>
#include <weft/testing/testbed/wait.hpp>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <fstream>
#include <mutex>
#include <set>

namespace weft::bench {

namespace {

constexpr std::size_t batch_size = 100;
constexpr std::size_t on_their_way = 8;
constexpr int single_commits = 50;

class NoReferences final : public ovsdb::RefResolver {
  public:
    Uuid uuid_of(std::string_view, std::string_view) const override { return {}; }
};

/// The owner of a connection, as weftd is one: a replica that takes all updates.
class Database {
  public:
    explicit Database(const std::string& remote) : replica_(ovsdb::nb_database()) {
        ovsdb::ClientSettings settings;
        settings.database = &ovsdb::nb_database();
        settings.remotes = *ovsdb::Remote::parse_list(remote);
        settings.lock = "weftd";
        client_ = std::make_unique<ovsdb::Client>(settings, [] {});
        std::set<std::string> names;
        for (const auto& table : ovsdb::nb_database().tables())
            names.emplace(table->name);
        client_->set_monitors(daemon::northbound_monitor(names));
        until([this] { return loaded_ && locked_; });
    }

    std::uint64_t send(ovsdb::Transaction transaction) { return client_->transact(std::move(transaction)); }
    void wait(std::uint64_t id) {
        until([&] { return answered_ >= id; });
    }

  private:
    template <class Done>
    void until(Done done) {
        while (!done()) {
            client_->wait_for(std::chrono::seconds(1));
            for (auto& event : client_->take())
                handle(event);
        }
    }
    void handle(ovsdb::Event& event) {
        if (auto* update = std::get_if<ovsdb::Update>(&event)) {
            loaded_ = true;
            if (auto applied = replica_.apply(std::move(*update)); !applied) {
                std::fprintf(stderr, "floor: %s\n", applied.error().text().c_str());
            }
        } else if (const auto* lock = std::get_if<ovsdb::LockChanged>(&event)) {
            locked_ = lock->held;
        } else if (const auto* reply = std::get_if<ovsdb::Reply>(&event)) {
            answered_ = std::max(answered_, reply->id);
            if (!reply->outcome.ok()) std::fprintf(stderr, "floor: %s\n", reply->outcome.text().c_str());
        }
    }

    ovsdb::DatabaseReplica replica_;
    std::unique_ptr<ovsdb::Client> client_;
    bool loaded_ = false;
    bool locked_ = false;
    std::uint64_t answered_ = 0;
};

const ovsdb::TableInfo& ports_table() {
    static const auto& table = *ovsdb::nb_database().table("Logical_Switch_Port");
    return table;
}
const ovsdb::TableInfo& switches() {
    static const auto& table = *ovsdb::nb_database().table("Logical_Switch");
    return table;
}

struct BuiltPort {
    Uuid uuid;
    nb::LogicalSwitchPort row;
};

ovsdb::Transaction insert_ports(const Uuid& on, const BuiltPort* first, const BuiltPort* last) {
    ovsdb::Transaction transaction;
    ovsdb::Mutations members;
    for (const BuiltPort* port = first; port != last; ++port) {
        (void)transaction.insert(ports_table(), port->uuid, &port->row, ports_table().declared(&port->row),
                                 NoReferences());
        members.insert(*switches().column("ports"), port->uuid);
    }
    transaction.mutate(switches(), on, members);
    return transaction;
}

Uuid insert_switch(Database& database) {
    const Uuid uuid = Uuid::random();
    const nb::LogicalSwitch row{.name = node_name};
    ovsdb::Transaction transaction;
    (void)transaction.insert(switches(), uuid, &row, switches().declared(&row), NoReferences());
    database.wait(database.send(std::move(transaction)));
    return uuid;
}

void commit_rows(const std::string& north, std::size_t pods, Floor& floor) {
    Database database(north);
    std::vector<BuiltPort> ports;
    for (std::size_t i = 0; i < pods; ++i)
        ports.push_back({Uuid::random(), pod_port(i)});
    const Uuid on = insert_switch(database);
    {
        PortWatch watch(north);  // so that the server has the same clients as with weftd
        const double cpu = own_cpu_seconds();
        const TimePoint began = SteadyClock::now();
        std::vector<std::uint64_t> sent;
        for (std::size_t at = 0; at < pods; at += batch_size) {
            sent.push_back(database.send(insert_ports(on, &ports[at], ports.data() + std::min(at + batch_size, pods))));
            if (sent.size() >= on_their_way) database.wait(sent[sent.size() - on_their_way]);
        }
        database.wait(sent.back());
        floor.ovsdb_wall = seconds_since(began);
        floor.ovsdb_cpu = own_cpu_seconds() - cpu;
    }
    PortWatch watch(north);
    (void)watch.wait_count(pods);
    std::vector<double> inserts;
    std::vector<double> erasures;
    for (int i = 0; i < single_commits; ++i) {
        const BuiltPort port{Uuid::random(), pod_port(pods + static_cast<std::size_t>(i))};
        TimePoint began = SteadyClock::now();
        const auto id = database.send(insert_ports(on, &port, &port + 1));
        if (const auto at = watch.wait_count(pods + 1)) inserts.push_back(seconds_between(began, *at));
        database.wait(id);
        ovsdb::Mutations gone;
        gone.erase(*switches().column("ports"), port.uuid);
        ovsdb::Transaction erase;
        erase.mutate(switches(), on, gone);
        began = SteadyClock::now();
        const auto erased = database.send(std::move(erase));
        if (const auto at = watch.wait_count(pods)) erasures.push_back(seconds_between(began, *at));
        database.wait(erased);
    }
    floor.one_insert = median(inserts);
    floor.one_erase = median(erasures);
}

/// Keeps nothing: what the reflector itself costs.
class CountingSink final : public kube::Sink {
  public:
    void replace_all(std::string_view, std::vector<RowPtr> rows) override {
        note([&] {
            listed_ = true;
            rows_ = rows.size();
        });
    }
    void put(std::string_view, RowPtr row, const RowPtr& before) override {
        note([&] {
            if (before) return void(++changed_);
            const auto& pod = row.as<tables::Pod>();
            uids_.emplace_back(pod.name, pod.uid);
        });
    }
    void erase(std::string_view, std::string_view) override {}
    void complete(std::string_view) override {}
    void flush() override {}
    void malformed(const ObjectRef&, const Error& error) override {
        std::fprintf(stderr, "floor: %s\n", error.text().c_str());
    }
    void mended(const ObjectRef&) override {}

    std::size_t wait_listed() {
        wait([this] { return listed_; });
        return rows_;
    }
    void wait_pods(std::size_t count) {
        wait([&] { return uids_.size() >= count; });
    }
    void wait_changed(std::size_t count) {
        wait([&] { return changed_ >= count; });
    }
    /// Name and UID of each pod; no more may come.
    const std::vector<std::pair<std::string, std::string>>& pods() const { return uids_; }
    TimePoint first() {
        const std::lock_guard lock(mutex_);
        return first_;
    }

  private:
    template <class Change>
    void note(Change change) {
        const std::lock_guard lock(mutex_);
        change();
        if (uids_.size() == 1) first_ = SteadyClock::now();
        told_.notify_all();
    }
    template <class Holds>
    void wait(Holds holds) {
        std::unique_lock lock(mutex_);
        told_.wait(lock, holds);
    }

    std::mutex mutex_;
    std::condition_variable told_;
    bool listed_ = false;
    std::size_t rows_ = 0;
    std::size_t changed_ = 0;
    TimePoint first_{};
    std::vector<std::pair<std::string, std::string>> uids_;
};

void parse_and_patch(const std::string& way, std::size_t pods, const std::string& out, Floor& floor) {
    kube::Client client(access_of(way));
    client.start();
    CountingSink sink;
    kube::Reflector reflector(client, client, sink, kube::pod_resource(), WatchScope::local_node, {.node = node_name});
    client.run([&] { reflector.start(); });
    sink.wait_listed();
    double cpu = own_cpu_seconds();
    std::ofstream(out + ".listed") << "listed\n";
    sink.wait_pods(pods);
    floor.parse_wall = seconds_since(sink.first());
    floor.parse_cpu = own_cpu_seconds() - cpu;

    cpu = own_cpu_seconds();
    const TimePoint began = SteadyClock::now();
    send_all(client, pods, appliers::AnnotationApplierOptions().in_flight, [&](std::size_t i) {
        const auto& [name, uid] = sink.pods()[i];
        appliers::Snapshot seen;
        seen.uid = uid;
        const appliers::AnnotationChange change{"k8s.ovn.org/pod-networks", std::nullopt, pod_networks(i), true};
        return appliers::pod_patch(pod_namespace, name, seen, std::span(&change, 1));
    });
    sink.wait_changed(pods);
    floor.patch_wall = seconds_since(began);
    floor.patch_cpu = own_cpu_seconds() - cpu;
    client.run([&] { reflector.stop(); });
    client.stop();
}

std::string to_json(const Floor& floor) {
    JsonWriter w;
    w.object([&] {
        w.member("ovsdb_wall", floor.ovsdb_wall).member("ovsdb_cpu", floor.ovsdb_cpu);
        w.member("parse_wall", floor.parse_wall).member("parse_cpu", floor.parse_cpu);
        w.member("patch_wall", floor.patch_wall).member("patch_cpu", floor.patch_cpu);
        w.member("one_insert", floor.one_insert).member("one_erase", floor.one_erase);
    });
    return w.take();
}

Result<Floor> read_floor(const std::string& path) {
    std::ifstream in(path);
    const std::string text((std::istreambuf_iterator<char>(in)), {});
    auto parsed = JsonDocument::parse(text);
    if (!parsed) return parsed.error();
    const auto number = [&](const char* name) { return parsed->root()[name].number().value_or(0); };
    return Floor{number("ovsdb_wall"), number("ovsdb_cpu"), number("parse_wall"), number("parse_cpu"),
                 number("patch_wall"), number("patch_cpu"), number("one_insert"), number("one_erase")};
}

}  // namespace

int floor_main(const std::string& north, const std::string& way, std::size_t pods, const std::string& out) {
    Floor floor;
    commit_rows(north, pods, floor);
    parse_and_patch(way, pods, out, floor);
    std::ofstream file(out);
    file << to_json(floor) << std::flush;
    return file ? 0 : 1;
}

int list_floor_main(const std::string& way, std::size_t pods, const std::string& out) {
    Floor floor;
    const double cpu = own_cpu_seconds();
    const TimePoint began = SteadyClock::now();
    kube::Client client(access_of(way));
    client.start();
    CountingSink sink;
    kube::Reflector reflector(client, client, sink, kube::pod_resource(), WatchScope::all, {.node = node_name});
    client.run([&] { reflector.start(); });
    const std::size_t listed = sink.wait_listed();
    floor.parse_wall = seconds_since(began);
    floor.parse_cpu = own_cpu_seconds() - cpu;
    client.run([&] { reflector.stop(); });
    client.stop();
    std::ofstream file(out);
    file << to_json(floor) << std::flush;
    return file && listed == pods ? 0 : 1;
}

Result<Floor> measure_list_floor(Bed& bed, std::size_t pods) {
    const auto out = (bed.testbed().dir() / "list-floor.json").string();
    auto child = bed.testbed().start({.name = "list-floor",
                                      .argv = {(bed.options().bin_dir / "bench-slice").string(), "--list-floor",
                                               bed.way(), std::to_string(pods), out},
                                      .netns = bed.netns()});
    if (!child) return child.error();
    auto ended = child->wait(std::chrono::minutes(2));
    if (!ended) return ended.error();
    if (*ended != 0) return broken("the floor's process failed; see list-floor.log");
    return read_floor(out);
}

Result<Floor> measure_single_commits(Bed& bed) {
    auto north = bed.another_northbound();
    if (!north) return north.error();
    Floor floor;
    constexpr std::size_t among = 1000;
    commit_rows(*north, among, floor);
    return floor;
}

Result<Floor> measure_floor(Bed& bed, std::size_t pods) {
    auto north = bed.another_northbound();
    if (!north) return north.error();
    const auto out = (bed.testbed().dir() / "floor.json").string();
    std::filesystem::remove(out + ".listed");
    auto child = bed.testbed().start({.name = "floor",
                                      .argv = {(bed.options().bin_dir / "bench-slice").string(), "--floor", *north,
                                               bed.way(), std::to_string(pods), out},
                                      .netns = bed.netns()});
    if (!child) return child.error();
    auto listed = testing::wait_for("floor's first list", [&]() -> Result<void> {
        if (!child->running()) return broken("it ended; see floor.log");
        return std::filesystem::exists(out + ".listed") ? Result<void>() : Result<void>(waiting("still committing"));
    });
    if (!listed) return listed.error();
    if (auto done = bed.prepare_pods(pods); !done) return done.error();
    if (auto done = bed.release_pods(); !done) return done.error();
    auto ended = child->wait(std::chrono::minutes(5));
    if (!ended) return ended.error();
    if (*ended != 0) return broken("the floor's process failed; see floor.log");
    return read_floor(out);
}

}  // namespace weft::bench
