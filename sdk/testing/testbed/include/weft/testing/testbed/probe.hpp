#pragma once

#include <weft/base/ip.hpp>
#include <weft/base/result.hpp>
#include <weft/testing/testbed/testbed.hpp>
#include <weft/testing/testbed/wait.hpp>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace weft::testing {

struct PingOptions {
    int count = 3;
    double interval_s = 0.2;
    int wait_s = 2;  ///< for each reply
    int size = 56;   ///< bytes of payload
    bool dont_fragment = false;
};

struct PingResult {
    int sent = 0;
    int received = 0;
    double min_ms = 0;
    double average_ms = 0;
    double max_ms = 0;

    int lost() const { return sent - received; }
};

/// iputils' ping from a namespace. An error only when ping could not run; loss is a result.
Result<PingResult> ping(const NetworkNamespace& from, const Ip& to, const PingOptions& options = {});
/// Reads what ping prints; split off for its test.
Result<PingResult> parse_ping(const std::string& output);
/// Waits until a ping gets through: the first packets of a path may be lost while neighbours are resolved.
Result<void> wait_reachable(const NetworkNamespace& from, const Ip& to, std::chrono::milliseconds deadline = patience);

/// Where weft-netprobe is: beside the running program, in the folder WEFT_BIN_DIR, or in PATH.
Result<std::filesystem::path> sibling_program(const std::string& name);

struct StreamOptions {
    std::uint16_t port = 8080;
    std::uint64_t segments = 200;
    std::size_t size = 1300;  ///< bytes a segment
    std::chrono::milliseconds timeout = std::chrono::seconds(20);
};
struct StreamResult {
    std::uint64_t bytes = 0;
    double seconds = 0;
};
/// A TCP stream of known bytes to an echo server and back, every byte checked.
Result<StreamResult> tcp_stream(const NetworkNamespace& from, const Ip& to, const StreamOptions& options = {});
/// A TCP echo server in a namespace; listens when this returns.
Result<Process> start_echo_server(Testbed& testbed, const NetworkNamespace& where, std::uint16_t port = 8080);

struct Loss {
    std::uint64_t sent = 0;
    std::uint64_t lost = 0;
    double longest_gap_ms = 0;
    std::vector<std::uint64_t> lost_sequences;
};

/// Pings in the background while a test breaks things, and tells exactly which packets got no reply. Packets under way
/// at the end are waited for, and counting starts with the first reply.
class LossCounter {
  public:
    /// Returns when the first reply is in.
    static Result<LossCounter> start(Testbed& testbed, const NetworkNamespace& from, const Ip& to,
                                     std::chrono::milliseconds interval = std::chrono::milliseconds(10));
    Result<Loss> finish();

  private:
    Process process_;
};

}  // namespace weft::testing
