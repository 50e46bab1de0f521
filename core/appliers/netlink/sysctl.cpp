#include "appliers/netlink/sysctl.hpp"

#include "appliers/netlink/netns.hpp"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>

namespace weft::netlink {

namespace {

/// Path below /proc/sys; nothing outside is ever touched, whatever a link is called.
Result<std::string> file_of(std::string_view path) {
    bool good = !path.empty() && path.front() != '/' && path.find('\0') == std::string_view::npos;
    for (std::size_t from = 0; good && from <= path.size();) {
        const std::size_t end = std::min(path.find('/', from), path.size());
        const auto part = path.substr(from, end - from);
        good = !part.empty() && part != "." && part != "..";
        from = end + 1;
    }
    if (!good) return invalid("\"" + std::string(path) + "\" is no path below /proc/sys");
    return "/proc/sys/" + std::string(path);
}

/// Values of several numbers are printed with tabs and may be written with spaces.
std::string canonical(std::string_view value) {
    std::string out;
    for (const char c : value) {
        const bool space = c == ' ' || c == '\t' || c == '\n';
        if (!space) {
            out.push_back(c);
        } else if (!out.empty() && out.back() != ' ') {
            out.push_back(' ');
        }
    }
    while (!out.empty() && out.back() == ' ')
        out.pop_back();
    return out;
}

}  // namespace

Result<std::optional<std::string>> read_sysctl(std::string_view path) {
    auto file = file_of(path);
    if (!file) return std::move(file).error();
    const Fd fd(::open(file->c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) {
        if (errno == ENOENT) return std::optional<std::string>();
        return kernel_error("sysctl " + std::string(path) + ": cannot open it", errno);
    }
    std::string text(4096, '\0');
    const ssize_t size = ::read(fd.get(), text.data(), text.size());
    if (size < 0) return kernel_error("sysctl " + std::string(path) + ": cannot read it", errno);
    text.resize(static_cast<std::size_t>(size));
    while (!text.empty() && text.back() == '\n')
        text.pop_back();
    return std::optional<std::string>(std::move(text));
}

Result<bool> write_sysctl(std::string_view path, std::string_view value) {
    auto now = read_sysctl(path);
    if (!now) return std::move(now).error();
    if (!*now) return waiting("sysctl " + std::string(path) + ": this kernel has no such setting");
    if (canonical(**now) == canonical(value)) return false;
    auto file = file_of(path);
    if (!file) return std::move(file).error();
    const std::string what = "sysctl " + std::string(path) + ": cannot set it to \"" + std::string(value) + "\"";
    const Fd fd(::open(file->c_str(), O_WRONLY | O_CLOEXEC));
    if (!fd) return kernel_error(what, errno);
    if (::write(fd.get(), value.data(), value.size()) != static_cast<ssize_t>(value.size())) {
        return kernel_error(what, errno);
    }
    return true;
}

}  // namespace weft::netlink
