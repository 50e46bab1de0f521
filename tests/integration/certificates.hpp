#pragma once

#include <weft/base/result.hpp>

#include <filesystem>
#include <string>
#include <vector>

/// What the tests of TLS and TCP connections to databases share.
namespace weft::test {

/// Keys and certificates that openssl makes in a folder: NAME.pem and NAME.key. At first there are two authorities,
/// "ca" and "other-ca", with "server" and "client" of the one and "stranger" of the other.
class Certificates {
  public:
    static Result<Certificates> make(std::filesystem::path dir);

    /// A certificate of whom ("/CN=me"), valid for so many days from now (-1 makes one that has expired), with the
    /// names and addresses of a server ("IP:127.0.0.1,DNS:localhost").
    struct Request {
        std::string subject;
        int days = 2;
        std::string names = {};
    };
    Result<void> issue(const std::string& name, const std::string& ca, const Request& request) const;
    /// Valid for so many days from now; -1 makes one that has expired.
    Result<void> add(const std::string& name, const std::string& ca, int days = 2) const;
    /// Gives `to` what `from` has, over what was there.
    void copy(const std::string& from, const std::string& to) const;

    std::string certificate(const std::string& name) const { return (dir_ / (name + ".pem")).string(); }
    std::string key(const std::string& name) const { return (dir_ / (name + ".key")).string(); }
    /// What makes an ovsdb-server listen with TLS on this port of loopback, as "server", and believe "ca".
    std::vector<std::string> server_arguments(const std::string& port) const;

  private:
    explicit Certificates(std::filesystem::path dir) : dir_(std::move(dir)) {}
    std::filesystem::path dir_;
};

/// A loopback port that was free a moment ago. Somebody else may take it: then the server says so in its log and the
/// test fails.
int free_port();

}  // namespace weft::test
