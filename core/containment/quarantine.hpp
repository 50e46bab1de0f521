#pragma once

#include "containment/run_board.hpp"

#include <weft/base/result.hpp>

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

/// Which plugins must not run for now, and why. Kept in a file, so that the next start knows.
namespace weft::containment {

/// What is held against one plugin.
struct Record {
    enum class Cause { crash, hang, memory };
    Cause cause = Cause::crash;
    bool frozen = false;
    unsigned crashes = 0;  ///< in a row
    std::string part;      ///< "rule pod-ports"
    std::string key;       ///< it ran on
    std::string detail;    ///< "signal 11 (Segmentation fault)", "did not return for 60 s"
    std::string when;      ///< RFC 3339
    std::string sha256;    ///< of the file that did it; another file is another chance

    /// "rule r on k did not return for 60 s, 2026-…"
    std::string text() const;
    friend bool operator==(const Record&, const Record&) = default;
};

/// Any thread.
class Quarantine {
  public:
    /// From this many crashes in a row on a plugin is frozen.
    static constexpr unsigned most_crashes = 2;

    /// A file that is not there is an empty quarantine; one that can't be read is told and left out.
    static Quarantine load(std::string file);
    Quarantine() = default;
    Quarantine(Quarantine&& other) noexcept;

    /// Takes in what the last process left: who crashed it, who has been well. What it says to the log, a line each.
    std::vector<std::string> judge(const RunBoard::Left& left);
    /// Frozen from the next start on. Written when it returns.
    Result<void> freeze(const std::string& plugin, Record record);
    /// Nothing is held against it any more; what was, if anything.
    std::optional<Record> release(const std::string& plugin);
    /// Back again, after a release that came to nothing.
    void put_back(const std::string& plugin, Record record);

    /// The files that are there now: whoever was frozen under another hash is free. Names of those that became so.
    std::vector<std::string> note_files(const std::map<std::string, std::string>& sha256_of);

    std::optional<Record> frozen(const std::string& plugin) const;
    std::map<std::string, Record> records() const;

  private:
    void crash(const Running& who, int signal, bool settled, std::vector<std::string>& said);
    Result<void> save() const;

    std::string file_;
    mutable std::mutex mutex_;
    std::map<std::string, Record> records_;
};

std::string_view to_string(Record::Cause cause);

}  // namespace weft::containment
