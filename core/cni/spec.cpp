#include "cni/spec.hpp"

#include <algorithm>
#include <charconv>

namespace weft::cni {

namespace {

bool is_alnum(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/// What the specification allows for container ids (and network names).
bool is_name(std::string_view text) {
    if (text.empty() || text.size() > 253 || !is_alnum(text.front())) return false;
    return std::all_of(text.begin(), text.end(),
                       [](char c) { return is_alnum(c) || c == '_' || c == '.' || c == '-'; });
}

bool is_interface_name(std::string_view text) {
    if (text.empty() || text.size() > 15 || text == "." || text == "..") return false;
    return std::none_of(text.begin(), text.end(),
                        [](char c) { return c == '/' || c == ':' || static_cast<unsigned char>(c) <= ' '; });
}

CniError bad_environment(std::string msg) {
    return {Code::invalid_environment, std::move(msg), {}};
}

constexpr std::pair<Command, std::string_view> commands[] = {
    {Command::add, "ADD"}, {Command::del, "DEL"},       {Command::check, "CHECK"},
    {Command::gc, "GC"},   {Command::status, "STATUS"}, {Command::version, "VERSION"}};

}  // namespace

std::optional<Version> Version::parse(std::string_view text) {
    Version version;
    const char* from = text.data();
    const char* const end = from + text.size();
    for (int* number : {&version.major, &version.minor, &version.patch}) {
        if (number != &version.major) {
            if (from == end || *from != '.') return std::nullopt;
            ++from;
        }
        if (from == end || *from < '0' || *from > '9') return std::nullopt;
        const auto [rest, code] = std::from_chars(from, end, *number);
        if (code != std::errc()) return std::nullopt;
        from = rest;
    }
    if (from != end) return std::nullopt;
    return version;
}

std::string Version::text() const {
    return std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(patch);
}

std::optional<Command> parse_command(std::string_view text) {
    for (const auto& [command, name] : commands) {
        if (name == text) return command;
    }
    return std::nullopt;
}

std::string_view to_string(Command command) {
    for (const auto& [known, name] : commands) {
        if (known == command) return name;
    }
    return "?";
}

Outcome<Invocation> read_environment(const std::function<const char*(const char*)>& get) {
    const auto value = [&](const char* name) {
        const char* text = get(name);
        return std::string(text != nullptr ? text : "");
    };
    const std::string name = value("CNI_COMMAND");
    if (name.empty()) return bad_environment("required env variables [CNI_COMMAND] missing");
    const auto command = parse_command(name);
    if (!command) return bad_environment("unknown CNI_COMMAND: " + name);

    Invocation invocation{*command, value("CNI_CONTAINERID"), value("CNI_NETNS"), value("CNI_IFNAME"),
                          value("CNI_ARGS")};
    const bool about_a_sandbox = *command == Command::add || *command == Command::del || *command == Command::check;
    if (!about_a_sandbox) return invocation;
    std::string missing;
    const auto need = [&](const std::string& text, const char* variable) {
        if (text.empty()) missing += (missing.empty() ? "" : ",") + std::string(variable);
    };
    need(invocation.container_id, "CNI_CONTAINERID");
    if (*command != Command::del) need(invocation.netns, "CNI_NETNS");
    need(invocation.ifname, "CNI_IFNAME");
    if (!missing.empty()) return bad_environment("required env variables [" + missing + "] missing");
    if (!is_name(invocation.container_id)) {
        return bad_environment("invalid characters in containerID: " + invocation.container_id);
    }
    if (!is_interface_name(invocation.ifname)) {
        return bad_environment("invalid interface name: " + invocation.ifname);
    }
    return invocation;
}

Outcome<PodArgs> parse_args(std::string_view args) {
    PodArgs pod;
    for (std::size_t from = 0; from < args.size();) {
        const std::size_t end = std::min(args.find(';', from), args.size());
        const auto pair = args.substr(from, end - from);
        from = end + 1;
        const auto equals = pair.find('=');
        if (equals == std::string_view::npos || pair.find('=', equals + 1) != std::string_view::npos) {
            return bad_environment("invalid CNI_ARG \"" + std::string(pair) + "\": must be KEY=VALUE");
        }
        const auto key = pair.substr(0, equals);
        const std::string value(pair.substr(equals + 1));
        if (key == "K8S_POD_NAMESPACE") pod.ns = value;
        if (key == "K8S_POD_NAME") pod.name = value;
        if (key == "K8S_POD_UID") pod.uid = value;
    }
    if (pod.ns.empty()) return bad_environment("required CNI variable K8S_POD_NAMESPACE missing in CNI_ARGS");
    if (pod.name.empty()) return bad_environment("required CNI variable K8S_POD_NAME missing in CNI_ARGS");
    const auto plain = [](const std::string& text) {
        return text.size() <= 253 &&
               std::all_of(text.begin(), text.end(), [](char c) { return is_alnum(c) || c == '-' || c == '.'; });
    };
    if (!plain(pod.ns) || !plain(pod.name) || !plain(pod.uid)) {
        return bad_environment("CNI_ARGS name no Kubernetes pod: \"" + std::string(args.substr(0, 300)) + "\"");
    }
    return pod;
}

std::optional<CniError> check_command_version(Command command, const Version& version) {
    const auto at_least = [&](Version least) -> std::optional<CniError> {
        if (version >= least) return std::nullopt;
        return CniError{Code::incompatible_version,
                        "config version " + version.text() + " does not allow " + std::string(to_string(command)),
                        "it came with version " + least.text() + ": raise cniVersion in the configuration"};
    };
    if (command == Command::check) return at_least({0, 4, 0});
    if (command == Command::gc || command == Command::status) return at_least({1, 1, 0});
    return std::nullopt;
}

}  // namespace weft::cni
