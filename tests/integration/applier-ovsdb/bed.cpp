#include "integration/applier-ovsdb/bed.hpp"

#include <algorithm>
#include <utility>

namespace weft::test {

using namespace std::chrono_literals;

namespace {

ovsdb::MonitorRequest everything(const ovsdb::DatabaseInfo& database) {
    ovsdb::MonitorRequest request;
    for (const auto& table : database.tables())
        request.push_back(ovsdb::TableRequest::all(*table));
    return request;
}

}  // namespace

Far::Far(Options options) : options_(std::move(options)) {
    server_ = std::make_unique<Server>(dir_, options_.schema);
    if (options_.proxied) proxy_ = std::make_unique<Proxy>(dir_ / "proxy.sock", server_->socket());
    spy_ = std::make_unique<Owner>(*options_.database, server_->remote(), everything(*options_.database));
    spy_->until_synced();
}

void Far::start(engine::Engine& engine, std::shared_ptr<Order> order, const Clock& clock) {
    replica_ = std::make_unique<ovsdb::DatabaseReplica>(*options_.database);
    Applier::Options options{.name = std::string(options_.database->name()),
                             .most_operations = options_.most_operations,
                             .least_ahead = options_.least_ahead,
                             .order = std::move(order)};
    applier_ = std::make_unique<Applier>(std::move(options), engine, *replica_, *this, options_.extra, clock,
                                         [this](const auto& info, auto driver) { return unsettled_(info, driver); });
    ASSERT_TRUE(applier_->start());
    ovsdb::ClientSettings settings;
    settings.database = options_.database;
    settings.remotes = *ovsdb::Remote::parse_list(proxy_ ? "unix:" + (dir_ / "proxy.sock") : server_->remote());
    settings.reconnect.min_backoff = 10ms;
    settings.reconnect.max_backoff = 100ms;
    client_ = std::make_unique<ovsdb::Client>(std::move(settings), nullptr);
    client_->set_monitors(everything(*options_.database));
}

void Far::stop() {
    client_.reset();
    applier_.reset();
    observers_.clear();
    connected_ = loaded_ = ever_loaded_ = false;
}

void Far::step() {
    if (!client_) return;
    if (!deaf_) {
        for (auto& event : client_->take())
            on(event);
    }
    // Waits a little for the spy's events, and takes them.
    bool waited = false;
    spy_->until([&] { return std::exchange(waited, true); });
}

void Far::on(ovsdb::Event& event) {
    if (auto* connected = std::get_if<ovsdb::Connected>(&event)) {
        connected_ = true;
        loaded_ = false;
        capabilities_ = connected->capabilities;
    } else if (auto* update = std::get_if<ovsdb::Update>(&event)) {
        auto changes = replica_->apply(std::move(*update));
        ASSERT_TRUE(changes) << changes.error().text();
        loaded_ = true;
        if (std::exchange(ever_loaded_, true)) {
            applier_->database_changed(*changes);
        } else {
            applier_->loaded();
        }
        for (const auto& observer : observers_)
            observer(*changes);
    } else if (auto* reply = std::get_if<ovsdb::Reply>(&event)) {
        applier_->outcome(reply->id, reply->outcome);
    } else if (std::get_if<ovsdb::Disconnected>(&event)) {
        connected_ = loaded_ = false;
    } else if (auto* refused = std::get_if<ovsdb::Refused>(&event)) {
        ADD_FAILURE() << refused->error.text();
    }
}

bool Far::writable(std::string& why) const {
    why = connected() ? "" : "not connected";
    return connected();
}

ovsdb::ColumnSet Far::columns(const ovsdb::TableInfo& info) const {
    return capabilities_ ? capabilities_->columns(info) : ovsdb::ColumnSet();
}

void Far::write(ovsdb::Transaction t) {
    const auto outcome = spy_->commit(std::move(t));
    EXPECT_TRUE(outcome.ok()) << outcome.text();
}

int Far::moment(const ovsdb::TableInfo& info, const std::string& key, bool came) const {
    for (std::size_t at = 0; at < spy_->row_changes.size(); ++at) {
        const auto& change = spy_->row_changes[at];
        if (change.table != &info || (came ? change.before : change.after)) continue;
        if (info.natural_key_of((came ? change.after : change.before).open().get()) == key) return static_cast<int>(at);
    }
    return -1;
}

// ---------------------------------------------------------------------------------------------------------------------

namespace {

std::unique_ptr<engine::Engine> make_engine(const Clock& clock) {
    engine::EngineOptions options;
    options.clock = &clock;
    auto made = std::make_unique<engine::Engine>(options);
    EXPECT_TRUE(made->add({.name = "bed"})) << "without a module nothing is ever complete";
    return made;
}

}  // namespace

ApplierBed::ApplierBed() : order(std::make_shared<Order>()), engine(make_engine(clock)) {}

Far& ApplierBed::add(Far::Options options) {
    fars.push_back(std::make_unique<Far>(std::move(options)));
    return *fars.back();
}

void ApplierBed::start() {
    for (auto& far : fars)
        far->start(*engine, order, clock);
    engine::ChangeSet complete;
    for (const TableSpec& spec : tables_)
        complete.complete(spec.name);
    engine->post(std::move(complete));
}

void ApplierBed::restart() {
    std::vector<RowPtr> rows;
    std::vector<std::string_view> names;
    for (const TableSpec& spec : tables_) {
        for (RowPtr& row : engine->rows(spec.name)) {
            rows.push_back(std::move(row));
            names.push_back(spec.name);
        }
    }
    for (auto& far : fars)
        far->stop();
    engine.reset();
    order = std::make_shared<Order>();
    engine = make_engine(clock);
    engine::ChangeSet news;
    for (const TableSpec& spec : tables_)
        ASSERT_TRUE(engine->add_input(spec));
    for (std::size_t i = 0; i < rows.size(); ++i)
        news.put(names[i], rows[i]);
    engine->post(std::move(news));
}

void ApplierBed::step() {
    for (auto& far : fars)
        far->step();
    engine->tick();
    if (each_step) each_step();
    do {
        order->take_moved();
        for (auto& far : fars)
            far->applier().flush();
    } while (order->take_moved());
}

bool ApplierBed::until(const std::function<bool()>& holds) {
    const auto deadline = std::chrono::steady_clock::now() + 60s;
    step();
    while (!holds()) {
        if (std::chrono::steady_clock::now() > deadline) {
            ADD_FAILURE() << "not within a minute";
            for (auto& far : fars) {
                for (const auto& fault : far->status().faults)
                    ADD_FAILURE() << fault.object << ": " << fault.what;
            }
            return false;
        }
        step();
    }
    return true;
}

bool ApplierBed::until_synced() {
    return until([this] {
        return std::all_of(fars.begin(), fars.end(),
                           [](const auto& far) { return far->status().state == appliers::State::synced; });
    });
}

}  // namespace weft::test
