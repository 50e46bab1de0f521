// weft-netprobe: the traffic that tests and the demo send. It knows nothing of weft and links nothing of it.
//   weft-netprobe serve [--port P] [--daemon]                         TCP echo server
//   weft-netprobe stream --to IP [--port P] [--segments N] [--size B] [--timeout-ms T]
//   weft-netprobe loss --to IP [--interval-ms I]                      until SIGTERM; prints "counting", then JSON
#include "socket.hpp"

#include <charconv>
#include <cstdio>
#include <map>
#include <string>
#include <string_view>

namespace {

using weft::netprobe::Failure;

class Arguments {
  public:
    Arguments(int argc, char** argv) {
        for (int at = 2; at < argc; ++at) {
            const std::string name = argv[at];
            if (name.compare(0, 2, "--") != 0) throw Failure("unexpected argument " + name);
            const bool flag = name == "--daemon";
            if (!flag && at + 1 == argc) throw Failure(name + " needs a value");
            values_[name] = flag ? "1" : argv[++at];
        }
    }

    std::string text(const std::string& name) const {
        const auto found = values_.find(name);
        return found == values_.end() ? "" : found->second;
    }

    template <class Number>
    Number number(const std::string& name, Number otherwise) const {
        const auto found = values_.find(name);
        if (found == values_.end()) return otherwise;
        Number value{};
        const auto& from = found->second;
        const auto [end, error] = std::from_chars(from.data(), from.data() + from.size(), value);
        if (error != std::errc{} || end != from.data() + from.size() || value == 0) {
            throw Failure(name + " needs a positive number, not \"" + from + "\"");
        }
        return value;
    }

  private:
    std::map<std::string, std::string> values_;
};

int run(std::string_view mode, const Arguments& arguments) {
    using namespace weft::netprobe;
    if (mode == "serve") {
        return serve(
            {.port = arguments.number<std::uint16_t>("--port", 8080), .daemon = !arguments.text("--daemon").empty()});
    }
    if (mode == "stream") {
        return stream({.to = arguments.text("--to"),
                       .port = arguments.number<std::uint16_t>("--port", 8080),
                       .segments = arguments.number<std::uint64_t>("--segments", 100),
                       .size = arguments.number<std::size_t>("--size", 1300),
                       .timeout_ms = arguments.number("--timeout-ms", 10'000)});
    }
    if (mode == "loss") {
        return loss({.to = arguments.text("--to"), .interval_ms = arguments.number("--interval-ms", 10)});
    }
    throw Failure("usage: weft-netprobe serve|stream|loss [--option value]...");
}

}  // namespace

int main(int argc, char** argv) {
    try {
        return run(argc > 1 ? argv[1] : "", Arguments(argc, argv));
    } catch (const std::exception& failure) {
        std::fprintf(stderr, "weft-netprobe: %s\n", failure.what());
        return 1;
    }
}
