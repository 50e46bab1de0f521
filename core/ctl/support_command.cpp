#include "config/config.hpp"
#include "ctl/extra_commands.hpp"
#include "ctl/program.hpp"
#include "ctl/redact.hpp"
#include "ctl/row_text.hpp"
#include "ctl/text_table.hpp"
#include "ctl/views.hpp"
#include "record/file.hpp"
#include "record/replay.hpp"
#include "services/build_facts.hpp"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <memory>
#include <ostream>
#include <system_error>

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

namespace weft::ctl {

namespace {

constexpr std::streamoff most_log = 8 << 20;

std::string time_text(const char* format) {
    const std::time_t now = WallTime::clock::to_time_t(Clock::system().wall());
    std::tm parts{};
    ::gmtime_r(&now, &parts);
    char text[64];
    std::strftime(text, sizeof(text), format, &parts);
    return text;
}

/// A .tar.gz that only its owner can read. Everything that goes in is redacted.
class Bundle {
  public:
    Bundle(std::string path, std::string folder) : path_(std::move(path)), folder_(std::move(folder)) {}
    ~Bundle() {
        if (fd_ >= 0) ::close(fd_);
    }
    Bundle(const Bundle&) = delete;
    Bundle& operator=(const Bundle&) = delete;

    Result<void> open() {
        fd_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd_ < 0)
            return invalid("can't write " + path_ + ": " + std::generic_category().message(errno),
                           "name another file with --file");
        archive_.reset(::archive_write_new());
        if (::archive_write_add_filter_gzip(archive_.get()) != ARCHIVE_OK ||
            ::archive_write_set_format_pax_restricted(archive_.get()) != ARCHIVE_OK ||
            ::archive_write_open_fd(archive_.get(), fd_) != ARCHIVE_OK)
            return trouble();
        return {};
    }
    void add(const std::string& name, std::string_view text) { add_clean(name, redacted(text)); }
    /// What has no secrets in it any more.
    void add_clean(const std::string& name, const std::string& clean) {
        const std::unique_ptr<archive_entry, decltype(&::archive_entry_free)> entry(::archive_entry_new(),
                                                                                    &::archive_entry_free);
        ::archive_entry_set_pathname(entry.get(), (folder_ + "/" + name).c_str());
        ::archive_entry_set_size(entry.get(), static_cast<la_int64_t>(clean.size()));
        ::archive_entry_set_filetype(entry.get(), AE_IFREG);
        ::archive_entry_set_perm(entry.get(), 0600);
        ::archive_entry_set_mtime(entry.get(), WallTime::clock::to_time_t(Clock::system().wall()), 0);
        if (::archive_write_header(archive_.get(), entry.get()) != ARCHIVE_OK ||
            ::archive_write_data(archive_.get(), clean.data(), clean.size()) != static_cast<la_ssize_t>(clean.size()))
            failed_ = true;
        ++files_;
    }
    Result<void> close() {
        if (::archive_write_close(archive_.get()) != ARCHIVE_OK || failed_) return trouble();
        return {};
    }
    std::size_t files() const { return files_; }

  private:
    struct Free {
        void operator()(archive* a) const { ::archive_write_free(a); }
    };
    Error trouble() const {
        const char* why = ::archive_error_string(archive_.get());
        return again("can't write " + path_ + ": " + (why != nullptr ? why : "unknown error"));
    }

    const std::string path_, folder_;
    int fd_ = -1;
    bool failed_ = false;
    std::size_t files_ = 0;
    std::unique_ptr<archive, Free> archive_;
};

/// What the journal has of weftd and weft's CNI program, its end; or why there is nothing.
std::string journal() {
    const auto said = run_program({"journalctl", "--identifier=weftd", "--identifier=weft-cni", "--lines=50000",
                                   "--output=short-iso-precise", "--no-pager", "--utc"});
    if (!said) return "(" + said.error().text() + ")\n";
    if (!*said) return "(there is no journalctl here)\n";
    const auto& [status, out, errors] = **said;
    if (status != 0) return "(journalctl failed with " + std::to_string(status) + ": " + errors + ")\n";
    const auto most = static_cast<std::size_t>(most_log);
    return out.size() <= most ? out : out.substr(out.size() - most);
}

/// The end of a file.
std::string tail_of(const std::string& path) {
    std::ifstream file(path, std::ios::binary | std::ios::ate);
    if (!file) return "(can't read " + path + ")\n";
    const std::streamoff size = file.tellg();
    file.seekg(std::max<std::streamoff>(0, size - most_log));
    std::string text(static_cast<std::size_t>(std::min(size, most_log)), '\0');
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    return text;
}

class Collector {
  public:
    Collector(const Context& context, Bundle& bundle) : context_(context), bundle_(bundle) {}

    void collect() {
        const auto build = services::own_build();
        bundle_.add("weftctl.txt", "weftctl " + build.text() + "\nmade " + time_text("%Y-%m-%d %H:%M:%S UTC") + "\n");
        bundle_.add("log/journal.log", journal());  // also when the configuration is what keeps weftd from running
        configuration();
        if (const auto status = answer("status", "status.json"))
            bundle_.add("status.txt", status_text(status->root()["result"], Clock::system().wall(), false));
        answer("plugins", "plugins.json");
        answer("top", "top.json");
        answer("verify", "verify.json");
        if (const auto metrics = context_.call("metrics", {}))
            bundle_.add("metrics.txt", std::string(metrics->root()["result"].string_or("")));
        const auto graph = answer("graph", "graph.json");
        if (!graph) return;
        graph->root()["result"]["tables"].each([&](JsonView table) {
            if (table["rows"].unsigned_integer().value_or(0) > 0) rows(std::string(table["name"].string_or("")));
        });
    }
    const std::vector<std::string>& troubles() const { return troubles_; }

  private:
    std::optional<JsonDocument> answer(const std::string& call, const std::string& file) {
        auto got = context_.call(call, {});
        if (!got) {
            troubles_.push_back(call + ": " + got.error().text());
            bundle_.add(file + ".error", got.error().text() + "\n");
            return std::nullopt;
        }
        bundle_.add(file, got->root()["result"].dump() + "\n");
        return *std::move(got);
    }

    void configuration() {
        const auto config = context_.load_config();
        if (!config) {
            troubles_.push_back("configuration: " + config.error().text());
            bundle_.add("config.error", config.error().text() + "\n");
            return;
        }
        bundle_.add("config.txt", config_text(config->show(), false, false));
        for (const auto& file : config->files()) {
            std::string name = file;
            std::replace(name.begin(), name.end(), '/', '_');
            bundle_.add("config/" + name, tail_of(file));
        }
        const auto& logging = config->settings().logging;
        if (!logging.logfile.empty()) bundle_.add("log/weftd.log", tail_of(logging.logfile));
        if (std::ifstream(logging.cnilogfile).good()) bundle_.add("log/cni.log", tail_of(logging.cnilogfile));
        if (const auto& file = config->settings().debug.record; !file.empty()) {
            std::error_code code;
            for (const auto& [name, path] :
                 {std::pair("recording.weftrec", file), {"recording.1.weftrec", file + ".1"}}) {
                if (path != file && !std::filesystem::exists(path, code)) continue;
                const auto added = recording(name, path, *config);
                if (added) continue;
                troubles_.push_back("recording: " + added.error().text());
                bundle_.add(std::string(name) + ".error", added.error().text() + "\n");
            }
        }
    }

    /// Rows are looked through with the types of the plugins that are here; of what has another type nothing stays.
    Result<void> recording(const std::string& name, const std::string& path, const config::Config& config) {
        auto bytes = record::read_file(path);
        if (!bytes) return std::move(bytes).error();
        const auto facts = record::facts_of(*bytes);
        if (!facts) return facts.error();
        if (!context_.backends.here) return invalid("this weftctl is built without the engine");
        const auto here = context_.backends.here(config, *facts);
        if (!here) return here.error();
        const auto tables = record::tables_of(*bytes, *facts, *here);
        const auto clean = [&](const record::Table* table, char* text, std::size_t size) {
            if (table == nullptr) return redact_in_place(text, size);
            const auto known = tables.find(table->name);
            const bool same = known != tables.end() && known->second.type->name == table->type &&
                              known->second.type->schema == table->schema;
            if (!same) return std::fill_n(text, size, 'x'), void();
            redact_row(*known->second.type, text, size);
        };
        const auto copy = record::cleaned(*std::move(bytes), clean);
        if (!copy) return copy.error();
        bundle_.add_clean(name, *copy);
        return {};
    }

    /// A table, a page at a time.
    void rows(const std::string& table) {
        std::string text, after;
        do {
            JsonWriter w;
            w.object([&] { w.member("table", table).member("after", after); });
            const auto page = context_.call("rows", w.text());
            if (!page) {
                troubles_.push_back("rows of " + table + ": " + page.error().text());
                break;
            }
            const auto result = page->root()["result"];
            result["rows"].each([&](JsonView row) { text += row.dump() + "\n"; });
            after = result["next"].string_or("");
        } while (!after.empty());
        std::string name = table;
        std::replace(name.begin(), name.end(), '/', '_');
        bundle_.add("rows/" + name + ".jsonl", text);
    }

    const Context& context_;
    Bundle& bundle_;
    std::vector<std::string> troubles_;
};

}  // namespace

int support_command(const Context& context, const std::vector<std::string>& args) {
    const Arguments given(args, {}, {"file"}, 0);
    const std::string name = "weft-support-" + time_text("%Y%m%dT%H%M%SZ");
    const auto path = given.value("file").value_or(name + ".tar.gz");
    Bundle bundle(path, name);
    if (auto opened = bundle.open(); !opened) return context.fail(opened.error());
    Collector collector(context, bundle);
    collector.collect();
    if (auto closed = bundle.close(); !closed) return context.fail(closed.error());
    for (const auto& trouble : collector.troubles())
        context.io.err << "not in it: " << plain(trouble) << "\n";
    if (context.json) {
        JsonWriter w;
        w.object([&] { w.member("file", path).member("files", std::uint64_t{bundle.files()}); });
        context.io.out << w.text() << "\n";
    } else {
        context.io.out
            << path << ": " << bundle.files() << " files\n"
            << "tokens, passwords and private keys are removed; names, addresses, labels and annotations of\n"
               "objects are in it: look through it before you give it away\n";
    }
    return 0;
}

}  // namespace weft::ctl
