#include <weft/base/json.hpp>
#include <weft/testing/testbed/probe.hpp>
#include <weft/testing/testbed/wait.hpp>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <limits>
#include <random>
#include <sstream>

namespace weft::testing {

namespace {

/// The number that ends right before `word`.
std::optional<int> number_before(const std::string& text, const std::string& word) {
    const auto at = text.find(word);
    if (at == std::string::npos) return std::nullopt;
    auto begin = at;
    while (begin > 0 && text[begin - 1] >= '0' && text[begin - 1] <= '9')
        --begin;
    int value = 0;
    const auto [end, error] = std::from_chars(text.data() + begin, text.data() + at, value);
    if (error != std::errc{}) return std::nullopt;
    return value;
}

std::string read_file(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

Result<JsonDocument> parse_last_line(const std::string& output) {
    const auto begin = output.rfind('{');
    if (begin == std::string::npos) return invalid("weft-netprobe did not print a result: " + output);
    return JsonDocument::parse(std::string_view(output).substr(begin));
}

std::filesystem::path unused_log(const Testbed& testbed, const std::string& name) {
    std::random_device random;
    return testbed.dir() / "log" / (name + "-" + std::to_string(random()) + ".log");
}

}  // namespace

Result<std::filesystem::path> sibling_program(const std::string& name) {
    std::error_code ignored;
    std::vector<std::filesystem::path> folders;
    if (const char* folder = std::getenv("WEFT_BIN_DIR"); folder != nullptr) folders.emplace_back(folder);
    folders.push_back(std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path());
    for (const auto& folder : folders) {
        if (std::filesystem::exists(folder / name, ignored)) return folder / name;
    }
    return find_program(name);
}

Result<PingResult> parse_ping(const std::string& output) {
    const auto sent = number_before(output, " packets transmitted");
    const auto received = number_before(output, " received");
    if (!sent || !received) return invalid("ping printed no statistics: " + output);
    PingResult result{.sent = *sent, .received = *received};
    if (const auto at = output.find("mdev = "); at != std::string::npos) {
        std::istringstream numbers(output.substr(at + 7));
        char slash = 0;
        numbers >> result.min_ms >> slash >> result.average_ms >> slash >> result.max_ms;
    }
    return result;
}

Result<PingResult> ping(const NetworkNamespace& from, const Ip& to, const PingOptions& options) {
    Argv argv{"ping",
              "-n",
              "-q",
              "-c",
              std::to_string(options.count),
              "-i",
              std::to_string(options.interval_s),
              "-W",
              std::to_string(options.wait_s),
              "-s",
              std::to_string(options.size)};
    if (options.dont_fragment) argv.insert(argv.end(), {"-M", "do"});
    argv.push_back(to.text());
    auto output = testing::run(argv, {.netns = from.name(), .environment = {{"LC_ALL", "C"}}});
    if (!output) return output.error();
    // 0: replies came, 1: none did (or fewer than asked for), 2: anything else.
    if (output->status > 1) {
        if (auto partial = parse_ping(output->out)) return partial;
        return again("ping " + to.text() + " from " + from.name() + ": " + output->err);
    }
    return parse_ping(output->out);
}

Result<void> wait_reachable(const NetworkNamespace& from, const Ip& to, std::chrono::milliseconds deadline) {
    const auto attempt = [&]() -> Result<void> {
        auto result = ping(from, to, {.count = 1, .wait_s = 1});
        if (!result) return result.error();
        if (result->received == 0) return waiting("ping got no reply");
        return {};
    };
    return wait_for("reply from " + to.text() + " to " + from.name(), attempt, deadline);
}

Result<StreamResult> tcp_stream(const NetworkNamespace& from, const Ip& to, const StreamOptions& options) {
    const auto program = sibling_program("weft-netprobe");
    if (!program) return program.error();
    auto output = from.run({program->string(), "stream", "--to", to.text(), "--port", std::to_string(options.port),
                            "--segments", std::to_string(options.segments), "--size", std::to_string(options.size),
                            "--timeout-ms", std::to_string(options.timeout.count())});
    if (!output) return output.error();
    auto report = parse_last_line(*output);
    if (!report) return report.error();
    return StreamResult{.bytes = report->root()["bytes"].unsigned_integer().value_or(0),
                        .seconds = report->root()["seconds"].number().value_or(0)};
}

Result<Process> start_echo_server(Testbed& testbed, const NetworkNamespace& where, std::uint16_t port) {
    const auto program = sibling_program("weft-netprobe");
    if (!program) return program.error();
    auto server = testbed.start({.name = "echo-" + where.name() + "-" + std::to_string(port),
                                 .argv = {program->string(), "serve", "--port", std::to_string(port)},
                                 .netns = where.name()});
    if (!server) return server;
    auto listens = wait_for("echo server in " + where.name(), [&]() -> Result<void> {
        if (!server->running()) return broken("it ended: " + read_file(server->spec().log));
        auto reply = tcp_stream(where, Ip::v4({127, 0, 0, 1}), {.port = port, .segments = 1, .size = 1});
        if (!reply) return reply.error();
        return {};
    });
    if (!listens) return listens.error();
    return server;
}

Result<LossCounter> LossCounter::start(Testbed& testbed, const NetworkNamespace& from, const Ip& to,
                                       std::chrono::milliseconds interval) {
    const auto program = sibling_program("weft-netprobe");
    if (!program) return program.error();
    const std::string name = "loss-" + from.name();
    auto process = testbed.start(
        {.name = name,
         .argv = {program->string(), "loss", "--to", to.text(), "--interval-ms", std::to_string(interval.count())},
         .netns = from.name(),
         .log = unused_log(testbed, name)});
    if (!process) return process.error();
    LossCounter counter;
    counter.process_ = std::move(*process);
    auto counting = wait_for("reply from " + to.text() + " to " + from.name(), [&]() -> Result<void> {
        const auto said = read_file(counter.process_.spec().log);
        if (said.compare(0, 8, "counting") == 0) return {};
        return waiting(said.empty() ? "no reply yet" : said);
    });
    if (!counting) return counting.error();
    return counter;
}

Result<Loss> LossCounter::finish() {
    process_.signal(SIGTERM);
    if (auto ended = process_.wait(patience); !ended) return ended.error();
    auto report = parse_last_line(read_file(process_.spec().log));
    if (!report) return report.error();
    const auto root = report->root();
    Loss loss{.sent = root["sent"].unsigned_integer().value_or(0),
              .lost = root["lost"].unsigned_integer().value_or(std::numeric_limits<std::uint64_t>::max()),
              .longest_gap_ms = root["longest_gap_ms"].number().value_or(0)};
    root["lost_sequences"].each(
        [&](JsonView number) { loss.lost_sequences.push_back(number.unsigned_integer().value_or(0)); });
    return loss;
}

}  // namespace weft::testing
