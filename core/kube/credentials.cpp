#include "kube/credentials.hpp"

#include "kube/files.hpp"

#include <weft/base/log.hpp>

#include <system_error>

namespace weft::kube {

Credentials::Credentials(const Access& access)
    : token_{access.token_file, access.token},
      certificate_{access.certificate_file, access.certificate},
      key_{access.key_file, access.key} {}

bool Credentials::reread(Source& source, std::string_view what, bool trim) {
    if (source.file.empty()) return false;
    std::error_code failed;
    const auto changed = std::filesystem::last_write_time(source.file, failed);
    if (!failed && changed == source.changed && !source.text.empty()) return false;
    auto text = read_file(source.file);
    if (!text) {
        log(LogLevel::warn, "kube", "keeping the last " + std::string(what) + ": its file cannot be read",
            text.error());
        return false;
    }
    source.changed = changed;
    while (trim && !text->empty() && (text->back() == '\n' || text->back() == '\r' || text->back() == ' '))
        text->pop_back();
    if (*text == source.text) return false;
    if (text->empty()) {
        log(LogLevel::warn, "kube", "keeping the last " + std::string(what) + ": its file is empty",
            {{"file", source.file}});
        return false;
    }
    source.text = *std::move(text);
    return true;
}

bool Credentials::refresh(TimePoint now) {
    if (looked_ && now - *looked_ < interval) return false;
    looked_ = now;
    bool changed = reread(token_, "token", true);
    changed |= reread(certificate_, "client certificate", false);
    changed |= reread(key_, "client key", false);
    return changed;
}

}  // namespace weft::kube
