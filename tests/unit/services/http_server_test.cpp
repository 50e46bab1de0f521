#include "services/http_server.hpp"

#include "support.hpp"

#include <atomic>

#include <httplib.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

namespace weft::services {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

int wait_for_port(const HttpServer& server) {
    EXPECT_TRUE(eventually([&] { return server.port() != 0; })) << server.trouble();
    return server.port();
}

std::unique_ptr<HttpServer> serve(HttpOptions options, std::map<std::string, HttpServer::Route> routes) {
    auto server = HttpServer::make(std::move(options), std::move(routes));
    EXPECT_TRUE(server) << server.error().text();
    (*server)->start();
    return std::move(*server);
}

httplib::Client client(int port) {
    httplib::Client c("127.0.0.1", port);
    c.set_read_timeout(30);
    return c;
}

TEST(HttpServer, BindAddresses) {
    const auto read = [](std::string_view text) {
        auto parsed = parse_bind_address(text);
        return parsed ? parsed->host + "|" + std::to_string(parsed->port) : "error";
    };
    EXPECT_EQ(read(":9410"), "|9410");
    EXPECT_EQ(read("127.0.0.1:9410"), "127.0.0.1|9410");
    EXPECT_EQ(read("[::1]:9410"), "::1|9410");
    EXPECT_EQ(read("localhost:0"), "localhost|0");
    for (auto bad :
         {"", "9410", "127.0.0.1", "::1:9410", "[::1]", "[1.2.3.4]:1", "[]:1", ":x", ":", ":65536", ":-1", "a:1x"}) {
        EXPECT_EQ(read(bad), "error") << bad;
    }
    EXPECT_FALSE(HttpServer::make({.address = "nonsense"}, {}));
}

TEST(HttpServer, MetricsAndHealth) {
    Metrics metrics;
    metrics.gauge("g", "G.").only().set(1);
    ManualClock clock;
    Health health(clock);
    auto routes = health_routes(health);
    std::atomic<int> refreshed{0};
    std::atomic<std::int64_t> budget_ms{0};
    routes["/metrics"] = metrics_route(metrics, [&](Duration budget) {
        budget_ms = std::chrono::duration_cast<std::chrono::milliseconds>(budget).count();
        ++refreshed;
    });
    auto server = serve({.address = "127.0.0.1:0"}, routes);
    auto http = client(wait_for_port(*server));

    auto answer = http.Get("/metrics");
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 200);
    EXPECT_EQ(answer->get_header_value("Content-Type"), "text/plain; version=0.0.4; charset=utf-8");
    EXPECT_EQ(answer->body, "# HELP g G.\n# TYPE g gauge\ng 1\n");
    EXPECT_EQ(refreshed, 1);
    EXPECT_EQ(budget_ms, 8000);
    ASSERT_TRUE(http.Get("/metrics", httplib::Headers{{"X-Prometheus-Scrape-Timeout-Seconds", "3"}}));
    EXPECT_EQ(budget_ms, 2500);
    for (auto odd : {"x", "-1", "nan", "inf", "1e99", ""}) {
        ASSERT_TRUE(http.Get("/metrics", httplib::Headers{{"X-Prometheus-Scrape-Timeout-Seconds", odd}}));
        EXPECT_EQ(budget_ms, 8000) << odd;
    }

    answer = http.Get("/readyz");
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 503);
    EXPECT_THAT(answer->body, HasSubstr("still starting"));
    health.set("x", true);
    for (auto path : {"/readyz", "/livez", "/healthz"}) {
        answer = http.Get(path);
        ASSERT_TRUE(answer) << path;
        EXPECT_EQ(answer->status, 200) << path;
        EXPECT_EQ(answer->get_header_value("Content-Type"), "application/json");
    }
    health.set_terminating(true);
    EXPECT_EQ(http.Get("/healthz")->status, 503);
}

TEST(HttpServer, OtherPathsAndMethods) {
    auto server = serve({.address = "127.0.0.1:0"},
                        {{"/x",
                          [](Duration) {
                              return HttpAnswer{200, "text/plain", "x\n"};
                          }},
                         {"/throws", [](Duration) -> HttpAnswer { throw std::runtime_error("boom"); }}});
    auto http = client(wait_for_port(*server));
    EXPECT_EQ(http.Get("/")->status, 404);
    EXPECT_EQ(http.Get("/x/../etc/passwd")->status, 404);
    EXPECT_EQ(http.Get("/x?query=1")->status, 200);
    EXPECT_EQ(http.Head("/x")->status, 200);
    EXPECT_EQ(http.Post("/x", "body", "text/plain")->status, 405);
    EXPECT_EQ(http.Put("/x", "body", "text/plain")->status, 405);
    EXPECT_EQ(http.Delete("/x")->status, 405);
    EXPECT_EQ(http.Get("/throws")->status, 500);
    EXPECT_EQ(http.Get("/x")->body, "x\n");
}

/// A raw TCP connection to the server.
Descriptor connect_to(int port) {
    Descriptor fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    return fd;
}

TEST(HttpServer, HostileRequests) {
    auto server = serve({.address = "127.0.0.1:0"}, {{"/x", [](Duration) {
                                                          return HttpAnswer{200, "text/plain", "x\n"};
                                                      }}});
    const int port = wait_for_port(*server);
    const std::string long_path = "GET /" + std::string(100'000, 'a') + " HTTP/1.1\r\n\r\n";
    const std::string long_header = "GET /x HTTP/1.1\r\nA: " + std::string(100'000, 'a') + "\r\n\r\n";
    const std::string big_body = "POST /x HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n" + std::string(10'000, 'a');
    for (const std::string& bytes :
         {std::string("\r\n\r\n"), std::string("\0\0\0\0", 4), std::string("GET"),
          std::string("GET /x HTTP/9.9\r\n\r\n"), long_path, long_header, big_body,
          std::string("GET /%00%ff HTTP/1.1\r\n\r\n"), std::string("GET /x HTTP/1.1\r\nRange: bytes=9-1\r\n\r\n"),
          std::string("\x16\x03\x01\x02\x00\x01\x00", 7)}) {
        const auto fd = connect_to(port);
        ::send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    }
    auto answer = client(port).Get("/x");
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->body, "x\n");
}

TEST(HttpServer, IdlePeersBlockNobody) {
    auto server = serve({.address = "127.0.0.1:0"}, {{"/x", [](Duration) {
                                                          return HttpAnswer{200, "text/plain", "x\n"};
                                                      }}});
    const int port = wait_for_port(*server);
    std::vector<Descriptor> idle;
    for (int i = 0; i < 12; ++i)
        idle.push_back(connect_to(port));
    auto answer = client(port).Get("/x");
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 200);
}

TEST(HttpServer, ABusyPortIsTriedAgain) {
    auto first = serve({.address = "127.0.0.1:0"}, {{"/x", [](Duration) {
                                                         return HttpAnswer{200, "text/plain", "first"};
                                                     }}});
    const int port = wait_for_port(*first);
    auto second = serve({.address = "127.0.0.1:" + std::to_string(port), .retry = 5ms},
                        {{"/x", [](Duration) {
                              return HttpAnswer{200, "text/plain", "second"};
                          }}});
    EXPECT_TRUE(eventually([&] { return !second->trouble().empty(); }));
    EXPECT_THAT(second->trouble(), HasSubstr("can't listen on 127.0.0.1:"));
    EXPECT_EQ(second->port(), 0);
    EXPECT_EQ(client(port).Get("/x")->body, "first");
    first->stop();
    EXPECT_EQ(wait_for_port(*second), port);
    EXPECT_EQ(second->trouble(), "");
    EXPECT_EQ(client(port).Get("/x")->body, "second");
}

TEST(HttpServer, StopsWhileRetryingAndAtOnceAfterStart) {
    auto first = serve({.address = "127.0.0.1:0"}, {});
    const int port = wait_for_port(*first);
    for (int i = 0; i < 20; ++i) {
        auto retrying = serve({.address = "127.0.0.1:" + std::to_string(port)}, {});
        auto fresh = serve({.address = "127.0.0.1:0"}, {});
        fresh->stop();
        fresh->stop();
    }
}

TEST(HttpServer, AllAddresses) {
    auto server = serve({.address = ":0"}, {{"/x", [](Duration) { return HttpAnswer{200, "text/plain", "x"}; }}});
    EXPECT_EQ(client(wait_for_port(*server)).Get("/x")->body, "x");
}

/// A self-signed certificate for 127.0.0.1 in two PEM files; its serial number tells it from others.
void write_pair(const std::string& cert_file, const std::string& key_file, long serial) {
    const std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key(EVP_EC_gen("P-256"), EVP_PKEY_free);
    const std::unique_ptr<X509, void (*)(X509*)> cert(X509_new(), X509_free);
    X509_set_version(cert.get(), 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert.get()), serial);
    X509_gmtime_adj(X509_getm_notBefore(cert.get()), -60);
    X509_gmtime_adj(X509_getm_notAfter(cert.get()), 3600);
    X509_set_pubkey(cert.get(), key.get());
    auto* name = X509_get_subject_name(cert.get());
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("weft"), -1, -1, 0);
    X509_set_issuer_name(cert.get(), name);
    X509_sign(cert.get(), key.get(), EVP_sha256());
    const std::unique_ptr<FILE, int (*)(FILE*)> c(std::fopen(cert_file.c_str(), "w"), std::fclose);
    const std::unique_ptr<FILE, int (*)(FILE*)> k(std::fopen(key_file.c_str(), "w"), std::fclose);
    ASSERT_TRUE(c && k);
    PEM_write_X509(c.get(), cert.get());
    PEM_write_PrivateKey(k.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
}

TEST(HttpServer, TlsWithRotation) {
    TempDir dir;
    const auto cert = dir.path("cert.pem"), key = dir.path("key.pem");
    HttpOptions options{.address = "127.0.0.1:0", .tls = TlsOptions{cert, key, "VersionTLS12", {}}, .retry = 5ms};
    auto server = serve(options, {{"/x", [](Duration) { return HttpAnswer{200, "text/plain", "x"}; }}});
    EXPECT_TRUE(eventually([&] { return !server->trouble().empty(); }));
    EXPECT_THAT(server->trouble(), HasSubstr("can't read " + cert));
    write_pair(cert, key, 1);
    const int port = wait_for_port(*server);
    const auto serial = [&]() -> long {
        httplib::SSLClient c("127.0.0.1", port);
        c.enable_server_certificate_verification(false);
        c.set_read_timeout(30);
        auto answer = c.Get("/x");
        if (!answer || answer->body != "x") return -1;
        // The handshake again, to look at the certificate.
        const std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> context(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
        const std::unique_ptr<SSL, void (*)(SSL*)> ssl(SSL_new(context.get()), SSL_free);
        const auto fd = connect_to(port);
        SSL_set_fd(ssl.get(), fd.get());
        if (SSL_connect(ssl.get()) != 1) return -2;
        const std::unique_ptr<X509, void (*)(X509*)> peer(SSL_get1_peer_certificate(ssl.get()), X509_free);
        return ASN1_INTEGER_get(X509_get_serialNumber(peer.get()));
    };
    EXPECT_EQ(serial(), 1);
    write_pair(cert, key, 2);
    EXPECT_EQ(serial(), 2) << "the pair is read again at every handshake";
    std::filesystem::remove(cert);
    EXPECT_EQ(serial(), -1);
    write_pair(cert, key, 3);
    EXPECT_EQ(serial(), 3);
    // Plain HTTP on the TLS port gets nothing, and others go on.
    EXPECT_FALSE(client(port).Get("/x"));
    EXPECT_EQ(serial(), 3);
}

TEST(HttpServer, TlsVersionAndCiphers) {
    TempDir dir;
    const auto cert = dir.path("cert.pem"), key = dir.path("key.pem");
    write_pair(cert, key, 1);
    auto bad = HttpServer::make({.address = ":0", .tls = TlsOptions{cert, key, "", {"TLS_NONSENSE"}}}, {});
    ASSERT_FALSE(bad);
    EXPECT_THAT(bad.error().text(), HasSubstr("unknown cipher suite \"TLS_NONSENSE\""));

    auto server = serve(
        {.address = "127.0.0.1:0",
         .tls =
             TlsOptions{
                 cert, key, "VersionTLS13", {"TLS_AES_128_GCM_SHA256", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"}}},
        {{"/x", [](Duration) {
              return HttpAnswer{200, "text/plain", "x"};
          }}});
    const int port = wait_for_port(*server);
    const auto connects = [&](int version) {
        const std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> context(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
        SSL_CTX_set_max_proto_version(context.get(), version);
        const std::unique_ptr<SSL, void (*)(SSL*)> ssl(SSL_new(context.get()), SSL_free);
        const auto fd = connect_to(port);
        SSL_set_fd(ssl.get(), fd.get());
        if (SSL_connect(ssl.get()) != 1) return std::string("refused");
        return std::string(SSL_CIPHER_standard_name(SSL_get_current_cipher(ssl.get())));
    };
    EXPECT_EQ(connects(TLS1_3_VERSION), "TLS_AES_128_GCM_SHA256");
    EXPECT_EQ(connects(TLS1_2_VERSION), "refused");
}

}  // namespace
}  // namespace weft::services
