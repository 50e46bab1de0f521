#include "base/log_config.hpp"

#include <weft/base/json.hpp>

#include <atomic>
#include <map>
#include <mutex>
#include <set>
#include <shared_mutex>
#include <vector>

#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace weft {

namespace {

/// The process's one log. A function-local object: nothing runs before main, and it outlives every thread that logs.
struct Log {
    std::shared_ptr<spdlog::logger> logger;
    std::atomic<LogLevel> level{LogLevel::info};
    std::shared_mutex mutex;
    std::map<std::string, LogLevel, std::less<>> part_levels;
    std::atomic<bool> has_parts{false};
    std::shared_mutex seen_mutex;
    std::set<std::string, std::less<>> seen;  ///< parts that had anything to log
};

Log& the_log() {
    static Log* log = [] {
        auto* made = new Log;  // never destroyed: threads may log while the process exits
        made->logger = std::make_shared<spdlog::logger>("weft", std::make_shared<spdlog::sinks::stderr_sink_mt>());
        made->logger->set_level(spdlog::level::trace);
        made->logger->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %L %v", spdlog::pattern_time_type::utc);
        made->logger->flush_on(spdlog::level::trace);
        return made;
    }();
    return *log;
}

spdlog::level::level_enum spd_level(LogLevel level) {
    switch (level) {
        case LogLevel::trace: return spdlog::level::trace;
        case LogLevel::debug: return spdlog::level::debug;
        case LogLevel::info: return spdlog::level::info;
        case LogLevel::warn: return spdlog::level::warn;
        case LogLevel::error: return spdlog::level::err;
    }
    return spdlog::level::info;
}

void append_field(std::string& line, std::string_view name, std::string_view value) {
    line.push_back(' ');
    line.append(name);
    line.push_back('=');
    const bool plain = !value.empty() && value.find_first_of(" \"=\n\t\\") == std::string_view::npos;
    if (plain) {
        line.append(value);
    } else {
        line.append(json_quote(value));
    }
}

void write(LogLevel level, const std::string& line) {
    the_log().logger->log(spd_level(level), spdlog::string_view_t(line));
}

std::string head(std::string_view part, std::string_view message) {
    std::string line;
    line.reserve(part.size() + message.size() + 64);
    line.append(part).append(": ").append(message);
    for (char& c : line) {
        if (c == '\n') c = ' ';
    }
    return line;
}

void remember(Log& log, std::string_view part) {
    {
        const std::shared_lock lock(log.seen_mutex);
        if (log.seen.contains(part)) return;
    }
    const std::unique_lock lock(log.seen_mutex);
    log.seen.emplace(part);
}

}  // namespace

bool log_enabled(LogLevel level, std::string_view part) {
    Log& log = the_log();
    remember(log, part);
    if (log.has_parts.load(std::memory_order_relaxed)) {
        const std::shared_lock lock(log.mutex);
        if (const auto at = log.part_levels.find(part); at != log.part_levels.end()) return level >= at->second;
    }
    return level >= log.level.load(std::memory_order_relaxed);
}

void log(LogLevel level, std::string_view part, std::string_view message, std::initializer_list<LogField> fields) {
    if (!log_enabled(level, part)) return;
    std::string line = head(part, message);
    for (const auto& f : fields)
        append_field(line, f.name, f.value);
    write(level, line);
}

void log(LogLevel level, std::string_view part, std::string_view message, const Error& error) {
    if (!log_enabled(level, part)) return;
    std::string line = head(part, message);
    append_field(line, "error", error.what);
    if (!error.where.empty()) append_field(line, "where", error.where);
    if (!error.mend.empty()) append_field(line, "mend", error.mend);
    write(level, line);
}

Result<void> configure_logging(const LogConfig& config) {
    Log& log = the_log();
    log.level = config.level;
    if (config.file.empty()) return {};
    try {
        log.logger->sinks().push_back(std::make_shared<spdlog::sinks::rotating_file_sink_mt>(
            config.file, config.max_size_mb * 1024 * 1024, config.max_backups));
        log.logger->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %L %v", spdlog::pattern_time_type::utc);
    } catch (const std::exception& e) {
        return Error{ErrorKind::invalid, e.what(), config.file, "choose a file in a folder that can be written"};
    }
    return {};
}

void set_log_level(LogLevel level, std::string_view part) {
    Log& log = the_log();
    const std::unique_lock lock(log.mutex);
    if (part.empty()) {
        log.level = level;
        log.part_levels.clear();
    } else {
        log.part_levels.insert_or_assign(std::string(part), level);
    }
    log.has_parts = !log.part_levels.empty();
}

LogLevels log_levels() {
    Log& log = the_log();
    LogLevels levels;
    {
        const std::shared_lock lock(log.seen_mutex);
        for (const auto& part : log.seen)
            levels.parts.emplace(part, std::nullopt);
    }
    const std::shared_lock lock(log.mutex);
    levels.level = log.level;
    for (const auto& [part, level] : log.part_levels)
        levels.parts.insert_or_assign(part, level);
    return levels;
}

std::string_view to_string(LogLevel level) {
    switch (level) {
        case LogLevel::trace: return "trace";
        case LogLevel::debug: return "debug";
        case LogLevel::info: return "info";
        case LogLevel::warn: return "warn";
        case LogLevel::error: return "error";
    }
    return "info";
}

Result<LogLevel> parse_log_level(std::string_view text) {
    for (auto level : {LogLevel::trace, LogLevel::debug, LogLevel::info, LogLevel::warn, LogLevel::error}) {
        if (to_string(level) == text) return level;
    }
    return invalid("unknown log level " + json_quote(text), "use trace, debug, info, warn or error");
}

}  // namespace weft
