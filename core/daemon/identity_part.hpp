#pragma once

#include "kube/client.hpp"
#include "kube/node_certificate.hpp"

#include <functional>
#include <memory>
#include <string>

namespace weft::daemon {

/// This node's own identity. Lives on the thread of the client that uses it; the bootstrap identity gets a client for
/// as long as one of its requests is under way.
class IdentityPart {
  public:
    struct Events {
        std::function<void()> ready;    ///< there is a certificate that counts; after each new one, too
        std::function<void()> changed;  ///< status() says something else
    };

    /// `own` runs from start() on, and does not any more when this is destroyed.
    IdentityPart(kube::Client& own, std::string bootstrap_kubeconfig, kube::NodeCertificateOptions options,
                 Events events);

    void start();
    /// Any thread.
    kube::NodeCertificateStatus status() const { return certificate_.status(); }
    const std::string& user() const { return user_; }

  private:
    void send_as_bootstrap(kube::Request request, std::function<void(kube::Answer)> done);
    void renewed();

    kube::Client& own_;
    const std::string bootstrap_kubeconfig_;
    const std::string user_;
    const Events events_;
    std::unique_ptr<kube::Client> bootstrap_;
    kube::NodeCertificate certificate_;
};

}  // namespace weft::daemon
