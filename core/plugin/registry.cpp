#include "plugin/registry.hpp"

#include "plugin/guard.hpp"

#include <weft/base/json.hpp>
#include <weft/base/log.hpp>

#include <algorithm>

#include <boost/dll/shared_library.hpp>
#include <dlfcn.h>

namespace weft::plugin {

Loaded::~Loaded() = default;

namespace {

namespace dll = boost::dll;

std::string path_of(const Candidate& candidate) {
    return "/proc/self/fd/" + std::to_string(candidate.file.fd());
}

/// A plugin from a file. The library and the checked descriptor are kept for ever: the loader knows the object under
/// the descriptor's path, so the number must never name another file.
class FilePlugin final : public Loaded {
  public:
    FilePlugin(Candidate candidate, dll::shared_library library, weft::PluginHandle* plugin)
        : candidate_(std::move(candidate)),
          library_(std::move(library)),
          plugin_(plugin) {
        // Closing library_ leaves it loaded: rows that it made may live on.
        ::dlclose(::dlopen(path_of(candidate_).c_str(), RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE));
        candidate_.file.keep_open();
    }

    const std::string& name() const override { return candidate_.name; }
    const std::string& version() const override { return candidate_.version; }
    const std::string& path() const override { return candidate_.path; }
    const std::vector<std::string>& needs() const override { return candidate_.needs; }
    const Declared& declared() const override { return declared_; }
    PluginHandle& handle() const override { return *plugin_; }

    Result<void> declare() {
        Declare d(declared_);
        return plugin_->declare(d);
    }
    void guard(containment::RunBoard* board) { guard_declared(declared_, candidate_.name, board); }
    ~FilePlugin() override {
        try {
            library_.get<void(weft::PluginHandle*)>("weft_plugin_destroy")(plugin_);
        } catch (...) {
            log(LogLevel::error, "plugin", "weft_plugin_destroy is gone", {{"plugin", candidate_.name}});
        }
    }

  private:
    Candidate candidate_;
    dll::shared_library library_;
    weft::PluginHandle* plugin_;
    Declared declared_;
};

}  // namespace

Registry::Registry(std::string folder, AdmissionPolicy policy, containment::RunBoard* board)
    : folder_(std::move(folder)),
      policy_(std::move(policy)),
      board_(board) {}
Registry::~Registry() = default;

std::vector<Listing> Registry::list() const {
    std::vector<Listing> out;
    auto found = admit_folder(folder_, policy_);
    if (!found) return out;
    for (const auto& [stem, candidate] : *found) {
        Listing entry{stem, {}, folder_ + "/" + stem + ".so", {}, {}, {}, {}, loaded_.contains(stem), {}};
        if (candidate) {
            entry.name = candidate->name;
            entry.version = candidate->version;
            entry.needs = candidate->needs;
            entry.switches = candidate->switches;
            entry.gates = candidate->gates;
            entry.sha256 = candidate->sha256;
            entry.loaded = loaded_.contains(candidate->name);
        } else {
            entry.problem = candidate.error().text();
        }
        out.push_back(std::move(entry));
    }
    return out;
}

Result<std::vector<std::string>> Registry::enabled_by(const std::vector<std::string>& switches) const {
    auto found = admit_folder(folder_, policy_);
    if (!found) return found.error();
    std::vector<std::string> names;
    std::vector<std::string> unmet = switches;
    for (const auto& entry : *found) {
        if (!entry.candidate) continue;
        bool on = false;
        for (const auto& word : entry.candidate->switches) {
            on |= word == "always" || std::find(switches.begin(), switches.end(), word) != switches.end();
            std::erase(unmet, word);
        }
        if (on) names.push_back(entry.candidate->name);
    }
    if (unmet.empty()) return names;
    std::string all;
    for (const auto& word : unmet)
        all += (all.empty() ? "" : ", ") + word;
    return Error{ErrorKind::invalid, "no plugin is installed for " + all, folder_,
                 "install the plugin's package, or switch the feature off"};
}

Result<std::map<std::string, Candidate>> Registry::admit_all(const std::vector<std::string>& names) const {
    auto found = admit_folder(folder_, policy_);
    if (!found) return found.error();
    std::map<std::string, Candidate> admitted;
    std::string faults;
    const auto fault = [&](const std::string& text) { faults += (faults.empty() ? "" : "; ") + text; };
    for (auto& entry : *found) {
        const auto wanted = [&](const std::string& name) {
            return std::find(names.begin(), names.end(), name) != names.end();
        };
        if (!entry.candidate) {
            if (wanted(entry.stem)) fault(entry.candidate.error().text());
            continue;
        }
        const std::string name = entry.candidate->name;
        if (!wanted(name)) continue;
        const std::string path = entry.candidate->path;
        const auto [at, fresh] = admitted.emplace(name, *std::move(entry.candidate));
        if (!fresh) fault("two files carry plugin " + json_quote(name) + ": " + at->second.path + " and " + path);
    }
    for (const auto& name : names) {
        const bool failed = std::any_of(found->begin(), found->end(),
                                        [&](const Found& entry) { return entry.stem == name && !entry.candidate; });
        if (!admitted.contains(name) && !failed) {
            fault("plugin " + json_quote(name) + " is enabled, but " + folder_ + " has no such plugin");
        }
    }
    if (!faults.empty()) return invalid(faults, "install what is missing, or disable it in [plugins]");
    return admitted;
}

Result<std::unique_ptr<Loaded>> Registry::open(Candidate candidate) const {
    const std::string path = candidate.path;
    const containment::RunLanes lane(board_, 1);
    const containment::RunMark mark(lane.at(0),
                                    board_ == nullptr ? std::uint16_t{0} : board_->label(candidate.name, "load"), {});
    try {
        dll::shared_library library(path_of(candidate), dll::load_mode::rtld_now | dll::load_mode::rtld_local);
        weft::PluginHandle* made = library.get<weft::PluginHandle*()>("weft_plugin_create")();
        if (!made) return Error{ErrorKind::broken, "weft_plugin_create made nothing", path, ""};
        auto loaded = std::make_unique<FilePlugin>(std::move(candidate), std::move(library), made);
        if (auto declared = loaded->declare(); !declared) return Error(declared.error()).at(path);
        loaded->guard(board_);
        return std::unique_ptr<Loaded>(std::move(loaded));
    } catch (const std::exception& e) {
        return Error{ErrorKind::invalid, e.what(), path, "see ldd -r on the file"};
    } catch (...) {
        return Error{ErrorKind::invalid, "threw something that is no std::exception while it was loaded", path, ""};
    }
}

Result<std::vector<const Loaded*>> Registry::load(const std::vector<std::string>& names) {
    std::vector<std::string> missing;
    std::map<std::string, std::vector<std::string>> needs;
    for (const auto& name : names) {
        if (const auto at = loaded_.find(name); at != loaded_.end()) {
            needs[name] = at->second->needs();
        } else {
            missing.push_back(name);
        }
    }
    auto admitted = admit_all(missing);
    if (!admitted) return admitted.error();
    for (const auto& [name, candidate] : *admitted)
        needs[name] = candidate.needs;
    auto order = load_order(needs);
    if (!order) return order.error();

    std::string faults;
    std::map<std::string, std::unique_ptr<Loaded>> fresh;
    for (auto& [name, candidate] : *admitted) {
        auto opened = open(std::move(candidate));
        if (opened) {
            fresh[name] = *std::move(opened);
        } else {
            faults += (faults.empty() ? "" : "; ") + opened.error().text();
        }
    }
    if (!faults.empty()) return invalid(faults, "mend the plugin, or disable it in [plugins]");
    for (auto& [name, loaded] : fresh)
        loaded_[name] = std::move(loaded);
    std::vector<const Loaded*> out;
    for (const auto& name : *order)
        out.push_back(loaded_.at(name).get());
    return out;
}

}  // namespace weft::plugin
