#pragma once

#include <array>
#include <compare>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

/// The words of the CNI specification that shim and server share. Nothing here depends on the rest of weft: the shim is
/// a small static program.
namespace weft::cni {

/// Codes of the specification; those from 100 on are weft's own.
enum class Code : unsigned {
    incompatible_version = 1,
    invalid_environment = 4,
    io_failure = 5,
    bad_json = 6,
    invalid_conf = 7,
    try_again = 11,
    not_available = 50,
    protocol = 100,      ///< shim and weftd don't understand each other
    pod_gone = 101,      ///< the pod is not, or no longer, the one that was asked for
    superseded = 102,    ///< a newer request for the same pod took over
    too_late = 103,      ///< the deadline passed; details name the stage that is late
    kernel = 104,        ///< the pod's link could not be made
    open_vswitch = 105,  ///< Open vSwitch refused the port
    differs = 106,       ///< CHECK found something else than it should
};

struct CniError {
    Code code = Code::io_failure;
    std::string msg;
    std::string details;

    friend bool operator==(const CniError&, const CniError&) = default;
};

/// A value, or the error that the runtime is told.
template <class T>
class [[nodiscard]] Outcome {
  public:
    Outcome(T value) : state_(std::in_place_index<0>, std::move(value)) {}
    Outcome(CniError error) : state_(std::in_place_index<1>, std::move(error)) {}

    explicit operator bool() const { return state_.index() == 0; }
    T& operator*() { return std::get<0>(state_); }
    const T& operator*() const { return std::get<0>(state_); }
    T* operator->() { return &std::get<0>(state_); }
    const T* operator->() const { return &std::get<0>(state_); }
    const CniError& error() const { return std::get<1>(state_); }

  private:
    std::variant<T, CniError> state_;
};

/// A version of the specification.
struct Version {
    int major = 0;
    int minor = 0;
    int patch = 0;

    static std::optional<Version> parse(std::string_view text);
    std::string text() const;
    friend auto operator<=>(const Version&, const Version&) = default;
};

inline constexpr std::array<Version, 5> supported_versions{{{0, 3, 0}, {0, 3, 1}, {0, 4, 0}, {1, 0, 0}, {1, 1, 0}}};
inline constexpr Version newest_version = supported_versions.back();

enum class Command { add, del, check, gc, status, version };

std::optional<Command> parse_command(std::string_view text);
std::string_view to_string(Command command);

/// What the runtime says in the environment.
struct Invocation {
    Command command = Command::version;
    std::string container_id;
    std::string netns;  ///< path; may be empty in DEL
    std::string ifname;
    std::string args;  ///< CNI_ARGS as it is
};

/// Reads and checks CNI_*; `get` is getenv or a test's.
Outcome<Invocation> read_environment(const std::function<const char*(const char*)>& get);

/// Values of CNI_ARGS that weft uses.
struct PodArgs {
    std::string ns;
    std::string name;
    std::string uid;  ///< may be empty
};
Outcome<PodArgs> parse_args(std::string_view args);

/// An interface and an address in a result, as the specification spells them.
struct ResultInterface {
    std::string name;
    std::string mac;
    std::string sandbox;  ///< path of the network namespace; empty on the host
    friend bool operator==(const ResultInterface&, const ResultInterface&) = default;
};
struct ResultIp {
    int interface = 0;    ///< position in interfaces
    std::string address;  ///< with prefix length
    std::string gateway;  ///< may be empty
    friend bool operator==(const ResultIp&, const ResultIp&) = default;
};
struct AddResult {
    std::vector<ResultInterface> interfaces;
    std::vector<ResultIp> ips;
    friend bool operator==(const AddResult&, const AddResult&) = default;
};

struct Attachment {
    std::string container_id;
    std::string ifname;
    friend auto operator<=>(const Attachment&, const Attachment&) = default;
};

/// The network configuration, as far as weft reads it.
struct NetConf {
    Version version;
    std::string name;
    std::string type;
    std::string socket;    ///< weftSocket; empty for the default
    std::string topology;  ///< empty: the default network
    std::optional<AddResult> prev_result;
    std::optional<std::vector<Attachment>> valid_attachments;  ///< of GC
};

inline constexpr std::string_view default_socket = "/var/run/ovn-kubernetes/cni/ovn-cni-server.sock";
/// Configurations, requests and replies are never larger.
inline constexpr std::size_t max_message = std::size_t{1} << 20;

/// Parses and checks a configuration. Any bytes may come in.
Outcome<NetConf> parse_conf(std::string_view text);
/// CHECK needs 0.4.0, GC and STATUS need 1.1.0.
std::optional<CniError> check_command_version(Command command, const Version& version);

/// What goes to standard output.
std::string error_json(const Version& version, const CniError& error);
std::string result_json(const Version& version, const AddResult& result);
/// The answer to VERSION, whose input may be anything.
std::string version_json(std::string_view conf);

}  // namespace weft::cni
