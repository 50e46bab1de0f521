#include "kube/access.hpp"

#include "kube/backoff.hpp"
#include "kube/credentials.hpp"
#include "kube/files.hpp"
#include "kube/times.hpp"
#include "kube/transport.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weft::kube {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class Files : public testing::Test {
  protected:
    Files() {
        std::string pattern = (std::filesystem::temp_directory_path() / "weft-kube-XXXXXX").string();
        folder = mkdtemp(pattern.data());
    }
    ~Files() override { std::filesystem::remove_all(folder); }

    std::string write(const std::string& name, const std::string& text) const {
        std::filesystem::create_directories((folder / name).parent_path());
        std::ofstream(folder / name) << text;
        return (folder / name).string();
    }

    std::filesystem::path folder;
    int saved = 0;
};

using KubeconfigTest = Files;

std::string kubeconfig(const std::string& cluster, const std::string& user) {
    return "apiVersion: v1\nkind: Config\ncurrent-context: c\n"
           "contexts: [{name: other, context: {cluster: x}}, {name: c, context: {cluster: k, user: u, namespace: "
           "web}}]\n"
           "clusters: [{name: k, cluster: " +
           cluster + "}]\nusers: [{name: u, user: " + user + "}]\n";
}

TEST_F(KubeconfigTest, DataAndFiles) {
    write("pki/ca.crt", "CA");
    write("pki/me.key", "KEY");
    const auto path = write(
        "config", kubeconfig("{server: \"https://h:6443/\", certificate-authority: pki/ca.crt, tls-server-name: api}",
                             "{client-certificate-data: Q0VSVA==, client-key: pki/me.key}"));
    const auto access = access_from_kubeconfig(path);
    ASSERT_TRUE(access) << access.error().text();
    EXPECT_EQ(access->server, "https://h:6443");
    EXPECT_EQ(access->ca, "CA");
    EXPECT_EQ(access->tls_server_name, "api");
    EXPECT_EQ(access->certificate, "CERT");
    EXPECT_EQ(access->key_file, (folder / "pki/me.key").string());
    EXPECT_EQ(access->default_namespace, "web");
    EXPECT_TRUE(access->verify);
}

TEST_F(KubeconfigTest, Tokens) {
    const auto path =
        write("config", kubeconfig("{server: \"http://h:8080\", insecure-skip-tls-verify: true}", "{token: abc}"));
    const auto access = access_from_kubeconfig(path);
    ASSERT_TRUE(access) << access.error().text();
    EXPECT_EQ(access->token, "abc");
    EXPECT_FALSE(access->verify);
    write("t", "from file\n");
    const auto filed =
        access_from_kubeconfig(write("config2", kubeconfig("{server: \"http://h\"}", "{token: abc, tokenFile: t}")));
    ASSERT_TRUE(filed);
    EXPECT_EQ(filed->token, "");
    EXPECT_EQ(filed->token_file, (folder / "t").string());
}

TEST_F(KubeconfigTest, SaysWhatIsWrongAndWhere) {
    const auto error = [&](const std::string& cluster, const std::string& user) {
        const auto access = access_from_kubeconfig(write("config", kubeconfig(cluster, user)));
        return access ? std::string("accepted") : access.error().text();
    };
    const std::string good = "{server: \"https://h\"}";
    EXPECT_THAT(error(good, "{exec: {command: aws}}"),
                testing::AllOf(HasSubstr("users[u].exec"), HasSubstr("does not run")));
    EXPECT_THAT(error(good, "{auth-provider: {name: gcp}}"), HasSubstr("users[u].auth-provider"));
    EXPECT_THAT(error(good, "{username: a, password: b}"), HasSubstr("users[u].username"));
    EXPECT_THAT(error(good, "{client-certificate-data: Q0VSVA==}"), HasSubstr("without its key"));
    EXPECT_THAT(error(good, "{client-certificate-data: \"***\"}"),
                HasSubstr("client-certificate-data: holds no base64"));
    EXPECT_THAT(error(good, "{tokenFile: /nonexistent}"), HasSubstr("/nonexistent"));
    EXPECT_THAT(error("{server: \"ftp://h\"}", "{}"), HasSubstr("clusters[k].server"));
    EXPECT_THAT(error("{server: \"https://h\", certificate-authority: missing}", "{}"),
                HasSubstr("certificate-authority"));
    EXPECT_THAT(access_from_kubeconfig((folder / "none").string()).error().what, HasSubstr("not found"));
    EXPECT_THAT(access_from_kubeconfig(write("bad", "a: [b")).error().text(), HasSubstr("not valid YAML"));
    EXPECT_THAT(access_from_kubeconfig(write("list", "- a")).error().text(), HasSubstr("no kubeconfig"));
    EXPECT_THAT(access_from_kubeconfig(write("empty", "kind: Config")).error().text(), HasSubstr("current-context"));
    EXPECT_THAT(access_from_kubeconfig(write("config", kubeconfig(good, "{}")), "nope").error().text(),
                HasSubstr("\"nope\""));
}

TEST_F(KubeconfigTest, ChoiceOfAccess) {
    AccessSettings settings;
    settings.apiserver = "https://h:6443";
    EXPECT_THAT(choose_access(settings).error().text(), HasSubstr("needs a CA"));
    settings.cacert = write("ca", "CA");
    EXPECT_THAT(choose_access(settings).error().text(), HasSubstr("needs credentials"));
    settings.token = "t";
    EXPECT_TRUE(choose_access(settings));
    settings.cert_dir = "/certs";
    EXPECT_EQ(choose_access(settings)->token, "");
    EXPECT_EQ(choose_access(settings)->certificate_file, "/certs/ovnkube-client-current.pem");
    settings = {};
    settings.apiserver = "http://localhost:8443";
    EXPECT_EQ(choose_access(settings)->server, "http://localhost:8443");
    settings.apiserver = "gopher://x";
    EXPECT_THAT(choose_access(settings).error().text(), HasSubstr("scheme \"gopher\" invalid"));
}

TEST_F(KubeconfigTest, TheServerOfABootstrapKubeconfigAndNothingElseOfIt) {
    AccessSettings settings;
    settings.apiserver = "http://localhost:8443";
    settings.cert_dir = "/certs";
    settings.bootstrap_kubeconfig =
        write("kubelet.conf", kubeconfig("{server: 'https://h:6443', tls-server-name: t}", "{token: secret}"));
    auto access = choose_access(settings);
    ASSERT_TRUE(access) << access.error().text();
    EXPECT_EQ(access->server, "https://h:6443");
    EXPECT_EQ(access->tls_server_name, "t");
    EXPECT_EQ(access->token, "");
    EXPECT_EQ(access->certificate_file, "/certs/ovnkube-client-current.pem");
    EXPECT_EQ(access->key_file, access->certificate_file);
    settings.apiserver = "https://other:1";
    settings.cacert = write("ca", "CA");
    access = choose_access(settings);
    ASSERT_TRUE(access) << access.error().text();
    EXPECT_EQ(access->server, "https://other:1");
    EXPECT_EQ(access->ca, "CA");
    EXPECT_EQ(access->certificate_file, "/certs/ovnkube-client-current.pem");
    settings = {.apiserver = "http://x", .cert_dir = "/certs", .bootstrap_kubeconfig = "/nowhere"};
    EXPECT_THAT(choose_access(settings).error().text(), HasSubstr("/nowhere"));
}

TEST_F(KubeconfigTest, InCluster) {
    setenv("KUBERNETES_SERVICE_HOST", "fd00::1", 1);
    setenv("KUBERNETES_SERVICE_PORT", "443", 1);
    EXPECT_FALSE(access_in_cluster(folder.string()));
    write("token", "t\n");
    write("ca.crt", "CA");
    write("namespace", "ns");
    const auto access = access_in_cluster(folder.string());
    ASSERT_TRUE(access) << access.error().text();
    EXPECT_EQ(access->server, "https://[fd00::1]:443");
    EXPECT_EQ(access->default_namespace, "ns");
    unsetenv("KUBERNETES_SERVICE_HOST");
    EXPECT_THAT(access_in_cluster(folder.string()).error().text(), HasSubstr("kubeconfig"));
}

TEST_F(KubeconfigTest, Proxies) {
    const auto with_proxy = [&](const std::string& proxy) {
        return access_from_kubeconfig(
            write("config", kubeconfig("{server: \"https://h\", proxy-url: \"" + proxy + "\"}", "{token: t}")));
    };
    EXPECT_THAT(with_proxy("proxy:3128").error().text(),
                testing::AllOf(HasSubstr("clusters[k].proxy-url"), HasSubstr("use http://, https:// or socks5://")));
    auto named = with_proxy("socks5://proxy:1080");
    ASSERT_TRUE(named) << named.error().text();
    for (const auto* name : {"https_proxy", "HTTP_PROXY", "http_proxy", "no_proxy"})
        unsetenv(name);
    setenv("HTTPS_PROXY", "proxy.example:3128", 1);
    setenv("NO_PROXY", "10.0.0.0/8,.internal", 1);
    use_environment_proxy(*named);
    EXPECT_EQ(named->proxy, "socks5://proxy:1080");
    EXPECT_EQ(named->no_proxy, "");

    const auto of = [](const std::string& server) {
        Access access;
        access.server = server;
        use_environment_proxy(access);
        return access;
    };
    EXPECT_EQ(of("https://h:6443").proxy, "http://proxy.example:3128");
    EXPECT_EQ(of("https://h:6443").no_proxy, "10.0.0.0/8,.internal");
    EXPECT_EQ(of("https://[fd00::1]:443").proxy, "http://proxy.example:3128");
    for (const auto* here : {"https://localhost:6443", "https://127.0.0.1", "https://[::1]:6443", "http://h"})
        EXPECT_EQ(of(here).proxy, "") << here;
    setenv("HTTPS_PROXY", "gopher://proxy", 1);
    AccessSettings settings;
    settings.kubeconfig = write("plain", kubeconfig("{server: \"https://h\"}", "{token: t}"));
    EXPECT_THAT(choose_access(settings).error().text(), HasSubstr("the environment's HTTPS_PROXY"));
    unsetenv("HTTPS_PROXY");
    unsetenv("NO_PROXY");
}

TEST_F(KubeconfigTest, IsReadAgainForWhatItHoldsItself) {
    ManualClock clock;
    const auto save = [&](const std::string& server, const std::string& user) {
        const auto path = write("config", kubeconfig("{server: \"" + server + "\"}", user));
        std::filesystem::last_write_time(path, std::filesystem::file_time_type::clock::now() + ++saved * 1s);
        return path;
    };
    Credentials credentials(*access_from_kubeconfig(save("https://h", "{token: one}")));
    EXPECT_FALSE(credentials.refresh(clock.now()));
    save("https://h", "{token: two}");
    credentials.doubt();
    EXPECT_TRUE(credentials.refresh(clock.now()));
    EXPECT_EQ(credentials.token(), "two");
    EXPECT_THAT(credentials.mend_unauthorized(clock.wall()),
                HasSubstr("check the token in " + (folder / "config").string()));
    save("https://elsewhere", "{token: three}");
    credentials.doubt();
    EXPECT_FALSE(credentials.refresh(clock.now())) << "another server needs a restart";
    save("https://h", "{token: ");
    credentials.doubt();
    EXPECT_FALSE(credentials.refresh(clock.now()));
    EXPECT_EQ(credentials.token(), "two") << "the last good one";
    write("token", "four");
    save("https://h", "{tokenFile: token}");
    credentials.doubt();
    EXPECT_TRUE(credentials.refresh(clock.now()));
    EXPECT_EQ(credentials.token(), "four");
}

TEST_F(KubeconfigTest, TokenFilesAreReadAgainAtMostOnceAMinute) {
    ManualClock clock;
    Access access;
    access.token_file = write("token", "one\n");
    Credentials credentials(access);
    EXPECT_TRUE(credentials.refresh(clock.now()));
    EXPECT_EQ(credentials.token(), "one");
    write("token", "two");
    std::filesystem::last_write_time(access.token_file, std::filesystem::file_time_type::clock::now() + 5s);
    clock.advance(59s);
    EXPECT_FALSE(credentials.refresh(clock.now()));
    EXPECT_EQ(credentials.token(), "one");
    clock.advance(2s);
    EXPECT_TRUE(credentials.refresh(clock.now()));
    EXPECT_EQ(credentials.token(), "two");
    std::filesystem::remove(access.token_file);
    clock.advance(61s);
    EXPECT_FALSE(credentials.refresh(clock.now()));
    EXPECT_EQ(credentials.token(), "two");
}

TEST_F(KubeconfigTest, TokensThatTheServerRefusedAreLookedAtAtOnce) {
    ManualClock clock;
    Access access;
    access.token_file = write("token", "one\n");
    Credentials credentials(access);
    EXPECT_TRUE(credentials.refresh(clock.now()));
    write("token", "two");
    std::filesystem::last_write_time(access.token_file, std::filesystem::file_time_type::clock::now() + 5s);
    clock.advance(1s);
    EXPECT_FALSE(credentials.refresh(clock.now()));
    credentials.doubt();
    EXPECT_TRUE(credentials.refresh(clock.now()));
    EXPECT_EQ(credentials.token(), "two");
    credentials.doubt();
    EXPECT_FALSE(credentials.refresh(clock.now())) << "there is no other";
}

TEST(Base64, Decodes) {
    EXPECT_EQ(decode_base64("aGVsbG8=").value_or(""), "hello");
    EXPECT_EQ(decode_base64("aGVs\nbG8h\n").value_or(""), "hello!");
    EXPECT_EQ(decode_base64("aA").value_or(""), "h");
    EXPECT_EQ(decode_base64("").value_or("x"), "");
    EXPECT_FALSE(decode_base64("a"));
    EXPECT_FALSE(decode_base64("aGV*"));
    EXPECT_FALSE(decode_base64("aA==bb"));
}

TEST(BackoffTest, DoublesToTheMostWithJitter) {
    double jitter = 0;
    Backoff backoff({800ms, 30s, 1.0}, [&] { return jitter; });
    EXPECT_EQ(backoff.next(), 800ms);
    EXPECT_EQ(backoff.next(), 1600ms);
    jitter = 0.5;
    EXPECT_EQ(backoff.next(), 4800ms);
    jitter = 0;
    for (int i = 0; i < 100; ++i)
        EXPECT_LE(backoff.next(), 30s);
    EXPECT_EQ(backoff.next(), 30s);
    EXPECT_EQ(backoff.next(45s), 45s);
    backoff.reset();
    EXPECT_EQ(backoff.next(), 800ms);
}

TEST(Times, AsKubernetesWritesThem) {
    const WallTime when(std::chrono::microseconds(1785578400000042));
    EXPECT_EQ(time_text(when), "2026-08-01T10:00:00Z");
    EXPECT_EQ(micro_time_text(when), "2026-08-01T10:00:00.000042Z");
}

TEST(AnswerTest, ReadsStatus) {
    Answer answer;
    answer.http = 429;
    read_status(answer, R"({"kind":"Status","reason":"TooManyRequests","message":"slow down","code":429,
                            "details":{"retryAfterSeconds":3,"causes":[{"reason":"ResourceVersionTooLarge"}]}})");
    EXPECT_EQ(answer.reason, "TooManyRequests");
    EXPECT_EQ(answer.retry_after, Duration(3s));
    EXPECT_TRUE(answer.version_too_large);
    EXPECT_EQ(answer.error("list pods").what, "list pods: HTTP 429 TooManyRequests: slow down");
    EXPECT_EQ(answer.error("x").kind, ErrorKind::again);
    Answer html;
    html.http = 403;
    read_status(html, "<html>no</html>");
    EXPECT_THAT(html.error("x").text(), testing::AllOf(HasSubstr("<html>no"), HasSubstr("weftctl rbac")));
    Answer none;
    none.trouble = "Connection refused";
    EXPECT_EQ(none.error("x").kind, ErrorKind::again);
    EXPECT_THAT(none.error("x").what, HasSubstr("Connection refused"));
}

}  // namespace
}  // namespace weft::kube
