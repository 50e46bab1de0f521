#include "kube/access.hpp"

#include "kube/files.hpp"

#include <weft/base/json.hpp>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <filesystem>

namespace weft::kube {

namespace {

Result<void> check_server(std::string& server, std::string_view where) {
    while (server.ends_with('/'))
        server.pop_back();
    if (server.starts_with("https://") || server.starts_with("http://")) return {};
    const auto colon = server.find("://");
    if (colon != std::string::npos) {
        return Error{ErrorKind::invalid,
                     "kubernetes API server URL scheme " + json_quote(server.substr(0, colon)) + " invalid",
                     std::string(where), "use http or https"};
    }
    if (server.empty()) return Error{ErrorKind::invalid, "no API server", std::string(where), {}};
    server = "https://" + server;
    return {};
}

/// The value of a variable by this name or by the same in lower case.
std::string environment(std::string name) {
    if (const char* value = std::getenv(name.c_str()); value != nullptr && *value != '\0') return value;
    std::ranges::transform(name, name.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    const char* value = std::getenv(name.c_str());
    return value == nullptr ? std::string() : value;
}

bool is_on_this_host(std::string_view server) {
    std::string_view host = server.substr(server.find("://") + 3);
    host = host.substr(0, host.find('/'));
    if (host.starts_with("[")) return host.starts_with("[::1]");
    host = host.substr(0, host.find(':'));
    return host == "localhost" || host.starts_with("127.");
}

}  // namespace

Result<void> check_proxy(const std::string& url) {
    for (const std::string_view scheme : {"http://", "https://", "socks5://", "socks5h://"}) {
        if (url.size() > scheme.size() && url.starts_with(scheme)) return {};
    }
    return invalid("the proxy " + json_quote(url) + " is no URL of a proxy", "use http://, https:// or socks5://");
}

void use_environment_proxy(Access& access) {
    if (!access.proxy.empty() || is_on_this_host(access.server)) return;
    const std::string name = access.tls() ? "HTTPS_PROXY" : "HTTP_PROXY";
    access.proxy = environment(name);
    if (access.proxy.empty()) return;
    if (access.proxy.find("://") == std::string::npos) access.proxy = "http://" + access.proxy;
    access.no_proxy = environment("NO_PROXY");
    access.proxy_origin = "the environment's " + name;
}

Result<Access> access_in_cluster(const std::string& folder) {
    const char* host = std::getenv("KUBERNETES_SERVICE_HOST");
    const char* port = std::getenv("KUBERNETES_SERVICE_PORT");
    if (host == nullptr || port == nullptr || *host == '\0' || *port == '\0') {
        return invalid(
            "no way to reach the API server is configured, and this is no pod (KUBERNETES_SERVICE_HOST is not set)",
            "set kubeconfig or apiserver in the section [kubernetes]");
    }
    Access access;
    const std::string address(host);
    access.server = "https://" + (address.find(':') == std::string::npos ? address : "[" + address + "]") + ":" + port;
    access.token_file = folder + "/token";
    if (auto token = read_file(access.token_file); !token) return std::move(token).error();
    auto ca = read_file(folder + "/ca.crt");
    if (!ca) return std::move(ca).error();
    access.ca = *std::move(ca);
    access.ca_file = folder + "/ca.crt";
    access.default_namespace = read_file(folder + "/namespace").value_or("");
    access.origin = "service account in " + folder;
    return access;
}

std::string certificate_file(const std::string& cert_dir) {
    return (std::filesystem::path(cert_dir) / "ovnkube-client-current.pem").string();
}

namespace {

/// The server of the bootstrap kubeconfig, for the node itself: nothing else of it.
Result<Access> access_beside_bootstrap(const AccessSettings& settings) {
    auto bootstrap = access_from_kubeconfig(settings.bootstrap_kubeconfig);
    if (!bootstrap) return bootstrap;
    Access access;
    access.server = std::move(bootstrap->server);
    access.ca = std::move(bootstrap->ca);
    access.ca_file = std::move(bootstrap->ca_file);
    access.verify = bootstrap->verify;
    access.tls_server_name = std::move(bootstrap->tls_server_name);
    access.proxy = std::move(bootstrap->proxy);
    access.no_proxy = std::move(bootstrap->no_proxy);
    access.proxy_origin = std::move(bootstrap->proxy_origin);
    access.certificate_file = access.key_file = certificate_file(settings.cert_dir);
    access.origin = "server of " + bootstrap->origin + ", certificate in " + settings.cert_dir;
    return access;
}

Result<Access> access_of_settings(const AccessSettings& settings) {
    if (!settings.kubeconfig.empty()) return access_from_kubeconfig(settings.kubeconfig);
    if (!settings.bootstrap_kubeconfig.empty() && !settings.apiserver.starts_with("https://"))
        return access_beside_bootstrap(settings);
    if (settings.apiserver.empty()) return access_in_cluster();
    Access access;
    access.server = settings.apiserver;
    access.origin = "[kubernetes] apiserver";
    if (auto checked = check_server(access.server, access.origin); !checked) return checked.error();
    if (!settings.cacert_data.empty()) {
        auto ca = decode_base64(settings.cacert_data);
        if (!ca) return std::move(ca).error().at("[kubernetes] cacert-data");
        access.ca = *std::move(ca);
    } else if (!settings.cacert.empty()) {
        auto ca = read_file(settings.cacert);
        if (!ca) return std::move(ca).error();
        access.ca = *std::move(ca);
        access.ca_file = settings.cacert;
    }
    access.token = settings.token;
    access.token_file = settings.token_file;
    if (!settings.cert_dir.empty()) {
        access.certificate_file = access.key_file = certificate_file(settings.cert_dir);
        access.token.clear();
        access.token_file.clear();
    }
    if (access.tls()) {
        if (access.ca.empty()) {
            return Error{ErrorKind::invalid, "an https API server needs a CA", access.origin,
                         "set cacert or cacert-data"};
        }
        if (access.token.empty() && access.token_file.empty() && access.certificate_file.empty()) {
            return Error{ErrorKind::invalid, "an https API server needs credentials", access.origin,
                         "set token, tokenFile or cert-dir"};
        }
    }
    return access;
}

}  // namespace

Result<Access> choose_access(const AccessSettings& settings) {
    auto access = access_of_settings(settings);
    if (!access) return access;
    use_environment_proxy(*access);
    if (access->proxy.empty()) return access;
    if (auto good = check_proxy(access->proxy); !good) return std::move(good).error().at(access->proxy_origin);
    return access;
}

}  // namespace weft::kube
