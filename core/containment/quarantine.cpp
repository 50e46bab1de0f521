#include "containment/quarantine.hpp"

#include <weft/base/clock.hpp>
#include <weft/base/json.hpp>
#include <weft/base/log.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <fstream>
#include <sstream>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>

namespace weft::containment {

namespace {

/// What the kernel brings along is no plugin: nothing can be frozen.
bool is_plugin(std::string_view module) {
    return !module.empty() && module != "ipam";
}

std::string now_text() {
    const auto now = std::time(nullptr);
    std::tm parts{};
    ::gmtime_r(&now, &parts);
    std::array<char, 32> text{};
    return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts)};
}

std::string signal_text(int signal) {
    if (signal == 0) return "weftd was killed while it ran, or ran out of stack";
    const char* name = ::sigdescr_np(signal);
    return "signal " + std::to_string(signal) + (name == nullptr ? "" : " (" + std::string(name) + ")");
}

std::optional<Record::Cause> cause_of(std::string_view text) {
    for (const auto cause : {Record::Cause::crash, Record::Cause::hang, Record::Cause::memory}) {
        if (text == to_string(cause)) return cause;
    }
    return std::nullopt;
}

std::string text_of(JsonView object, std::string_view member) {
    return std::string(object[member].string_or(""));
}

}  // namespace

std::string_view to_string(Record::Cause cause) {
    switch (cause) {
        case Record::Cause::crash: return "crash";
        case Record::Cause::hang: return "hang";
        case Record::Cause::memory: return "memory";
    }
    return "unknown";
}

std::string Record::text() const {
    std::string out = part + (key.empty() ? "" : " on " + key);
    switch (cause) {
        case Cause::crash:
            out += " crashed weftd" + (crashes > 1 ? " " + std::to_string(crashes) + " times in a row" : std::string());
            out += ": " + detail;
            break;
        case Cause::hang:
        case Cause::memory: out += " " + detail; break;
    }
    return out + ", at " + when;
}

Quarantine::Quarantine(Quarantine&& other) noexcept
    : file_(std::move(other.file_)),
      records_(std::move(other.records_)) {}

Quarantine Quarantine::load(std::string file) {
    Quarantine made;
    made.file_ = std::move(file);
    std::ifstream in(made.file_);
    if (!in) return made;
    std::stringstream text;
    text << in.rdbuf();
    const auto document = JsonDocument::parse(text.str());
    if (!document) {
        log(LogLevel::warn, "plugin", "can't read which plugins are frozen; none is",
            {{"file", made.file_}, {"error", document.error().text()}});
        return made;
    }
    document->root()["plugins"].each([&](JsonView entry) {
        Record record;
        const auto name = text_of(entry, "name");
        const auto cause = cause_of(text_of(entry, "cause"));
        if (name.empty() || !cause) return;
        record.cause = *cause;
        record.frozen = entry["frozen"].boolean().value_or(false);
        record.crashes =
            static_cast<unsigned>(std::clamp<std::int64_t>(entry["crashes"].integer().value_or(0), 0, 1000));
        record.part = text_of(entry, "part");
        record.key = text_of(entry, "key");
        record.detail = text_of(entry, "detail");
        record.when = text_of(entry, "when");
        record.sha256 = text_of(entry, "sha256");
        made.records_.emplace(name, std::move(record));
    });
    return made;
}

/// The old file or the new one, whatever happens in between.
Result<void> Quarantine::save() const {
    if (file_.empty()) return {};
    JsonWriter w;
    w.object([&] {
        w.key("plugins").array([&] {
            for (const auto& [name, record] : records_) {
                w.object([&, &r = record, &n = name] {
                    w.member("name", n).member("cause", to_string(r.cause)).member("frozen", r.frozen);
                    w.member("crashes", std::uint64_t{r.crashes}).member("part", r.part).member("key", r.key);
                    w.member("detail", r.detail).member("when", r.when).member("sha256", r.sha256);
                });
            }
        });
    });
    const std::string text = w.take() + "\n";
    const std::string fresh = file_ + ".new";
    const int fd = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    const bool written =
        fd >= 0 && ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && ::fsync(fd) == 0;
    const int why = errno;
    if (fd >= 0) ::close(fd);
    if (written && ::rename(fresh.c_str(), file_.c_str()) == 0) return {};
    return Error{ErrorKind::broken,
                 "can't note which plugins are frozen: " + std::generic_category().message(written ? errno : why),
                 file_, "check [weft] run-dir"};
}

void Quarantine::crash(const Running& who, int signal, bool settled, std::vector<std::string>& said) {
    if (!is_plugin(who.plugin)) {
        said.push_back("the last weftd died in " + who.plugin + "/" + who.text() + ": " + signal_text(signal));
        return;
    }
    Record& record = records_[who.plugin];
    if (record.frozen) return;
    // Whoever is killed has not crashed; but a rule that is killed twice on one key, say for its memory, has done it.
    const bool same = record.part == who.part && record.key == who.key;
    const bool again = record.cause == Record::Cause::crash && !settled && (signal != 0 || same);
    record.cause = Record::Cause::crash;
    record.crashes = again ? record.crashes + 1 : 1;
    record.part = who.part;
    record.key = who.key;
    record.detail = signal_text(signal);
    record.when = now_text();
    record.frozen = record.crashes >= most_crashes;
    said.push_back(who.plugin + "/" + record.text() + (record.frozen ? ": the plugin is frozen from now on" : ""));
}

std::vector<std::string> Quarantine::judge(const RunBoard::Left& left) {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> said;
    const auto before = records_;
    if (left.clean) {
        std::erase_if(records_, [](const auto& entry) { return !entry.second.frozen; });
    } else if (left.crashed) {
        crash(*left.crashed, left.signal, left.settled, said);
    } else if (left.signal == 0) {
        for (const Running& running : left.running)
            crash(running, 0, left.settled, said);
    }
    if (records_ != before) {
        if (auto saved = save(); !saved) said.push_back(saved.error().text());
    }
    return said;
}

Result<void> Quarantine::freeze(const std::string& plugin, Record record) {
    const std::lock_guard lock(mutex_);
    record.frozen = true;
    record.when = now_text();
    if (const auto known = records_.find(plugin); known != records_.end() && record.sha256.empty())
        record.sha256 = known->second.sha256;
    records_[plugin] = std::move(record);
    return save();
}

std::optional<Record> Quarantine::release(const std::string& plugin) {
    const std::lock_guard lock(mutex_);
    const auto at = records_.find(plugin);
    if (at == records_.end()) return std::nullopt;
    Record record = std::move(at->second);
    records_.erase(at);
    if (auto saved = save(); !saved) log(LogLevel::error, "plugin", "the next start will not know", saved.error());
    return record;
}

void Quarantine::put_back(const std::string& plugin, Record record) {
    const std::lock_guard lock(mutex_);
    records_[plugin] = std::move(record);
    if (auto saved = save(); !saved) log(LogLevel::error, "plugin", "the next start will not know", saved.error());
}

std::vector<std::string> Quarantine::note_files(const std::map<std::string, std::string>& sha256_of) {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> free;
    bool changed = false;
    for (auto& [name, record] : records_) {
        const auto file = sha256_of.find(name);
        if (file == sha256_of.end()) continue;
        if (record.sha256.empty()) {
            record.sha256 = file->second;
            changed = true;
        } else if (record.sha256 != file->second) {
            free.push_back(name);
        }
    }
    for (const auto& name : free)
        records_.erase(name);
    if (changed || !free.empty()) {
        if (auto saved = save(); !saved) log(LogLevel::error, "plugin", "the next start will not know", saved.error());
    }
    return free;
}

std::optional<Record> Quarantine::frozen(const std::string& plugin) const {
    const std::lock_guard lock(mutex_);
    const auto at = records_.find(plugin);
    if (at == records_.end() || !at->second.frozen) return std::nullopt;
    return at->second;
}

std::map<std::string, Record> Quarantine::records() const {
    const std::lock_guard lock(mutex_);
    return records_;
}

}  // namespace weft::containment
