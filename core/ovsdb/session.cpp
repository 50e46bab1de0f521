#include "ovsdb/session.hpp"

#include "ovsdb/codec.hpp"

#include <weft/base/log.hpp>

#include <algorithm>

namespace weft::ovsdb {

namespace {

constexpr std::string_view zero_uuid = "00000000-0000-0000-0000-000000000000";
constexpr std::size_t big_message = std::size_t{16} << 10;

std::string error_text(const JsonView& error) {
    if (error.string()) return std::string(*error.string());
    std::string text(error["error"].string_or("error"));
    if (const auto details = error["details"].string_or(""); !details.empty()) text.append(": ").append(details);
    return text;
}

/// An element of an array; absent when there is none.
JsonView element(const JsonView& array, std::size_t wanted) {
    struct {
        std::size_t wanted;
        std::size_t at = 0;
        JsonView found;
    } state{wanted, 0, {}};
    array.each([&state](JsonView e) {
        if (state.at++ == state.wanted) state.found = e;
    });
    return state.found;
}

/// An OVSDB value that is a set of at most one.
JsonView one(const JsonView& value) {
    std::string_view tag;
    JsonView body;
    if (tagged(value, tag, body) && tag == "set") return element(body, 0);
    return value;
}

}  // namespace

Session::Session(Settings settings, std::string& out, std::vector<Event>& events)
    : settings_(std::move(settings)),
      out_(out),
      events_(events) {}

std::uint64_t Session::request(std::string_view method, std::string_view params) {
    const std::uint64_t id = next_id_++;
    out_.append("{\"id\":").append(std::to_string(id)).append(",\"method\":").append(json_quote(method));
    out_.append(",\"params\":").append(params).append("}");
    return id;
}

void Session::connected(std::string remote) {
    remote_ = std::move(remote);
    phase_ = Phase::server;
    method_ = Method::since;
    server_ = {};
    first_id_ = next_id_;
    server_id_ =
        request("monitor_cond", R"(["_Server",["weft","_Server"],{"Database":[{"columns":["name","model","connected",)"
                                R"("leader","schema","cid","index"]}]}])");
}

void Session::disconnected(const std::string& reason) {
    if (phase_ == Phase::down) return;
    const bool was_synced = phase_ == Phase::synced;
    phase_ = Phase::down;
    server_id_ = schema_id_ = lock_id_ = monitor_id_ = 0;
    if (was_synced) events_.emplace_back(Disconnected{reason});
    set_lock(false);
    auto lost = std::move(in_flight_);
    in_flight_.clear();
    for (auto& [id, flight] : lost) {
        events_.emplace_back(
            Reply{flight.id, Outcome::plain(Outcome::Kind::lost, reason), std::move(flight.operations)});
    }
}

void Session::set_monitors(MonitorRequest wanted) {
    if (wanted == request_) return;
    request_ = std::move(wanted);
    last_transaction_.clear();
    if (phase_ != Phase::monitor && phase_ != Phase::synced) return;
    // The schema has to be held against the new request, and then the monitor is made anew.
    request("monitor_cancel", "[[\"weft\"," + std::to_string(monitor_number_) + "]]");
    monitor_id_ = 0;
    schema_id_ = request("get_schema", "[" + json_quote(settings_.database->name()) + "]");
}

void Session::probe() {
    out_.append(R"({"id":"echo","method":"echo","params":[]})");
}

void Session::transact(std::uint64_t id, const Transaction& transaction) {
    if (!synced()) {
        events_.emplace_back(
            Reply{id, Outcome::plain(Outcome::Kind::unsent, "not connected"), transaction.operations()});
        return;
    }
    const std::uint64_t number = next_id_++;
    out_.append("{\"id\":").append(std::to_string(number)).append(",\"method\":\"transact\",\"params\":[");
    out_.append(json_quote(settings_.database->name()));
    if (!settings_.lock.empty()) {
        out_.append(R"(,{"op":"assert","lock":)").append(json_quote(settings_.lock)).append("}");
    }
    if (!transaction.empty()) out_.append(",").append(transaction.json());
    out_.append("]}");
    in_flight_.emplace(number, InFlight{id, transaction.operations()});
}

Result<void> Session::message(std::string_view json) {
    if (auto parsed = document_.reparse(json); !parsed) return parsed;
    const JsonView root = document_.root();
    const auto method = root["method"].string();
    Result<void> done;
    if (method) {
        done = notification(*method, root["params"], root["id"]);
    } else if (const auto id = root["id"].unsigned_integer()) {
        done = answer(*id, root["result"], root["error"]);
    } else if (root["id"].string_or("") != "echo") {
        done = invalid("a message that is neither request nor answer: " + json_quote(json.substr(0, 100)));
    }
    // The parser keeps fifteen times the size of the biggest message it saw: fine for an update, not for a burst.
    if (json.size() > big_message) document_ = JsonDocument();
    return done;
}

Result<void> Session::notification(std::string_view method, const JsonView& params, const JsonView& id) {
    if (method == "echo") {
        out_.append("{\"id\":").append(id.present() ? id.dump() : "null").append(",\"result\":");
        out_.append(params.present() ? params.dump() : "[]").append(",\"error\":null}");
        return {};
    }
    if (method.substr(0, 6) == "update") {
        const JsonView monitor = element(element(params, 0), 1);
        if (method == "update2" && monitor.string_or("") == "_Server") {
            if (auto read = read_server(element(params, 1)); !read) return read;
            return check_server();
        }
        // Of a monitor that was replaced before its contents came: the new one's contents will have it.
        const auto number = monitor.unsigned_integer();
        if (!synced() && number && *number < monitor_number_) return {};
        if (method == "update3") return on_update(element(params, 2), Method::since, element(params, 1).string_or(""));
        if (method == "update2") return on_update(element(params, 1), Method::conditional, "");
        if (method == "update") return on_update(element(params, 1), Method::plain, "");
    }
    if (method == "locked" || method == "stolen") {
        if (element(params, 0).string_or("") == settings_.lock) set_lock(method == "locked");
        return {};
    }
    // Requests that weft doesn't know are refused politely; notifications are ignored.
    if (id.present() && !id.is_null()) {
        out_.append("{\"id\":").append(id.dump()).append(",\"result\":null,\"error\":\"unknown method\"}");
    }
    return {};
}

Result<void> Session::answer(std::uint64_t id, const JsonView& result, const JsonView& error) {
    if (id < first_id_ || id >= next_id_)
        return invalid("an answer to nothing that was asked: id " + std::to_string(id));
    if (const auto flight = in_flight_.find(id); flight != in_flight_.end()) {
        auto& operations = flight->second.operations;
        Outcome outcome = Outcome::parse(result, error, operations.size(), settings_.lock.empty() ? 0 : 1);
        events_.emplace_back(Reply{flight->second.id, std::move(outcome), std::move(operations)});
        in_flight_.erase(flight);
        return {};
    }
    if (id == server_id_) return on_server(result, error);
    if (id == schema_id_) return on_schema(result, error);
    if (id == monitor_id_) return on_monitor(result, error);
    if (id == lock_id_) set_lock(result["locked"].boolean().value_or(false));
    return {};
}

// ---------------------------------------------------------------------------------------------------------------------
// _Server: is this the server to talk to?

Result<void> Session::on_server(const JsonView& result, const JsonView& error) {
    server_id_ = 0;
    if (result.is_object()) {
        if (auto read = read_server(result); !read) return read;
        return check_server();
    }
    // A server without that database is old and knows no clusters.
    if (error.is_null() || !error.present()) return invalid("no answer about the server's databases");
    phase_ = Phase::schema;
    schema_id_ = request("get_schema", "[" + json_quote(settings_.database->name()) + "]");
    return {};
}

Result<void> Session::read_server(const JsonView& updates) {
    struct {
        Session& session;
        bool gone = false;
    } state{*this};
    updates["Database"].members([&state](std::string_view uuid, JsonView change) {
        auto& row = state.session.server_;
        const bool ours = !row.uuid.empty() && row.uuid == uuid;
        if (change["delete"].present()) state.gone = state.gone || ours;
        JsonView columns = change["initial"];
        if (!columns.present()) columns = change["insert"];
        if (columns.present()) {
            if (columns["name"].string_or("") != state.session.settings_.database->name()) return;
            row = ServerRow{};
            row.known = true;
            row.uuid = uuid;
        } else {
            columns = change["modify"];
            if (!ours || !columns.present()) return;
        }
        if (const auto model = columns["model"].string()) row.clustered = *model == "clustered";
        if (const auto flag = columns["connected"].boolean()) row.connected = *flag;
        if (const auto flag = columns["leader"].boolean()) row.leader = *flag;
        if (columns["schema"].present()) row.has_schema = !one(columns["schema"]).string_or("").empty();
        if (columns["cid"].present()) row.cid = one(columns["cid"]).dump();
        if (columns["index"].present()) row.index = one(columns["index"]).integer().value_or(0);
    });
    if (state.gone) return again("the server gave up the database " + std::string(settings_.database->name()));
    return {};
}

Result<void> Session::check_server() {
    const std::string name(settings_.database->name());
    if (!server_.known)
        return Error{ErrorKind::again, "the server has no database " + name, remote_, "check the address"};
    if (server_.clustered) {
        if (!server_.connected) return again("the server of " + name + " is not connected to its cluster");
        if (settings_.leader_only && !server_.leader) return again("the server of " + name + " is not the leader");
        if (server_.cid == cluster_ && server_.index < least_index_) {
            return again("the server of " + name + " is behind what was seen before");
        }
    }
    if (phase_ == Phase::server && server_.has_schema) {
        phase_ = Phase::schema;
        schema_id_ = request("get_schema", "[" + json_quote(name) + "]");
    }
    return {};
}

// ---------------------------------------------------------------------------------------------------------------------

Result<void> Session::on_schema(const JsonView& result, const JsonView& error) {
    schema_id_ = 0;
    if (!result.is_object())
        return again("no schema of " + std::string(settings_.database->name()) + ": " + error_text(error));
    auto checked = Capabilities::check(*settings_.database, result, request_);
    if (!checked) {
        if (std::exchange(last_refusal_, checked.error().text()) != checked.error().text()) {
            events_.emplace_back(Refused{checked.error()});
        }
        return std::move(checked).error();
    }
    last_refusal_.clear();
    std::string absent;
    for (const auto& name : checked->absent())
        absent += (absent.empty() ? "" : ", ") + name;
    if (!absent.empty() && std::exchange(absent_logged_, absent) != absent) {
        log(LogLevel::info, "ovsdb", "the server's schema is older: doing without",
            {{"database", std::string(settings_.database->name())},
             {"version", checked->version()},
             {"absent", absent}});
    }
    // Another schema than before: the old place to resume says nothing about columns that are new.
    if (!capabilities_ || !(*capabilities_ == *checked)) last_transaction_.clear();
    capabilities_ = std::make_shared<const Capabilities>(*std::move(checked));
    if (phase_ == Phase::schema) {
        phase_ = Phase::monitor;
        if (!settings_.lock.empty()) lock_id_ = request("lock", "[" + json_quote(settings_.lock) + "]");
    }
    send_monitor();
    return {};
}

void Session::send_monitor() {
    std::string params =
        "[" + json_quote(settings_.database->name()) + ",[\"weft\"," + std::to_string(++monitor_number_) + "],";
    params += monitor_requests(request_, *capabilities_, method_ != Method::plain);
    if (method_ == Method::since)
        params += "," + json_quote(last_transaction_.empty() ? zero_uuid : std::string_view(last_transaction_));
    params += "]";
    switch (method_) {
        case Method::since: monitor_id_ = request("monitor_cond_since", params); break;
        case Method::conditional: monitor_id_ = request("monitor_cond", params); break;
        case Method::plain: monitor_id_ = request("monitor", params); break;
    }
}

Result<void> Session::on_monitor(const JsonView& result, const JsonView& error) {
    monitor_id_ = 0;
    if (error.present() && !error.is_null()) {
        const bool unknown = error_text(error).find("unknown method") != std::string::npos;
        if (!unknown || method_ == Method::plain) return again("the monitor was refused: " + error_text(error));
        method_ = method_ == Method::since ? Method::conditional : Method::plain;
        send_monitor();
        return {};
    }
    const bool since = method_ == Method::since;
    const bool found = since && element(result, 0).boolean().value_or(false);
    const JsonView contents = since ? element(result, 2) : result;
    auto update = method_ == Method::plain ? parse_updates(contents, *settings_.database, *capabilities_)
                                           : parse_updates2(contents, *settings_.database, *capabilities_);
    if (!update) return std::move(update).error();
    update->reset = !found;
    last_transaction_ = since ? element(result, 1).string_or("") : "";
    if (phase_ == Phase::monitor) {
        phase_ = Phase::synced;
        cluster_ = server_.cid;
        least_index_ = server_.index;
        events_.emplace_back(Connected{remote_, capabilities_, found});
    }
    events_.emplace_back(*std::move(update));
    return {};
}

Result<void> Session::on_update(const JsonView& updates, Method method, std::string_view last) {
    // While a new monitor is asked for, the old one's updates still count.
    if (!synced()) return invalid("an update before the contents");
    auto update = method == Method::plain ? parse_updates(updates, *settings_.database, *capabilities_)
                                          : parse_updates2(updates, *settings_.database, *capabilities_);
    if (!update) return std::move(update).error();
    if (method == Method::since && schema_id_ == 0 && monitor_id_ == 0) last_transaction_ = last;
    least_index_ = std::max(least_index_, server_.index);
    if (!update->tables.empty()) events_.emplace_back(*std::move(update));
    return {};
}

void Session::set_lock(bool held) {
    if (std::exchange(locked_, held) != held) events_.emplace_back(LockChanged{held});
}

}  // namespace weft::ovsdb
