#include "bed.hpp"

#include <filesystem>

namespace weft::testing {

namespace fs = std::filesystem;

std::string put_plugins(Bed& bed, const std::vector<std::string>& plugins) {
    const fs::path folder = bed.dir() / "plugins";
    fs::create_directories(folder);
    fs::permissions(folder, fs::perms::owner_all | fs::perms::group_read | fs::perms::others_read);
    for (const auto& plugin : plugins) {
        const fs::path from = fs::path(program_path("HOSTILE_PLUGINS")) / (plugin + ".so");
        const fs::path to = folder / from.filename();
        // Another file, as a package puts it: what is mapped stays what it was.
        fs::copy_file(from, to.string() + ".new", fs::copy_options::overwrite_existing);
        fs::permissions(to.string() + ".new", fs::perms::owner_all | fs::perms::group_read | fs::perms::others_read);
        fs::rename(to.string() + ".new", to);
    }
    return folder.string();
}

std::string labelled_node(const std::string& name, int number, const std::string& labels) {
    const std::string n = std::to_string(number);
    // Applying merges, so what was asked for before has to be taken back.
    const std::string asked = labels.empty() ? "hostile: \"\", thief: \"\", guard: \"\"" : labels;
    return "{apiVersion: v1, kind: Node, metadata: {name: " + name + ", labels: {" + asked +
           "}}, status: {addresses: [{type: InternalIP, address: 172.18.0." + n +
           "}, {type: InternalIP, address: \"fc00:f853:ccd:e793::" + n + "\"}]}}\n";
}

std::string plugin_member(const Weftd& weftd, const std::string& plugin, const std::string& member) {
    const auto answer = weftd.call("plugins");
    if (!answer) return answer.error().text();
    std::string found = "(not there)";
    answer->root()["result"].each([&](JsonView p) {
        if (p["name"].string_or("") == plugin) found = p[member].string_or("");
    });
    return found;
}

Result<void> wait_plugin(const Weftd& weftd, const std::string& plugin, const std::string& state) {
    return wait_for("plugin " + plugin + " " + state, [&]() -> Result<void> {
        const auto now = plugin_member(weftd, plugin, "state");
        return now == state ? Result<void>() : Result<void>(waiting("it is " + now));
    });
}

Result<void> wait_end(Weftd& weftd) {
    return wait_for("the end of weftd", [&]() -> Result<void> {
        return weftd.process.running() ? Result<void>(waiting("it runs")) : Result<void>();
    });
}

}  // namespace weft::testing
