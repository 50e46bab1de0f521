#pragma once

#include <weft/base/result.hpp>

#include <functional>
#include <string>

namespace weft::demo {

/// What the user sees of long steps: what is being waited for and for how long. Colours and rewriting of the line only
/// on a terminal.
class Steps {
  public:
    Steps();

    /// Runs `work` on this thread while showing its title.
    Result<void> run(const std::string& title, const std::function<Result<void>()>& work) const;
    void heading(const std::string& text) const;
    std::string good(const std::string& text) const { return paint("32", text); }
    std::string bad(const std::string& text) const { return paint("31", text); }
    std::string dim(const std::string& text) const { return paint("2", text); }
    std::string bold(const std::string& text) const { return paint("1", text); }

  private:
    std::string paint(const char* code, const std::string& text) const;
    bool terminal_;
};

/// "0.4 s", "1:05".
std::string duration_text(double seconds);

}  // namespace weft::demo
