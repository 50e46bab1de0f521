// weft-apiserver: the embedded API server as a program, for demos and for anything that talks to it from outside.
#include <weft/testing/api_server.hpp>

#include <csignal>
#include <fstream>
#include <iostream>
#include <sstream>

#include <boost/program_options.hpp>

namespace {

namespace po = boost::program_options;
using weft::testing::ApiServer;
using weft::testing::ApiServerOptions;

struct Arguments {
    ApiServerOptions server;
    std::string listen;
    std::string port_file;
    std::string kubeconfig;
    std::string token_file;
    std::string certificate, key, client_ca;
    std::vector<std::string> manifests;
    std::vector<std::string> restore;
    std::string state;
};

weft::Result<std::string> read_file(const std::string& path) {
    std::ifstream in(path);
    std::stringstream text;
    text << in.rdbuf();
    if (!in) return weft::invalid("can't read " + path);
    return text.str();
}

/// Whoever waits for the file never sees half of it.
weft::Result<void> write_file(const std::string& path, const std::string& text) {
    std::string fresh = path + ".new";
    std::ofstream out(fresh);
    out << text << std::flush;
    out.close();
    std::error_code error;
    if (out) std::filesystem::rename(fresh, path, error);
    if (!out || error) return weft::invalid("can't write " + path);
    return {};
}

/// "127.0.0.1:6443", "[::]:6443", ":6443"
weft::Result<void> parse_listen(const std::string& text, ApiServerOptions& options) {
    auto colon = text.rfind(':');
    auto wrong = [&] { return weft::invalid("--listen \"" + text + "\" is no ADDRESS:PORT"); };
    if (colon == std::string::npos || text.find_first_not_of("0123456789", colon + 1) != std::string::npos)
        return wrong();
    auto port = colon + 1 == text.size() ? 0 : std::strtoul(text.c_str() + colon + 1, nullptr, 10);
    if (port > 65535) return wrong();
    options.port = static_cast<std::uint16_t>(port);
    auto host = text.substr(0, colon);
    if (host.size() > 1 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
    if (!host.empty()) options.address = host;
    return {};
}

weft::Result<void> read_files(Arguments& arguments) {
    auto& server = arguments.server;
    for (auto [path, text] :
         {std::pair{&arguments.certificate, &server.certificate_pem}, std::pair{&arguments.key, &server.key_pem},
          std::pair{&arguments.client_ca, &server.client_ca_pem}, std::pair{&arguments.token_file, &server.token}}) {
        if (path->empty()) continue;
        auto read = read_file(*path);
        if (!read) return std::move(read).error();
        *text = *read;
    }
    while (!server.token.empty() && std::isspace(static_cast<unsigned char>(server.token.back())))
        server.token.pop_back();
    if (server.certificate_pem.empty() != server.key_pem.empty()) {
        return weft::invalid("--tls-cert and --tls-key go together");
    }
    if (!server.certificate_pem.empty() || !server.client_ca_pem.empty()) server.tls = true;
    return {};
}

po::options_description describe(Arguments& a) {
    po::options_description options("weft-apiserver: a Kubernetes API server in memory, for tests and demos");
    auto& s = a.server;
    options.add_options()("help,h", "this text")(
        "listen", po::value(&a.listen)->default_value("127.0.0.1:0")->value_name("ADDRESS:PORT"),
        "port 0: any free one")("port-file", po::value(&a.port_file)->value_name("FILE"),
                                "written with the port once it serves")(
        "kubeconfig", po::value(&a.kubeconfig)->value_name("FILE"), "written for clients once it serves")(
        "manifests", po::value(&a.manifests)->composing()->value_name("DIR"),
        "YAML and JSON to apply at start; a file or a folder")("restore",
                                                               po::value(&a.restore)->composing()->value_name("FILE"),
                                                               "objects to put as they are: uid, status and all")(
        "state", po::value(&a.state)->value_name("FILE"), "keeps the objects over kill -9")(
        "token", po::value(&s.token), "the bearer token to ask for")(
        "token-file", po::value(&a.token_file)->value_name("FILE"), "the same from a file")(
        "tls", po::bool_switch(&s.tls), "HTTPS, with a certificate made at start")(
        "tls-cert", po::value(&a.certificate)->value_name("FILE"), "HTTPS with this certificate")(
        "tls-key", po::value(&a.key)->value_name("FILE"), "its key")(
        "client-ca", po::value(&a.client_ca)->value_name("FILE"),
        "clients with a certificate of this authority need no token")(
        "service-cidr", po::value(&s.service_cidrs)->multitoken(),
        "ranges for cluster addresses, the default family first")(
        "history", po::value(&s.history)->default_value(s.history),
        "changes of each resource that watches can still be told")(
        "kubernetes-version", po::value(&s.version)->default_value(s.version), "the release it claims to be");
    return options;
}

weft::Result<void> run(Arguments& arguments, const sigset_t& signals) {
    if (auto parsed = parse_listen(arguments.listen, arguments.server); !parsed) return parsed;
    if (auto read = read_files(arguments); !read) return read;
    arguments.server.state_file = arguments.state;
    auto started = ApiServer::start(arguments.server);
    if (!started) return std::move(started).error();
    auto& server = **started;
    for (const auto& path : arguments.restore) {
        auto text = read_file(path);
        if (!text) return std::move(text).error();
        if (auto restored = server.restore(*text); !restored) return weft::Error(restored.error()).at(path);
    }
    for (const auto& path : arguments.manifests) {
        if (auto applied = server.apply_path(path); !applied) return applied;
    }
    if (!arguments.kubeconfig.empty()) {
        if (auto written = write_file(arguments.kubeconfig, server.kubeconfig()); !written) return written;
    }
    if (!arguments.port_file.empty()) {
        if (auto written = write_file(arguments.port_file, std::to_string(server.port()) + "\n"); !written)
            return written;
    }
    std::cout << "serving on " << server.url() << std::endl;
    int signal = 0;
    sigwait(&signals, &signal);
    return {};
}

}  // namespace

int main(int argc, char** argv) {
    // Before any thread: the signals are for sigwait alone.
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    std::signal(SIGPIPE, SIG_IGN);

    Arguments arguments;
    auto options = describe(arguments);
    try {
        po::variables_map values;
        po::store(po::parse_command_line(argc, argv, options), values);
        if (values.contains("help")) {
            std::cout << options;
            return 0;
        }
        po::notify(values);
    } catch (const po::error& error) {
        std::cerr << "weft-apiserver: " << error.what() << "\n";
        return 2;
    }
    if (auto done = run(arguments, signals); !done) {
        std::cerr << "weft-apiserver: " << done.error().text() << "\n";
        return 1;
    }
    return 0;
}
