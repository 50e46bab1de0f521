#pragma once

#include "kube/access.hpp"

#include <weft/base/clock.hpp>

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>

namespace weft::kube {

/// What proves who we are, as of now: files are looked at again once a minute, and read when they changed. What
/// cannot be read leaves the last good text in use.
class Credentials {
  public:
    static constexpr Duration interval = std::chrono::minutes(1);

    explicit Credentials(const Access& access);

    /// True when something changed.
    bool refresh(TimePoint now);
    /// The server took them for nobody's: the next refresh looks at the files, however soon it comes.
    void doubt() { looked_.reset(); }

    const std::string& token() const { return token_.text; }
    const std::string& certificate() const { return certificate_.text; }
    const std::string& key() const { return key_.text; }

  private:
    struct Source {
        std::string file;  ///< empty: the text is fixed
        std::string text;
        std::filesystem::file_time_type changed{};
    };
    static bool reread(Source& source, std::string_view what, bool trim);

    Source token_;
    Source certificate_;
    Source key_;
    std::optional<TimePoint> looked_;
};

}  // namespace weft::kube
