#include "kube/node_certificate.hpp"

#include "kube/files.hpp"
#include "kube/times.hpp"

#include <weft/base/json.hpp>
#include <weft/base/log.hpp>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

namespace weft::kube {

namespace {

constexpr const char* part = "identity";
constexpr const char* requests = "/apis/certificates.k8s.io/v1/certificatesigningrequests";
constexpr Duration first_look = std::chrono::milliseconds(200);
constexpr Duration longest_pause = std::chrono::seconds(5);
/// Kubernetes cuts names at 253 characters, and appends five of its own.
constexpr std::size_t longest_prefix = 200;

Error file_trouble(const std::string& file, const std::string& what) {
    return {ErrorKind::again, what + ": " + std::strerror(errno), file,
            "see that the folder [kubernetes] cert-dir is there, has room, and is writable by weft"};
}

/// All of it or nothing, on the disk before it gets its name, and for nobody else to read.
Result<void> write_secret(const std::string& file, const std::string& text) {
    std::error_code ignored;
    std::filesystem::create_directories(std::filesystem::path(file).parent_path(), ignored);
    const std::string fresh = file + ".new";
    ::unlink(fresh.c_str());
    const int fd = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) return file_trouble(fresh, "the certificate can't be written");
    std::string_view rest = text;
    while (!rest.empty()) {
        const auto count = ::write(fd, rest.data(), rest.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) break;
        rest.remove_prefix(static_cast<std::size_t>(count));
    }
    const bool good = rest.empty() && ::fsync(fd) == 0;
    const int failure = errno;
    ::close(fd);
    if (good && ::rename(fresh.c_str(), file.c_str()) == 0) return {};
    if (!good) errno = failure;
    auto error = file_trouble(file, "the certificate can't be written");
    ::unlink(fresh.c_str());
    return error;
}

std::string request_json(const NodeCertificateOptions& options, const std::string& request) {
    JsonWriter w;
    w.object([&] {
        w.member("apiVersion", "certificates.k8s.io/v1").member("kind", "CertificateSigningRequest");
        w.key("metadata").object([&] {
            w.member("generateName", "ovn-node-" + options.node.substr(0, longest_prefix) + "-");
        });
        w.key("spec").object([&] {
            w.member("signerName", "kubernetes.io/kube-apiserver-client");
            w.member("request", encode_base64(request));
            w.key("usages").array([&] { w.value("digital signature").value("client auth"); });
            w.member("expirationSeconds", static_cast<std::int64_t>(options.duration.count()));
        });
    });
    return w.take();
}

}  // namespace

NodeCertificate::NodeCertificate(Loop& loop, Ways ways, NodeCertificateOptions options, Events events, Random random)
    : loop_(loop),
      ways_(std::move(ways)),
      options_(std::move(options)),
      events_(std::move(events)),
      random_(std::move(random)),
      backoff_(options_.backoff, random_),
      timer_(loop),
      alive_(std::make_shared<bool>(true)) {}

NodeCertificate::~NodeCertificate() {
    *alive_ = false;
}

void NodeCertificate::start() {
    load();
    if (counts() && events_.renewed) events_.renewed();
    set_status();
    check();
}

/// What is there counts when it is ours and whole; anything else is dropped, so that nobody takes it for ours.
void NodeCertificate::load() {
    std::error_code failed;
    if (!std::filesystem::exists(std::filesystem::symlink_status(options_.file, failed))) return;
    const auto text = read_file(options_.file);
    auto read = text ? read_client_certificate(*text) : Result<ClientCertificate>(text.error());
    if (read && read->common_name == user_of(options_.node)) return keep(*std::move(read));
    const std::string why =
        read ? "it is that of " + json_quote(read->common_name) + ", not of " + user_of(options_.node)
             : read.error().what;
    log(LogLevel::warn, part, "dropping a certificate that can't be used", {{"file", options_.file}, {"why", why}});
    std::filesystem::remove(options_.file, failed);
}

void NodeCertificate::keep(ClientCertificate certificate) {
    const auto life = certificate.not_after - certificate.not_before;
    const double share = 0.7 + 0.2 * random_();
    due_ = certificate.not_before +
           std::chrono::duration_cast<WallTime::duration>(std::chrono::duration<double>(life) * share);
    certificate_ = std::move(certificate);
    own_refused_ = false;
}

bool NodeCertificate::counts() const {
    return certificate_ && loop_.wall() < certificate_->not_after;
}

void NodeCertificate::check() {
    set_status();
    if (!name_.empty()) return;
    const auto now = loop_.now();
    if (earliest_ && now < *earliest_) return timer_.set(*earliest_, [this] { check(); });
    const auto wall = loop_.wall();
    if (!certificate_ || wall >= due_) return request();
    const auto left = std::chrono::duration_cast<Duration>(due_ - wall);
    timer_.set_after(std::min(left, options_.look_again), [this] { check(); });
}

void NodeCertificate::request() {
    auto made = make_certificate_request(user_of(options_.node), organization);
    if (!made) return failed(made.error());
    key_ = std::move(made->key);
    own_ = counts() && !own_refused_;
    name_ = "?";
    Request post;
    post.method = Method::post;
    post.path = requests;
    post.body = request_json(options_, made->request);
    way()(std::move(post), [this, alive = alive_](const Answer& answer) {
        if (*alive) requested(answer);
    });
}

void NodeCertificate::requested(const Answer& answer) {
    name_.clear();
    if (!answer.ok()) {
        if (own_ && (answer.http == 401 || answer.http == 403)) own_refused_ = true;
        auto error =
            answer.error(std::string("ask for a certificate as ") + (own_ ? "the node" : "bootstrap-kubeconfig"));
        if (answer.http == 401 && !own_) error.mend = "bootstrap-kubeconfig must be one that the API server knows";
        if (answer.http == 403) {
            error.mend =
                "`weftctl rbac --bind`, on a cluster with the plugin node-identity, prints the rules that are "
                "needed";
        }
        return failed(error, answer.retry_after);
    }
    const auto document = JsonDocument::parse(answer.body);
    if (document) name_ = document->root()["metadata"]["name"].string_or("");
    if (name_.empty()) return failed(again("ask for a certificate: the answer names no request"));
    log(LogLevel::info, part, "asked for a certificate", {{"request", name_}, {"as", own_ ? "node" : "bootstrap"}});
    asked_ = loop_.now();
    pause_ = first_look;
    ask_again_for(pause_);
}

void NodeCertificate::ask_again_for(Duration delay) {
    timer_.set_after(delay, [this] { look(); });
}

void NodeCertificate::look() {
    Request get;
    get.path = std::string(requests) + "/" + name_;
    way()(std::move(get), [this, alive = alive_](const Answer& answer) {
        if (*alive) looked(answer);
    });
}

void NodeCertificate::looked(const Answer& answer) {
    const std::string what = "the request " + std::exchange(name_, {});
    const std::string name = what.substr(what.rfind(' ') + 1);
    const auto document = JsonDocument::parse(answer.body);
    bool approved = false;
    std::optional<Error> refused;
    if (answer.ok() && document) {
        const JsonView status = document->root()["status"];
        status["conditions"].each([&](JsonView condition) {
            const auto type = condition["type"].string_or("");
            approved |= type == "Approved";
            if (type != "Denied" && type != "Failed") return;
            refused = Error{ErrorKind::invalid,
                            what + (type == "Denied" ? " was denied: " : " could not be signed: ") +
                                std::string(condition["message"].string_or("")),
                            {},
                            "kubectl describe csr " + name};
        });
        const auto certificate = status["certificate"].string_or("");
        if (refused) return failed(*refused);
        if (!certificate.empty()) {
            const auto chain = decode_base64(certificate);
            if (!chain) return failed(Error(chain.error()).at(what));
            return take(*chain);
        }
    } else if (answer.http == 404) {
        return failed(again(what + " is gone"));
    } else if (answer.http == 401 || answer.http == 403) {
        if (own_) own_refused_ = true;
        return failed(answer.error("look at " + what), answer.retry_after);
    }
    if (loop_.now() - asked_ >= options_.patience) {
        const std::string waited = " within " + std::to_string(options_.patience / std::chrono::seconds(1)) + " s";
        if (!answer.ok()) return failed(answer.error("look at " + what), answer.retry_after);
        if (approved) {
            return failed(Error{ErrorKind::again,
                                what + " was approved but not signed" + waited,
                                {},
                                "is kube-controller-manager there, and does it sign (--cluster-signing-cert-file)?"});
        }
        return failed(Error{ErrorKind::again,
                            what + " was neither approved nor denied" + waited,
                            {},
                            "is there a weftd of role cluster with the plugin node-identity?"});
    }
    name_ = name;
    pause_ = std::min(pause_ * 2, longest_pause);
    ask_again_for(std::max(pause_, answer.retry_after.value_or(Duration::zero())));
}

void NodeCertificate::take(const std::string& chain) {
    std::string text = chain;
    if (!text.ends_with('\n')) text.push_back('\n');
    text += key_;
    auto read = read_client_certificate(text);
    if (!read) return failed(std::move(read).error().at("the certificate that was signed"));
    if (read->common_name != user_of(options_.node)) {
        return failed(broken("the certificate that was signed is that of " + json_quote(read->common_name) +
                             ", not of " + user_of(options_.node)));
    }
    if (auto written = write_secret(options_.file, text); !written) return failed(written.error());
    key_.clear();
    keep(*std::move(read));
    earliest_ = loop_.now() + options_.breather;
    backoff_.reset();
    trouble_.clear();
    log(LogLevel::info, part, "has a new certificate",
        {{"file", options_.file}, {"until", time_text(certificate_->not_after)}});
    if (events_.renewed) events_.renewed();
    check();
}

void NodeCertificate::failed(const Error& error, std::optional<Duration> retry_after) {
    name_.clear();
    key_.clear();
    log(LogLevel::error, part, "no certificate", error);
    trouble_ = error.text();
    set_status();
    timer_.set_after(backoff_.next(retry_after), [this] { check(); });
}

void NodeCertificate::set_status() {
    NodeCertificateStatus now;
    const auto wall = loop_.wall();
    if (!certificate_) {
        now.trouble = "there is none yet";
    } else if (wall >= certificate_->not_after) {
        now.trouble = "it has expired at " + time_text(certificate_->not_after);
    } else if (wall < certificate_->not_before) {
        now.trouble = "it counts from " + time_text(certificate_->not_before) +
                      " on: the clocks of this host and of kube-controller-manager differ";
    } else {
        now.valid = true;
    }
    if (!trouble_.empty()) now.trouble += (now.trouble.empty() ? "it can't be renewed: " : "; ") + trouble_;
    {
        const std::lock_guard lock(mutex_);
        if (now.valid == status_.valid && now.trouble == status_.trouble) return;
        status_ = std::move(now);
    }
    if (events_.changed) events_.changed();
}

NodeCertificateStatus NodeCertificate::status() const {
    const std::lock_guard lock(mutex_);
    return status_;
}

}  // namespace weft::kube
