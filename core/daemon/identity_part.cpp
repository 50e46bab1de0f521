#include "daemon/identity_part.hpp"

#include "kube/access.hpp"

#include <utility>

namespace weft::daemon {

IdentityPart::IdentityPart(kube::Client& own, std::string bootstrap_kubeconfig, kube::NodeCertificateOptions options,
                           Events events)
    : own_(own),
      bootstrap_kubeconfig_(std::move(bootstrap_kubeconfig)),
      user_(kube::NodeCertificate::user_of(options.node)),
      events_(std::move(events)),
      certificate_(own_,
                   {[this](kube::Request request, std::function<void(kube::Answer)> done) {
                        send_as_bootstrap(std::move(request), std::move(done));
                    },
                    [this](kube::Request request, std::function<void(kube::Answer)> done) {
                        own_.start(std::move(request), std::move(done));
                    }},
                   std::move(options), {[this] { renewed(); }, events_.changed}) {}

void IdentityPart::start() {
    own_.post([this] { certificate_.start(); });
}

/// The kubeconfig is read anew for each request for a certificate: whoever owns it changes its credentials, too.
void IdentityPart::send_as_bootstrap(kube::Request request, std::function<void(kube::Answer)> done) {
    if (!bootstrap_ || request.method == kube::Method::post) {
        bootstrap_.reset();
        auto access = kube::access_from_kubeconfig(bootstrap_kubeconfig_);
        if (!access) {
            return own_.post([done = std::move(done), why = access.error().text()] {
                kube::Answer answer;
                answer.trouble = "bootstrap-kubeconfig: " + why;
                done(std::move(answer));
            });
        }
        bootstrap_ =
            std::make_unique<kube::Client>(*std::move(access), kube::Client::Options{.thread_name = "weft-bootstrap"});
        bootstrap_->start();
    }
    bootstrap_->post([this, client = bootstrap_.get(), request = std::move(request), done = std::move(done)] {
        client->start(request, [this, done](kube::Answer answer) {
            own_.post([done, answer = std::move(answer)] { done(answer); });
        });
    });
}

void IdentityPart::renewed() {
    bootstrap_.reset();
    own_.credentials_changed();
    if (events_.ready) events_.ready();
}

}  // namespace weft::daemon
