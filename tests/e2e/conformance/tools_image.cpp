#include "tools_image.hpp"

#include <weft/testing/testbed/process.hpp>

#include <set>
#include <sstream>

namespace weft::testing {

namespace {

namespace fs = std::filesystem;

/// What busybox has not, or with fewer options; its own shell would take its own nc.
const std::set<std::string> programs{"bash", "curl", "dash", "getent", "nc"};

/// The libraries that a program asks for, with the loader.
Result<std::set<fs::path>> libraries_of(const fs::path& program) {
    const auto told = run_ok({"ldd", program.string()});
    if (!told) return told.error();
    std::set<fs::path> files;
    std::istringstream words(*told);
    for (std::string word; words >> word;) {
        if (word.front() == '/') files.insert(word);
    }
    return files;
}

}  // namespace

Result<ImageSpec> tools_image(const fs::path& agnhost, std::vector<std::string> names) {
    ImageSpec spec{.names = std::move(names), .environment = {"PATH=/:/bin:/usr/bin"}};
    spec.files.emplace_back(agnhost, "/agnhost");
    const auto busybox = find_program("busybox");
    if (!busybox) return busybox.error();
    spec.files.emplace_back(*busybox, "/bin/busybox");
    const auto applets = run_ok({busybox->string(), "--list"});
    if (!applets) return applets.error();
    std::istringstream lines(*applets);
    for (std::string name; lines >> name;) {
        if (name != "busybox" && name != "sh" && !programs.contains(name))
            spec.links.emplace_back("/bin/" + name, "busybox");
    }
    spec.links.emplace_back("/bin/sh", "/usr/bin/dash");
    spec.links.emplace_back("/bin/bash", "/usr/bin/bash");
    std::set<fs::path> libraries;
    for (const auto& name : programs) {
        const auto program = find_program(name);
        if (!program) return program.error();
        spec.files.emplace_back(*program, fs::path("/usr/bin") / name);
        auto needed = libraries_of(*program);
        if (!needed) return needed.error();
        libraries.merge(*needed);
    }
    for (const auto& library : libraries)
        spec.files.emplace_back(library, library);
    return spec;
}

}  // namespace weft::testing
