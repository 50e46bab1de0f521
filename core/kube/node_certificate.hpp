#pragma once

#include "kube/backoff.hpp"
#include "kube/client_certificate.hpp"
#include "kube/loop.hpp"
#include "kube/transport.hpp"

#include <weft/base/clock.hpp>
#include <weft/base/result.hpp>

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace weft::kube {

struct NodeCertificateOptions {
    std::string node;
    std::string file;  ///< key and certificate in one; only its owner may read it
    std::chrono::seconds duration{600};
    Backoff::Options backoff{std::chrono::seconds(1), std::chrono::minutes(2), 0.5};
    Duration patience = std::chrono::minutes(2);     ///< for a request's approval and signature, then a new one is made
    Duration breather = std::chrono::seconds(20);    ///< after a certificate, before the next, whatever the clocks say
    Duration look_again = std::chrono::seconds(30);  ///< at the clock: it may have been set
};

/// As of now.
struct NodeCertificateStatus {
    bool valid = false;   ///< there is one, and by this host's clock it counts
    std::string trouble;  ///< what is wrong and how to mend it
};

/// This node's own identity, `system:ovn-node:<node>` of `system:ovn-nodes`: kept in a file, asked for by a
/// CertificateSigningRequest with the bootstrap identity when there is none that counts, and with its own once 70 to
/// 90 % of its life are over. Nothing here ends the process: what can't be had is asked for again, later and later.
///
/// All on the loop's thread but status().
class NodeCertificate {
  public:
    /// Sends a request under an identity; the answer comes on the loop's thread.
    using Send = std::function<void(Request, std::function<void(Answer)>)>;
    struct Ways {
        Send bootstrap;
        Send own;
    };
    struct Events {
        std::function<void()> renewed;  ///< the file holds another certificate, or one that was there counts
        std::function<void()> changed;  ///< status() says something else
    };

    NodeCertificate(Loop& loop, Ways ways, NodeCertificateOptions options, Events events,
                    Random random = system_random());
    ~NodeCertificate();

    void start();
    NodeCertificateStatus status() const;

    static std::string user_of(const std::string& node) { return "system:ovn-node:" + node; }
    static constexpr const char* organization = "system:ovn-nodes";

  private:
    void load();
    void keep(ClientCertificate certificate);
    void check();
    void request();
    void requested(const Answer& answer);
    void ask_again_for(Duration delay);
    void look();
    void looked(const Answer& answer);
    void take(const std::string& chain);
    void failed(const Error& error, std::optional<Duration> retry_after = std::nullopt);
    void set_status();
    bool counts() const;
    Send& way() { return own_ ? ways_.own : ways_.bootstrap; }

    Loop& loop_;
    Ways ways_;
    const NodeCertificateOptions options_;
    const Events events_;
    Random random_;
    Backoff backoff_;
    ScopedTimer timer_;
    std::shared_ptr<bool> alive_;

    std::optional<ClientCertificate> certificate_;
    WallTime due_;                       ///< when the next is asked for
    std::optional<TimePoint> earliest_;  ///< and not before
    bool own_refused_ = false;           ///< the server takes the certificate for nobody's
    std::string trouble_;                ///< of the last attempt

    // While a request is under way:
    bool own_ = false;  ///< it was made with our own identity
    std::string key_;
    std::string name_;  ///< of the CertificateSigningRequest; empty: none
    TimePoint asked_{};
    Duration pause_{};

    mutable std::mutex mutex_;
    NodeCertificateStatus status_;
};

}  // namespace weft::kube
