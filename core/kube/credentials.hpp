#pragma once

#include "kube/access.hpp"

#include <weft/base/clock.hpp>

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>

namespace weft::kube {

/// What proves who we are and whom we believe, as of now: files (the kubeconfig among them) are looked at again once a
/// minute, and read when they changed. What cannot be read, or is no certificate with its key, leaves the last good
/// text in use.
class Credentials {
  public:
    static constexpr Duration interval = std::chrono::minutes(1);

    explicit Credentials(const Access& access);

    /// True when something changed.
    bool refresh(TimePoint now);
    /// The server took them for nobody's, or was not believed: the next refresh looks at the files, however soon it
    /// comes.
    void doubt() { looked_.reset(); }

    const std::string& token() const { return token_.text; }
    const std::string& certificate() const { return certificate_.text; }
    const std::string& key() const { return key_.text; }
    const std::string& ca() const { return ca_.text; }

    /// What to do when the server does not take us for who we are (HTTP 401).
    std::string mend_unauthorized(WallTime now) const;
    /// What to do when a certificate and key cannot be used.
    std::string mend_pair() const;
    /// Where the authorities are from, and who they are.
    std::string describe_ca() const;

  private:
    struct Source {
        std::string what;  ///< "client key"
        std::string file;  ///< empty: the text is fixed, or from the kubeconfig
        std::string text;
        std::filesystem::file_time_type changed{};
        bool complained = false;  ///< of what it holds now
    };
    static std::optional<std::string> news_of(Source& source);
    static bool reread(Source& source);
    bool reread_kubeconfig();
    bool reread_pair();
    static void trim(std::string& token);
    /// "/etc/weft/token", or the kubeconfig that holds it.
    std::string place_of(const Source& source) const;
    std::string when_read(const Source& source) const;

    Access access_;
    Source kubeconfig_;
    Source token_;
    Source certificate_;
    Source key_;
    Source ca_;
    std::optional<TimePoint> looked_;
};

}  // namespace weft::kube
