#include "kube/access.hpp"
#include "kube/files.hpp"

#include <weft/base/json.hpp>

#include <filesystem>

#include <yaml-cpp/yaml.h>

namespace weft::kube {

namespace {

/// Reads one kubeconfig; errors carry the path within it.
class Kubeconfig {
  public:
    Kubeconfig(const YAML::Node& root, const std::string& path)
        : root_(root),
          path_(path),
          folder_(std::filesystem::absolute(path).parent_path()) {}

    Result<Access> read(std::string_view wanted) const {
        const std::string context(wanted.empty() ? text(root_, "current-context") : std::string(wanted));
        if (context.empty()) return error("has no current-context", "", "choose one: kubectl config use-context NAME");
        const YAML::Node chosen = named("contexts", "context", context);
        if (!chosen) return error("names a context " + json_quote(context) + " that it does not hold", "contexts", {});
        const YAML::Node cluster = named("clusters", "cluster", text(chosen, "cluster"));
        if (!cluster) {
            return error("has no cluster " + json_quote(text(chosen, "cluster")), "contexts[" + context + "].cluster",
                         {});
        }
        Access access;
        access.origin = "kubeconfig " + path_ + ", context " + context;
        access.kubeconfig = path_;
        access.context = std::string(wanted);
        access.default_namespace = text(chosen, "namespace");
        if (auto done = read_cluster(cluster, text(chosen, "cluster"), access); !done) return done.error();
        const std::string user = text(chosen, "user");
        if (user.empty()) return access;
        const YAML::Node credentials = named("users", "user", user);
        if (!credentials) return error("has no user " + json_quote(user), "contexts[" + context + "].user", {});
        if (auto done = read_user(credentials, user, access); !done) return done.error();
        return access;
    }

  private:
    static std::string text(const YAML::Node& node, const char* name) {
        if (!node.IsMap()) return {};
        const YAML::Node value = node[name];
        return value && value.IsScalar() ? value.Scalar() : std::string();
    }

    /// The map under `body` in the element of list `list` that has this name; an undefined node when there is none.
    YAML::Node named(const char* list, const char* body, const std::string& name) const {
        const YAML::Node elements = root_[list];
        if (!elements || !elements.IsSequence()) return YAML::Node(YAML::NodeType::Undefined);
        for (const auto& element : elements) {
            if (element.IsMap() && text(element, "name") == name && element[body] && element[body].IsMap()) {
                return element[body];
            }
        }
        return YAML::Node(YAML::NodeType::Undefined);
    }

    Error error(std::string what, const std::string& where, std::string mend) const {
        return {ErrorKind::invalid, std::move(what), path_ + (where.empty() ? "" : ": " + where), std::move(mend)};
    }

    /// Data (base64) wins over a file; a file's path is relative to the kubeconfig.
    Result<void> data_or_file(const YAML::Node& node, const std::string& name, const std::string& where,
                              std::string& data, std::string* file) const {
        if (const std::string encoded = text(node, (name + "-data").c_str()); !encoded.empty()) {
            auto decoded = decode_base64(encoded);
            if (!decoded) return error("holds no base64", where + "." + name + "-data", {});
            data = *std::move(decoded);
            return {};
        }
        const std::string named_file = text(node, name.c_str());
        if (named_file.empty()) return {};
        const std::string full = absolute(named_file);
        auto content = read_file(full);
        if (!content) return std::move(content).error().at(path_ + ": " + where + "." + name);
        if (file != nullptr) {
            *file = full;
        } else {
            data = *std::move(content);
        }
        return {};
    }

    std::string absolute(const std::string& path) const { return (folder_ / path).lexically_normal().string(); }

    Result<void> read_cluster(const YAML::Node& cluster, const std::string& name, Access& access) const {
        const std::string where = "clusters[" + name + "]";
        access.server = text(cluster, "server");
        while (access.server.ends_with('/'))
            access.server.pop_back();
        if (!access.server.starts_with("https://") && !access.server.starts_with("http://")) {
            return error("kubernetes API server URL " + json_quote(access.server) + " is neither http nor https",
                         where + ".server", {});
        }
        access.verify = text(cluster, "insecure-skip-tls-verify") != "true";
        access.tls_server_name = text(cluster, "tls-server-name");
        access.proxy = text(cluster, "proxy-url");
        if (!access.proxy.empty()) {
            access.proxy_origin = "proxy-url of " + path_;
            if (auto good = check_proxy(access.proxy); !good)
                return std::move(good).error().at(path_ + ": " + where + ".proxy-url");
        }
        if (auto done = data_or_file(cluster, "certificate-authority", where, access.ca, &access.ca_file); !done)
            return done;
        if (access.ca_file.empty()) return {};
        auto ca = read_file(access.ca_file);
        if (!ca) return std::move(ca).error();
        access.ca = *std::move(ca);
        return {};
    }

    Result<void> read_user(const YAML::Node& user, const std::string& name, Access& access) const {
        const std::string where = "users[" + name + "]";
        for (const char* refused : {"exec", "auth-provider", "as", "as-uid", "as-groups", "username", "password"}) {
            if (user[refused] && !user[refused].IsNull()) {
                return error(std::string("uses `") + refused + "`, which weft does not run", where + "." + refused,
                             "give weft a kubeconfig with a client certificate, a token or a tokenFile");
            }
        }
        access.token_file = text(user, "tokenFile");
        if (access.token_file.empty()) {
            access.token = text(user, "token");
        } else {
            access.token_file = absolute(access.token_file);
            if (auto token = read_file(access.token_file); !token) return std::move(token).error();
        }
        if (auto done = data_or_file(user, "client-certificate", where, access.certificate, &access.certificate_file);
            !done) {
            return done;
        }
        if (auto done = data_or_file(user, "client-key", where, access.key, &access.key_file); !done) return done;
        const bool certificate = !access.certificate.empty() || !access.certificate_file.empty();
        const bool key = !access.key.empty() || !access.key_file.empty();
        if (certificate != key) {
            return error(
                certificate ? "has a client certificate without its key" : "has a client key without its certificate",
                where, {});
        }
        return {};
    }

    YAML::Node root_;
    std::string path_;
    std::filesystem::path folder_;
};

}  // namespace

Result<Access> access_from_kubeconfig(const std::string& path, std::string_view context) {
    if (!std::filesystem::exists(path)) {
        return invalid("kubernetes kubeconfig file " + json_quote(path) + " not found",
                       "set kubeconfig in [kubernetes]");
    }
    auto content = read_file(path);
    if (!content) return std::move(content).error();
    try {
        const YAML::Node root = YAML::Load(*content);
        if (!root.IsMap()) return Error{ErrorKind::invalid, "is no kubeconfig", path, {}};
        return Kubeconfig(root, path).read(context);
    } catch (const YAML::Exception& e) {
        return Error{ErrorKind::invalid, std::string("is not valid YAML: ") + e.what(), path, {}};
    }
}

}  // namespace weft::kube
