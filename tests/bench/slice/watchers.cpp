#include "watchers.hpp"

#include "pods.hpp"

#include <weft/ovsdb/nb.hpp>

#include <cstdio>

namespace weft::bench {

namespace {

ovsdb::ClientSettings settings_for(const std::string& remote, const ovsdb::DatabaseInfo& database) {
    ovsdb::ClientSettings settings;
    settings.database = &database;
    settings.remotes = *ovsdb::Remote::parse_list(remote);
    return settings;
}

}  // namespace

PortWatch::PortWatch(const std::string& remote) : PortWatch(remote, ovsdb::nb_database(), "Logical_Switch_Port") {}

PortWatch::PortWatch(const std::string& remote, const ovsdb::DatabaseInfo& database, std::string_view table)
    : client_(settings_for(remote, database), [] {}),
      thread_([this] { run(); }) {
    const auto& rows = *database.table(table);
    client_.set_monitors({{&rows, rows.columns_named(std::array<std::string_view, 1>{"name"}), {}}});
}

PortWatch::~PortWatch() {
    {
        const std::lock_guard lock(mutex_);
        stop_ = true;
    }
    thread_.join();
}

void PortWatch::run() {
    while (true) {
        client_.wait_for(std::chrono::milliseconds(200));
        auto events = client_.take();
        const TimePoint now = SteadyClock::now();
        const std::lock_guard lock(mutex_);
        if (stop_) return;
        for (auto& event : events) {
            const auto* update = std::get_if<ovsdb::Update>(&event);
            if (!update) continue;
            if (update->reset) count_ = 0;
            ++transactions_;
            for (const auto& table : update->tables) {
                for (const auto& row : table.rows) {
                    if (row.kind == ovsdb::RowUpdate::Kind::whole) ++count_;
                    if (row.kind == ovsdb::RowUpdate::Kind::erase) --count_;
                }
            }
            at_ = now;
            changed_.notify_all();
        }
    }
}

std::size_t PortWatch::count() const {
    const std::lock_guard lock(mutex_);
    return count_;
}

std::size_t PortWatch::transactions() const {
    const std::lock_guard lock(mutex_);
    return transactions_;
}

std::optional<TimePoint> PortWatch::wait_count(std::size_t count, std::chrono::seconds limit) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, limit, [&] { return count_ == count; })) {
        std::fprintf(stderr, "there are %zu rows instead of %zu\n", count_, count);
        return std::nullopt;
    }
    return at_;
}

PodWatch::PodWatch(testing::ApiEndpoint endpoint)
    : watch_(std::make_unique<testing::ObjectWatch>(
          std::move(endpoint), std::string("/api/v1/namespaces/") + pod_namespace + "/pods", "limit=0",
          testing::ObjectWatch::Handlers{
              [this](JsonView) {
                  const std::lock_guard lock(mutex_);
                  listed_ = true;
                  changed_.notify_all();
              },
              [this](std::string_view type, JsonView pod) { changed(type, pod); },
              [](const Error& error) { std::fprintf(stderr, "watch: %s\n", error.text().c_str()); }})) {}

PodWatch::~PodWatch() = default;

void PodWatch::changed(std::string_view type, JsonView pod) {
    const TimePoint now = SteadyClock::now();
    const std::string name(pod["metadata"]["name"].string_or(""));
    const std::lock_guard lock(mutex_);
    Seen& seen = pods_[name];
    if (type == "ADDED") seen.added = now;
    if (type == "DELETED") seen.deleted = now;
    if (!seen.annotated && pod["metadata"]["annotations"]["k8s.ovn.org/pod-networks"]) seen.annotated = now;
    changed_.notify_all();
}

bool PodWatch::wait_listed() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(60), [&] { return listed_; });
}

std::optional<PodWatch::Seen> PodWatch::wait(const std::string& name, const std::function<bool(const Seen&)>& done) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, std::chrono::seconds(30), [&] { return done(pods_[name]); })) return std::nullopt;
    return pods_[name];
}

}  // namespace weft::bench
