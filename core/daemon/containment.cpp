#include "daemon/containment.hpp"

#include <weft/base/log.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <unistd.h>

namespace weft::daemon {

namespace {

using containment::Quarantine;
using containment::Record;
using containment::RunBoard;
using containment::Running;

std::vector<std::string> own_arguments() {
    std::ifstream in("/proc/self/cmdline", std::ios::binary);
    std::vector<std::string> arguments;
    for (std::string argument; std::getline(in, argument, '\0');)
        arguments.push_back(argument);
    return arguments;
}

/// The same program in the same process: whoever waits for it, systemd or the kubelet, sees nothing.
void start_anew(const std::vector<std::string>& arguments) {
    std::vector<char*> argv;
    for (const auto& argument : arguments)
        argv.push_back(const_cast<char*>(argument.c_str()));  // NOLINT: execv takes it so
    argv.push_back(nullptr);
    ::execv("/proc/self/exe", argv.data());
}

std::string mebibytes(std::uint64_t bytes) {
    return std::to_string(bytes >> 20) + " MiB";
}

}  // namespace

Containment::Containment(std::unique_ptr<RunBoard> board, Quarantine quarantine)
    : board_(std::move(board)),
      crash_handler_(*board_),
      quarantine_(std::move(quarantine)),
      arguments_(own_arguments()) {}

Containment::~Containment() = default;

Result<std::unique_ptr<Containment>> Containment::begin(const config::Settings& settings) {
    const std::string folder = settings.weft.run_dir;
    const std::string role = settings.role == Role::node ? "node" : "cluster";
    const std::string file = folder + "/running-" + role;
    auto quarantine = Quarantine::load(folder + "/frozen-" + role + ".json");
    if (const auto left = RunBoard::read(file)) {
        for (const auto& line : quarantine.judge(*left))
            log(LogLevel::error, "plugin", line);
    }
    auto board = RunBoard::make(file);
    if (!board) return std::move(board).error();
    return std::unique_ptr<Containment>(new Containment(*std::move(board), std::move(quarantine)));
}

void Containment::watch(containment::Limits limits) {
    watch_.reset();
    containment::RunWatch::Events events;
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(limits.rule_timeout).count();
    events.hangs = [this, seconds](const Running& who) {
        freeze_and_restart(who, Record::Cause::hang, "did not return for " + std::to_string(seconds) + " s");
    };
    events.eats = [this, limits](const Running& who, std::uint64_t grew) {
        freeze_and_restart(who, Record::Cause::memory,
                           "was running while memory grew by " + mebibytes(grew) + ", beyond memory-limit (" +
                               mebibytes(limits.memory_limit) + ")");
    };
    events.over = [limits](std::uint64_t resident) {
        log(LogLevel::error, "plugin", "memory is beyond memory-limit, and no plugin stands out as the cause",
            {{"resident", mebibytes(resident)}, {"limit", mebibytes(limits.memory_limit)}});
    };
    events.settled = [this] { board_->set_settled(); };
    watch_ = std::make_unique<containment::RunWatch>(*board_, limits, std::move(events));
}

/// On the watching thread, beside an engine thread that may be lost: nothing here waits for anybody.
void Containment::freeze_and_restart(const Running& who, Record::Cause cause, const std::string& detail) {
    const bool is_plugin = !who.plugin.empty() && who.plugin != "ipam";
    Record record;
    record.cause = cause;
    record.part = who.part;
    record.key = who.key;
    record.detail = detail;
    Result<void> noted;
    if (is_plugin) noted = quarantine_.freeze(who.plugin, record);
    if (!noted) log(LogLevel::error, "plugin", "the next start will not know who is frozen", noted.error());
    const bool again = is_plugin && noted && !stopping_;
    log(LogLevel::error, "plugin", "a plugin is out of hand",
        {{"plugin", who.plugin},
         {"runs", who.text()},
         {"what", detail},
         {"so", stopping_ ? "weftd ends without waiting for it"
                : again   ? "weftd starts anew with the plugin frozen"
                          : "weftd ends"}});
    board_->set_clean();
    if (again) start_anew(arguments_);
    ::_exit(1);
}

void Containment::end() {
    watch_.reset();
    board_->set_clean();
}

Result<containment::Limits> limits_of(const config::Settings& settings) {
    containment::Limits limits;
    limits.rule_timeout = settings.weft.rule_timeout;
    auto memory = config::memory_limit_of(settings.weft.memory_limit);
    if (!memory) return std::move(memory).error();
    limits.memory_limit = memory->value_or(containment::default_memory_limit());
    return limits;
}

Runnable runnable(const std::vector<std::string>& names, const std::map<std::string, std::vector<std::string>>& needs,
                  const Quarantine& quarantine) {
    Runnable out;
    for (const auto& name : names) {
        if (const auto record = quarantine.frozen(name)) {
            out.frozen.emplace(name, record->text() + " (`weftctl plugins enable " + name +
                                         "` or another file of the plugin lets it run again)");
        }
    }
    for (bool more = true; more;) {
        more = false;
        for (const auto& name : names) {
            const auto of = needs.find(name);
            if (out.frozen.contains(name) || of == needs.end()) continue;
            const auto need = std::find_if(of->second.begin(), of->second.end(),
                                           [&](const auto& other) { return out.frozen.contains(other); });
            if (need == of->second.end()) continue;
            out.frozen.emplace(name, "needs " + *need + ", which is frozen: " + out.frozen.at(*need));
            more = true;
        }
    }
    std::copy_if(names.begin(), names.end(), std::back_inserter(out.names),
                 [&](const auto& name) { return !out.frozen.contains(name); });
    return out;
}

}  // namespace weft::daemon
