#include "idler.hpp"

#include <openssl/bio.h>
#include <openssl/ssl.h>

namespace weft::testing {

void Idler::Close::operator()(void* bio) const {
    BIO_free_all(static_cast<BIO*>(bio));
}

Result<Idler> Idler::start(const NetworkNamespace& where, const ApiEndpoint& endpoint, const std::string& path) {
    const std::string host = endpoint.url.substr(endpoint.url.find("://") + 3);
    const std::string request = "POST " + path + " HTTP/1.1\r\nHost: " + host + "\r\nAuthorization: Bearer " +
                                endpoint.token + "\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{";
    Idler idler;
    auto started = where.inside([&]() -> Result<void> {
        SSL_CTX* context = SSL_CTX_new(TLS_client_method());
        BIO* bio = BIO_new_ssl_connect(context);
        SSL_CTX_free(context);
        idler.connection_.reset(bio);
        BIO_set_conn_hostname(bio, host.c_str());
        const auto size = static_cast<int>(request.size());
        if (BIO_do_connect(bio) != 1 || BIO_write(bio, request.data(), size) != size) {
            return again("no connection to " + host);
        }
        return {};
    });
    if (!started) return started.error();
    return idler;
}

}  // namespace weft::testing
