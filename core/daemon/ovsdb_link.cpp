#include "daemon/ovsdb_link.hpp"

#include <weft/base/log.hpp>
#include <weft/tables/settings.hpp>

namespace weft::daemon {

using weft::ovsdb::Changes;

OvsdbLink::OvsdbLink(Options options, engine::Engine& engine, appliers::ovsdb::ExtraTables extra, const Clock& clock,
                     appliers::ovsdb::Unsettled unsettled, std::function<void()> wake)
    : options_(std::move(options)),
      engine_(engine),
      replica_(*options_.client.database),
      applier_(std::make_unique<appliers::ovsdb::Applier>(
          appliers::ovsdb::Applier::Options{.name = options_.name, .order = options_.order}, engine, replica_, *this,
          extra, clock, std::move(unsettled))),
      down_since_(Clock::system().now()),
      wake_(std::move(wake)) {}

Result<void> OvsdbLink::start() {
    if (auto subscribed = applier_->start(); !subscribed) return subscribed;
    client_ = std::make_unique<weft::ovsdb::Client>(options_.client, wake_);
    client_->set_monitors(options_.monitor);
    return {};
}

void OvsdbLink::drain() {
    if (!client_) return;
    for (auto& event : client_->take()) {
        std::visit([this](auto& e) { on(e); }, event);
        note_readiness();
    }
}

void OvsdbLink::note_readiness() {
    if (ready()) {
        down_since_.reset();
    } else if (!down_since_) {
        down_since_ = Clock::system().now();
    }
}

std::string OvsdbLink::address() const {
    std::string all;
    for (const auto& remote : options_.client.remotes)
        all += (all.empty() ? "" : ",") + remote.text();
    return all;
}

bool OvsdbLink::ready() const {
    std::string why;
    return writable(why);
}

std::string OvsdbLink::trouble() const {
    std::string why;
    writable(why);
    return why;
}

bool OvsdbLink::writable(std::string& why) const {
    why.clear();
    if (!connected_) {
        // The latest attempt knows best.
        if (client_) why = client_->status().last_error;
        if (why.empty()) why = trouble_;
    } else if (!loaded_) {
        why = "the contents are still coming";
    } else if (!options_.client.lock.empty() && !locked_) {
        why = "another weftd holds the lock " + options_.client.lock + " of this database";
    }
    return why.empty();
}

weft::ovsdb::ColumnSet OvsdbLink::columns(const weft::ovsdb::TableInfo& table) const {
    return capabilities_ ? capabilities_->columns(table) : weft::ovsdb::ColumnSet();
}

std::uint64_t OvsdbLink::commit(weft::ovsdb::Transaction transaction) {
    return client_->transact(std::move(transaction));
}

void OvsdbLink::transact(weft::ovsdb::Transaction transaction,
                         std::function<void(const weft::ovsdb::Outcome&)> answered) {
    const std::uint64_t id = client_->transact(std::move(transaction));
    answers_.emplace(id, std::move(answered));
}

// ---------------------------------------------------------------------------------------------------------------------

void OvsdbLink::on(weft::ovsdb::Connected& event) {
    log(LogLevel::info, options_.name, "connected",
        {{"remote", event.remote},
         {"schema", event.capabilities->version()},
         {"resumed", event.resumed ? "yes" : "no"}});
    connected_ = true;
    loaded_ = false;
    capabilities_ = event.capabilities;
    if (options_.tells_features) post_features();
}

void OvsdbLink::post_features() {
    std::vector<tables::OvnFeature> features;
    for (const auto& table : replica_.database().tables()) {
        if (table->optional && capabilities_->has_table(*table)) {
            features.push_back({Key<tables::OvnFeature>{table->name}});
        }
        for (const auto& column : table->columns) {
            if (column.facts.optional && capabilities_->has_column(*table, column)) {
                features.push_back(
                    {Key<tables::OvnFeature>{std::string(table->name) + "." + std::string(column.name)}});
            }
        }
    }
    engine::ChangeSet changes;
    changes.replace_all<tables::OvnFeature>(std::move(features));
    changes.complete<tables::OvnFeature>();
    engine_.post(std::move(changes));
}

void OvsdbLink::on(weft::ovsdb::Update& event) {
    auto changes = replica_.apply(std::move(event));
    if (!changes) {
        log(LogLevel::error, options_.name, "an update does not fit to what is known; starting over", changes.error());
        client_->reconnect(changes.error().text());
        return;
    }
    const bool first = !ever_loaded_;
    loaded_ = true;
    ever_loaded_ = true;
    post(*changes);
    if (first) {
        engine::ChangeSet complete;
        for (const auto& table : options_.read_tables)
            complete.complete(table);
        engine_.post(std::move(complete));
        applier_->loaded();
    } else {
        applier_->database_changed(*changes);
    }
    for (const auto& observer : observers_)
        observer(*changes);
}

void OvsdbLink::post(const Changes& changes) {
    engine::ChangeSet news;
    for (const auto& change : changes.rows) {
        if (!options_.read_tables.contains(std::string(change.table->replica_table))) continue;
        if (change.after) {
            news.put(change.table->replica_table, change.after);
        } else {
            news.erase(change.table->replica_table, change.uuid.text());
        }
    }
    if (!news.empty()) engine_.post(std::move(news));
}

void OvsdbLink::on(weft::ovsdb::Reply& event) {
    if (const auto at = answers_.find(event.id); at != answers_.end()) {
        const auto answered = std::move(at->second);
        answers_.erase(at);
        answered(event.outcome);
        return;
    }
    applier_->outcome(event.id, event.outcome);
}

void OvsdbLink::on(weft::ovsdb::LockChanged& event) {
    locked_ = event.held;
    log(event.held ? LogLevel::info : LogLevel::warn, options_.name,
        event.held ? "the database's lock is ours" : "another weftd holds the database's lock; writing nothing");
}

void OvsdbLink::on(weft::ovsdb::Disconnected& event) {
    connected_ = false;
    loaded_ = false;
    locked_ = false;
    trouble_ = event.reason;
    log(LogLevel::warn, options_.name, "connection lost", {{"reason", event.reason}});
    for (const auto& observer : trouble_observers_)
        observer(event.reason);
}

void OvsdbLink::on(weft::ovsdb::Refused& event) {
    connected_ = false;
    trouble_ = event.error.text();
    log(LogLevel::error, options_.name, "this server can't be used", event.error);
}

}  // namespace weft::daemon
