#pragma once

#include "containment/run_board.hpp"
#include "plugin/admission.hpp"
#include "plugin/declared.hpp"

#include <weft/plugin/plugin.hpp>

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

/// The plugins of this process. What is loaded stays loaded until the process ends: rows, vtables and functions of a
/// plugin may be in use anywhere.
namespace weft::plugin {

/// A loaded plugin and what it declared.
class Loaded {
  public:
    virtual ~Loaded();
    virtual const std::string& name() const = 0;
    virtual const std::string& version() const = 0;
    virtual const std::string& path() const = 0;
    virtual const std::vector<std::string>& needs() const = 0;
    virtual const Declared& declared() const = 0;
    /// For running it once more, beside what runs already.
    virtual PluginHandle& handle() const = 0;
};

/// One plugin as `weftctl plugins` shows it.
struct Listing {
    std::string name;
    std::string version;
    std::string path;
    std::vector<std::string> needs;
    std::vector<std::string> switches;
    std::string gates;   ///< "pods", or nothing
    std::string sha256;  ///< of the file
    bool loaded = false;
    std::string problem;  ///< why it can't be loaded; empty when it can
};

class Registry {
  public:
    /// `board`: where it says whose code runs while a file is opened and declares; null: nowhere.
    Registry(std::string folder, AdmissionPolicy policy, containment::RunBoard* board = nullptr);
    ~Registry();

    /// Loads `names` and returns them in the order of their needs. Nothing is loaded unless all of them are admitted;
    /// the error lists every plugin that fails, not just the first. What is loaded already is used again.
    Result<std::vector<const Loaded*>> load(const std::vector<std::string>& names);
    /// Everything in the folder, admitted or not.
    std::vector<Listing> list() const;
    /// Plugins whose manifest says "always" or names one of `switches`.
    Result<std::vector<std::string>> enabled_by(const std::vector<std::string>& switches) const;

  private:
    Result<std::map<std::string, Candidate>> admit_all(const std::vector<std::string>& names) const;
    Result<std::unique_ptr<Loaded>> open(Candidate candidate) const;

    std::string folder_;
    AdmissionPolicy policy_;
    containment::RunBoard* board_;
    std::map<std::string, std::unique_ptr<Loaded>> loaded_;
};

}  // namespace weft::plugin
