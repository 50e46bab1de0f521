#include "ctl/extra_commands.hpp"

#include <algorithm>
#include <array>

namespace weft::ctl {

std::span<const ExtraCommand> extra_commands() {
    static constexpr std::array list{
        ExtraCommand{
            "explain", "WHAT [--row]", "where a row comes from and why, or why it is not there",
            "WHAT is an object (pod/NS/NAME, node/NAME, namespace/NAME), a row (nb/Logical_Switch_Port/NAME,\n"
            "sb/…, ovs/…, annotation/Pod/NS/NAME/…, link/NAME, route/…, any table of weftctl graph with a key),\n"
            "a row's UUID, or an IP or MAC address.\n"
            "  --row       also what is in it\n",
            explain_command},
        ExtraCommand{
            "verify", "", "compute everything anew in the running weftd and compare",
            "weftd goes on meanwhile: it verifies in slices of some milliseconds, between its ticks. Exit code\n"
            "1 when there are differences, each with its rule and key.\n",
            verify_command},
        ExtraCommand{
            "top", "[--once] [--interval SECONDS] [--count N]", "which rules run, how long, and because of what",
            "  --once              one table, of what happens within the interval\n"
            "  --interval SECONDS  between two looks (2)\n"
            "  --count N           so many tables, then stop\n"
            "P99 is the time that 99 of 100 runs stay below. BECAUSE OF names the tables whose changes made the\n"
            "rule run. Slowest keys are those of the last minute.\n",
            top_command},
        ExtraCommand{
            "plan",
            "[--config FILE] [--enable NAME] [--disable NAME] [--apply PATH] [--delete KIND/NS/NAME] [--summary]",
            "what would change with another configuration, other plugins or other objects",
            "  --config FILE     in place of the main configuration file; as weftd would find it\n"
            "  --enable NAME     with this plugin (may be repeated, as may the following)\n"
            "  --disable NAME    without it\n"
            "  --apply PATH      with these manifests, added or replaced: a file or a folder of *.yaml, *.json\n"
            "  --delete OBJECT   without it: pod/NS/NAME, node/NAME\n"
            "  --summary         numbers only\n"
            "Nothing is touched: a second engine inside weftd computes with the facts of the first. Without\n"
            "options: what the next start would do, with the configuration as it is now on disk.\n",
            plan_command},
        ExtraCommand{"graph", "[--dot | --svg] [--plugin NAME]", "the tables and rules, and how they hang together",
                     "  --dot           for graphviz\n"
                     "  --svg           drawn; needs the program dot (package graphviz) on this machine\n"
                     "  --plugin NAME   only rules of this plugin\n",
                     graph_command},
        ExtraCommand{
            "replay", "FILE [--until TICK|TIME] [--verify] [--ticks] [--explain WHAT [--row]] [-- WEFTD-FLAG…]",
            "run a recording once more, here: the same inputs through the same rules",
            "  --until TICK|TIME   stop after this tick, or this time in UTC (2026-08-01T12:34:56Z)\n"
            "  --verify            compare what comes of each tick with what was recorded; exit code 1 when it "
            "differs\n"
            "  --ticks             each tick with the rows that it changed\n"
            "  --explain WHAT      at the end, as weftctl explain does in a weftd that runs; --row shows contents\n"
            "Needs no weftd, no cluster, no root. Plugins are taken from the configured folder: -- --plugin-dir=DIR\n"
            "names another. weftd makes a recording when [debug] record names a file.\n",
            replay_command},
        ExtraCommand{"support", "[--file FILE]",
                     "everything that helps to find a fault, in one archive, without secrets",
                     "  --file FILE   the archive; default weft-support-TIME.tar.gz in the working directory\n"
                     "Configuration, log, status, metrics, rule times, verification, all rows and the recording. Works "
                     "without a weftd,\n"
                     "with what can be had then.\n",
                     support_command},
    };
    return list;
}

Arguments::Arguments(const std::vector<std::string>& args, const std::vector<std::string_view>& flags,
                     const std::vector<std::string_view>& options, std::size_t most_positional) {
    const auto in = [](const auto& list, std::string_view name) {
        return std::find(list.begin(), list.end(), name) != list.end();
    };
    for (std::size_t i = 0; i < args.size(); ++i) {
        const std::string& arg = args[i];
        if (!arg.starts_with("--")) {
            if (arg.size() > 1 && arg[0] == '-') throw Usage{"unknown option " + arg};
            positional_.push_back(arg);
            if (positional_.size() > most_positional) throw Usage{"unexpected argument \"" + arg + "\""};
            continue;
        }
        const auto equals = arg.find('=');
        const std::string name = arg.substr(2, equals == std::string::npos ? equals : equals - 2);
        if (in(flags, name) && equals == std::string::npos) {
            given_.emplace_back(name, "");
        } else if (!in(options, name)) {
            throw Usage{"unknown option " + arg};
        } else if (equals != std::string::npos) {
            given_.emplace_back(name, arg.substr(equals + 1));
        } else if (i + 1 < args.size()) {
            given_.emplace_back(name, args[++i]);
        } else {
            throw Usage{"--" + name + " needs a value"};
        }
    }
}

bool Arguments::has(std::string_view name) const {
    return std::any_of(given_.begin(), given_.end(), [&](const auto& given) { return given.first == name; });
}

std::optional<std::string> Arguments::value(std::string_view name) const {
    auto all = values(name);
    if (all.empty()) return std::nullopt;
    return std::move(all.back());
}

std::vector<std::string> Arguments::values(std::string_view name) const {
    std::vector<std::string> all;
    for (const auto& [given, text] : given_) {
        if (given == name) all.push_back(text);
    }
    return all;
}

}  // namespace weft::ctl
