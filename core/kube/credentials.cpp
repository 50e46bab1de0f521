#include "kube/credentials.hpp"

#include "kube/certificates.hpp"
#include "kube/files.hpp"
#include "kube/times.hpp"

#include <weft/base/json.hpp>
#include <weft/base/log.hpp>

#include <algorithm>
#include <system_error>

namespace weft::kube {

namespace {

/// When a JSON Web Token ends, as it says itself; nothing for other tokens.
std::optional<WallTime> end_of_token(std::string_view token) {
    const auto first = token.find('.');
    const auto second = first == std::string_view::npos ? first : token.find('.', first + 1);
    if (second == std::string_view::npos) return std::nullopt;
    std::string claims(token.substr(first + 1, second - first - 1));
    std::ranges::replace(claims, '-', '+');
    std::ranges::replace(claims, '_', '/');
    const auto text = decode_base64(claims);
    if (!text) return std::nullopt;
    const auto document = JsonDocument::parse(*text);
    if (!document) return std::nullopt;
    const auto end = document->root()["exp"].integer();
    if (!end) return std::nullopt;
    return WallTime(std::chrono::seconds(*end));
}

}  // namespace

Credentials::Credentials(const Access& access)
    : access_(access),
      kubeconfig_{"kubeconfig", access.kubeconfig, {}},
      token_{"token", access.token_file, access.token},
      certificate_{"client certificate", access.certificate_file, access.certificate},
      key_{"client key", access.key_file, access.key},
      ca_{"CA", access.ca_file, access.ca} {
    std::error_code ignored;
    if (!access.kubeconfig.empty()) kubeconfig_.changed = std::filesystem::last_write_time(access.kubeconfig, ignored);
}

void Credentials::trim(std::string& token) {
    while (!token.empty() && (token.back() == '\n' || token.back() == '\r' || token.back() == ' '))
        token.pop_back();
}

/// The text in a file that has changed.
std::optional<std::string> Credentials::news_of(Source& source) {
    if (source.file.empty()) return std::nullopt;
    std::error_code failed;
    const auto changed = std::filesystem::last_write_time(source.file, failed);
    if (!failed && changed == source.changed && !source.complained) return std::nullopt;
    auto text = read_file(source.file);
    if (text && source.what == "token") trim(*text);
    if (!text || text->empty()) {
        Error error = text ? invalid("is empty").at(source.file) : text.error();
        if (!std::exchange(source.complained, true))
            log(LogLevel::warn, "kube", "keeping the last " + source.what + ": its file cannot be read", error);
        return std::nullopt;
    }
    source.complained = false;
    source.changed = changed;
    return *std::move(text);
}

bool Credentials::reread(Source& source) {
    auto text = news_of(source);
    if (!text || *text == source.text) return false;
    if (!source.text.empty()) log(LogLevel::info, "kube", "another " + source.what, {{"file", source.file}});
    source.text = *std::move(text);
    return true;
}

/// A certificate and its key are replaced one after the other: what lies between is nobody's.
bool Credentials::reread_pair() {
    const auto before = std::pair(certificate_.changed, key_.changed);
    const auto certificate = news_of(certificate_);
    const auto key = news_of(key_);
    if (!certificate && !key) return false;
    const std::string& new_certificate = certificate ? *certificate : certificate_.text;
    const std::string& new_key = key ? *key : key_.text;
    if (new_certificate == certificate_.text && new_key == key_.text) return false;
    const auto wrong = why_no_pair(new_certificate, new_key);
    if (wrong && !certificate_.text.empty()) {
        if (!std::exchange(key_.complained, true)) {
            log(LogLevel::warn, "kube", "keeping the last client certificate: " + *wrong,
                {{"certificate", certificate_.file}, {"key", key_.file}});
        }
        std::tie(certificate_.changed, key_.changed) = before;
        return false;
    }
    key_.complained = false;
    const bool first = certificate_.text.empty();
    certificate_.text = new_certificate;
    key_.text = new_key;
    if (first) return true;
    const auto facts = read_certificate(certificate_.text);
    log(LogLevel::info, "kube", "another client certificate",
        {{"file", certificate_.file}, {"valid_until", facts ? time_text(facts->not_after) : "unknown"}});
    return true;
}

/// What it holds itself, and the names of files. Another server needs a restart.
bool Credentials::reread_kubeconfig() {
    if (!news_of(kubeconfig_)) return false;
    auto now = access_from_kubeconfig(access_.kubeconfig, access_.context);
    if (!now) {
        log(LogLevel::warn, "kube", "keeping what the kubeconfig said before", now.error());
        return false;
    }
    if (now->server != access_.server || now->tls_server_name != access_.tls_server_name ||
        now->verify != access_.verify || (now->proxy != access_.proxy && !now->proxy.empty())) {
        log(LogLevel::warn, "kube", "the kubeconfig names another server or proxy: that counts from the next start",
            {{"file", access_.kubeconfig}, {"server", now->server}});
        return false;
    }
    bool changed = false;
    const auto take = [&](Source& source, const std::string& file, const std::string& text) {
        if (source.file == file && (!file.empty() || source.text == text)) return;
        source.file = file;
        source.changed = {};
        if (file.empty()) source.text = text;
        changed = true;
    };
    take(token_, now->token_file, now->token);
    take(certificate_, now->certificate_file, now->certificate);
    take(key_, now->key_file, now->key);
    take(ca_, now->ca_file, now->ca);
    if (changed) log(LogLevel::info, "kube", "other credentials", {{"file", access_.kubeconfig}});
    return changed;
}

bool Credentials::refresh(TimePoint now) {
    if (looked_ && now - *looked_ < interval) return false;
    looked_ = now;
    bool changed = reread_kubeconfig();
    changed |= reread(token_);
    changed |= reread_pair();
    changed |= reread(ca_);
    return changed;
}

std::string Credentials::place_of(const Source& source) const {
    if (!source.file.empty()) return source.file;
    return access_.kubeconfig.empty() ? access_.origin : access_.kubeconfig;
}

std::string Credentials::when_read(const Source& source) const {
    if (source.file.empty() && access_.kubeconfig.empty()) return "; it is read when weftd starts";
    return "; it is read again by itself";
}

std::string Credentials::mend_unauthorized(WallTime now) const {
    if (!token_.text.empty()) {
        const auto end = end_of_token(token_.text);
        const std::string state = end && *end < now ? " (it expired at " + time_text(*end) + ")" : "";
        return "check the token in " + place_of(token_) + state + ": put a valid one there" + when_read(token_);
    }
    if (certificate_.text.empty()) return "no token and no client certificate is configured: see " + access_.origin;
    const std::string again = when_read(certificate_);
    const std::string place = "the client certificate in " + place_of(certificate_);
    const auto facts = read_certificate(certificate_.text);
    if (!facts) return "check " + place + ": it holds none" + again;
    const std::string whose = " (" + facts->subject + ", issued by " + facts->issuer;
    if (facts->not_after < now)
        return "renew " + place + whose + "): it expired at " + time_text(facts->not_after) + again;
    if (facts->not_before > now) {
        return "check this host's clock and " + place + whose + "): it is valid only from " +
               time_text(facts->not_before) + again;
    }
    return "check " + place + whose + "): the API server does not believe its issuer" + again;
}

std::string Credentials::mend_pair() const {
    const auto wrong = why_no_pair(certificate_.text, key_.text);
    return "give a client certificate in " + place_of(certificate_) + " and its key in " + place_of(key_) +
           (wrong ? " (" + *wrong + ")" : "") + when_read(key_);
}

std::string Credentials::describe_ca() const {
    if (ca_.text.empty()) return "the system's authorities";
    return place_of(ca_) + " (" + subjects_of(ca_.text) + ")";
}

}  // namespace weft::kube
