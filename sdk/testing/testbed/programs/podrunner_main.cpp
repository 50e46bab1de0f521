// weft-podrunner: the kubelet's part of one node. Runs in the node's network namespace.
//   SIGTERM and SIGINT end it, pods stay; SIGHUP makes the Node object again.
#include <weft/testing/testbed/pod_runner.hpp>
#include <weft/testing/testbed/probe.hpp>

#include <csignal>
#include <exception>
#include <iostream>
#include <string>
#include <vector>

#include <boost/program_options.hpp>

namespace {

namespace po = boost::program_options;
using weft::testing::PodRunner;
using weft::testing::PodRunnerOptions;

po::options_description describe(PodRunnerOptions& options, std::vector<std::string>& addresses,
                                 std::vector<std::string>& folders) {
    po::options_description all("weft-podrunner");
    auto add = all.add_options();
    add("help", "this text");
    add("node", po::value(&options.node)->required(), "name of the node");
    add("address", po::value(&addresses)->required(), "an InternalIP of the node; repeatable");
    add("api", po::value(&options.api.url)->required(), "URL of the API server");
    add("token", po::value(&options.api.token), "bearer token for it");
    add("ca-file", po::value(&options.api.ca_file), "certificate authority of it");
    add("state-dir", po::value<std::string>()->required(), "where pods are remembered");
    add("cni-conf-dir", po::value<std::string>()->required(), "where the CNI configuration appears");
    add("cni-bin-dir", po::value(&folders)->required(), "where CNI plugins are; repeatable");
    add("netns-prefix", po::value(&options.netns_prefix)->required(), "how names of pods' namespaces begin");
    add("no-server", "pods run nothing instead of a TCP echo server");
    return all;
}

weft::Result<PodRunnerOptions> read_options(int argc, char** argv) {
    PodRunnerOptions options;
    std::vector<std::string> addresses;
    std::vector<std::string> folders;
    const auto all = describe(options, addresses, folders);
    po::variables_map values;
    po::store(po::parse_command_line(argc, argv, all), values);
    if (values.contains("help")) {
        std::cout << all;
        std::exit(0);
    }
    po::notify(values);
    for (const auto& text : addresses) {
        auto address = weft::Ip::parse(text);
        if (!address) return address.error();
        options.addresses.push_back(*address);
    }
    options.state_dir = values["state-dir"].as<std::string>();
    options.cni_conf_dir = values["cni-conf-dir"].as<std::string>();
    options.cni_bin_dirs.assign(folders.begin(), folders.end());
    if (!values.contains("no-server")) {
        auto program = weft::testing::sibling_program("weft-netprobe");
        if (!program) return program.error();
        options.server_program = *program;
    }
    return options;
}

weft::Result<void> serve(PodRunnerOptions options) {
    // Blocked before any thread starts, so that only sigwait sees them.
    sigset_t signals;
    sigemptyset(&signals);
    for (const int number : {SIGTERM, SIGINT, SIGHUP})
        sigaddset(&signals, number);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    auto runner = PodRunner::start(std::move(options));
    if (!runner) return runner.error();
    for (int number = 0; sigwait(&signals, &number) == 0 && number == SIGHUP;)
        (*runner)->register_node();
    return {};
}

}  // namespace

int main(int argc, char** argv) {
    try {
        auto options = read_options(argc, argv);
        const auto result = options ? serve(std::move(*options)) : weft::Result<void>(options.error());
        if (result) return 0;
        std::cerr << "weft-podrunner: " << result.error().text() << '\n';
    } catch (const std::exception& failure) {
        std::cerr << "weft-podrunner: " << failure.what() << '\n';
    }
    return 1;
}
