#pragma once

#include <weft/base/result.hpp>

#include <string>
#include <string_view>

namespace weft::kube {

/// Where the API server is and how to prove who we are. A *_file is read again when it changes; its text member is used
/// when there is no file.
struct Access {
    std::string server;  ///< "https://10.0.0.1:6443", with a path when the server sits behind one
    std::string ca;      ///< PEM; empty: the system's authorities
    std::string ca_file;
    bool verify = true;
    std::string tls_server_name;  ///< checked instead of the server's host name when set
    std::string proxy;            ///< its URL; empty: none
    std::string no_proxy;         ///< hosts, domains and networks that are reached without it
    std::string proxy_origin;     ///< who says so, for messages: "proxy-url of /root/.kube/config", "HTTPS_PROXY"
    std::string token;
    std::string token_file;
    std::string certificate;  ///< PEM
    std::string certificate_file;
    std::string key;  ///< PEM
    std::string key_file;
    std::string default_namespace;
    std::string kubeconfig;  ///< the file that all this is from, read again when it changes; empty when there is none
    std::string context;     ///< of that; empty: its current one
    std::string origin;      ///< where this was read, for messages: "kubeconfig /root/.kube/config, context admin"

    bool tls() const { return server.starts_with("https://"); }
};

/// The current context (or `context`) of a kubeconfig file. Paths in it are relative to its folder. Exec plugins, auth
/// providers and impersonation are refused. `proxy-url` is its only proxy.
Result<Access> access_from_kubeconfig(const std::string& path, std::string_view context = {});

/// A pod's service account: KUBERNETES_SERVICE_HOST and _PORT, and token, ca.crt and namespace in `folder`.
Result<Access> access_in_cluster(const std::string& folder = "/var/run/secrets/kubernetes.io/serviceaccount");

/// The [kubernetes] section's keys that say how to reach the API server.
struct AccessSettings {
    std::string kubeconfig;
    std::string apiserver;
    std::string token;
    std::string token_file;
    std::string cacert;       ///< a file
    std::string cacert_data;  ///< base64 of PEM
    std::string cert_dir;     ///< holds ovnkube-client-current.pem, key and certificate in one; replaces the token
    /// What to ask for that certificate with. Where apiserver is no https address, it says where the server is.
    std::string bootstrap_kubeconfig;
};

/// The file in cert_dir.
std::string certificate_file(const std::string& cert_dir);

/// In OVN-Kubernetes' order: kubeconfig, then apiserver (https needs a CA and a token, tokenFile or cert-dir; http
/// takes none), then the pod's service account. Where no kubeconfig names a proxy the environment may, as for
/// client-go.
Result<Access> choose_access(const AccessSettings& settings);

/// HTTPS_PROXY (HTTP_PROXY when the server is http; or in lower case) with NO_PROXY, unless there is a proxy already or
/// the server is on this host.
void use_environment_proxy(Access& access);

/// An http, https or socks5 URL of a proxy.
Result<void> check_proxy(const std::string& url);

}  // namespace weft::kube
