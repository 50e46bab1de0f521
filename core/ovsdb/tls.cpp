#include "ovsdb/tls.hpp"

#include <cerrno>
#include <cstring>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <unistd.h>

namespace weft::ovsdb {

namespace {

template <auto Free>
struct Freer {
    template <class T>
    void operator()(T* p) const {
        Free(p);
    }
};
using Context = std::unique_ptr<SSL_CTX, Freer<SSL_CTX_free>>;
using Session = std::unique_ptr<SSL, Freer<SSL_free>>;

std::string openssl_error(std::string_view otherwise) {
    const unsigned long code = ERR_get_error();
    ERR_clear_error();
    if (code == 0) return std::string(otherwise);
    char text[256];
    ERR_error_string_n(code, text, sizeof(text));
    return text;
}

class TlsTransport final : public Transport {
  public:
    TlsTransport(int fd, const TlsFiles& files, Context context, Session session)
        : Transport(fd),
          files_(files),
          context_(std::move(context)),
          session_(std::move(session)) {}

    Result<bool> establish() override {
        if (!connected_) {
            auto up = finish_connect(fd_);
            if (!up) return up;
            wants_write_ = !*up;
            if (!*up) return false;
            connected_ = true;
        }
        ERR_clear_error();
        const int code = SSL_connect(session_.get());
        if (code == 1) {
            wants_write_ = false;
            return true;
        }
        const Io io = outcome(code);
        if (io.state != Io::State::closed) return false;
        const long verdict = SSL_get_verify_result(session_.get());
        if (verdict == X509_V_ERR_HOSTNAME_MISMATCH) {
            return invalid("the server's certificate does not carry the name \"" + files_.server_name + "\"",
                           "check cert-common-name, and that this is the right server");
        }
        if (verdict != X509_V_OK) {
            return Error{
                ErrorKind::invalid,
                std::string("the server's certificate is not to be trusted: ") + X509_verify_cert_error_string(verdict),
                files_.ca_cert, "check client-cacert, and the server's certificate"};
        }
        return again("TLS handshake: " + (io.why.empty() ? "the peer closed the connection" : io.why));
    }

    Io read(std::span<char> to) override {
        ERR_clear_error();
        std::size_t got = 0;
        const int code = SSL_read_ex(session_.get(), to.data(), to.size(), &got);
        if (code == 1) return {Io::State::done, got, {}};
        return outcome(code);
    }
    Io write(std::string_view bytes) override {
        ERR_clear_error();
        wants_write_ = false;
        std::size_t put = 0;
        const int code = SSL_write_ex(session_.get(), bytes.data(), bytes.size(), &put);
        if (code == 1) return {Io::State::done, put, {}};
        return outcome(code);
    }
    bool wants_write() const override { return wants_write_; }
    bool has_buffered() const override { return SSL_pending(session_.get()) > 0; }

  private:
    Io outcome(int code) {
        const int saved = errno;
        switch (SSL_get_error(session_.get(), code)) {
            case SSL_ERROR_WANT_READ: wants_write_ = false; return {};
            case SSL_ERROR_WANT_WRITE: wants_write_ = true; return {};
            case SSL_ERROR_ZERO_RETURN: return {Io::State::closed, 0, {}};
            case SSL_ERROR_SYSCALL: return {Io::State::closed, 0, saved ? std::strerror(saved) : ""};
            default: return {Io::State::closed, 0, why_it_failed()};
        }
    }

    /// With TLS 1.3 a server tells after the handshake that it does not like our certificate.
    std::string why_it_failed() const {
        const unsigned long code = ERR_peek_error();
        const int alert = ERR_GET_REASON(code) - SSL_AD_REASON_OFFSET;
        if (ERR_GET_LIB(code) != ERR_LIB_SSL || alert < 0 || alert > 255) return openssl_error("TLS failed");
        ERR_clear_error();
        return "the server refused us: " + std::string(SSL_alert_desc_string_long(alert)) + "; check client-cert (" +
               files_.certificate + ") and the server's CA certificate";
    }

    const TlsFiles files_;
    Context context_;
    Session session_;
    bool connected_ = false;
    bool wants_write_ = true;
};

Result<Context> make_context(const TlsFiles& files) {
    Context context(SSL_CTX_new(TLS_client_method()));
    if (!context) return broken(openssl_error("no TLS"));
    SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
    SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
    const auto wrong = [](const std::string& file, std::string_view what) {
        return Error{ErrorKind::invalid, openssl_error("cannot be used") + " (" + std::string(what) + ")", file,
                     "give a PEM file that can be read"};
    };
    if (files.ca_cert.empty() || files.certificate.empty() || files.private_key.empty()) {
        return invalid("an ssl: database needs a CA certificate, a certificate and a private key",
                       "set client-cacert, client-cert and client-privkey");
    }
    ERR_clear_error();
    if (SSL_CTX_load_verify_locations(context.get(), files.ca_cert.c_str(), nullptr) != 1) {
        return wrong(files.ca_cert, "CA certificate");
    }
    if (SSL_CTX_use_certificate_chain_file(context.get(), files.certificate.c_str()) != 1) {
        return wrong(files.certificate, "certificate");
    }
    const X509* certificate = SSL_CTX_get0_certificate(context.get());
    if (X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0) {
        return Error{ErrorKind::invalid, "the certificate has expired", files.certificate,
                     "renew it; the file is read again at the next try"};
    }
    if (SSL_CTX_use_PrivateKey_file(context.get(), files.private_key.c_str(), SSL_FILETYPE_PEM) != 1) {
        return wrong(files.private_key, "private key");
    }
    if (SSL_CTX_check_private_key(context.get()) != 1) return wrong(files.private_key, "not the certificate's key");
    return context;
}

}  // namespace

Result<std::unique_ptr<Transport>> open_tls(int fd, const TlsFiles& files) {
    auto context = make_context(files);
    if (!context) {
        ::close(fd);
        return std::move(context).error();
    }
    Session session(SSL_new(context->get()));
    if (!session || SSL_set_fd(session.get(), fd) != 1) {
        ::close(fd);
        return broken(openssl_error("no TLS session"));
    }
    if (!files.server_name.empty() && SSL_set1_host(session.get(), files.server_name.c_str()) != 1) {
        ::close(fd);
        return broken(openssl_error("no TLS session"));
    }
    return std::unique_ptr<Transport>(
        std::make_unique<TlsTransport>(fd, files, *std::move(context), std::move(session)));
}

}  // namespace weft::ovsdb
