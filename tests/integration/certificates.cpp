#include "integration/certificates.hpp"

#include <weft/testing/testbed/process.hpp>

#include <fstream>
#include <stdexcept>
#include <utility>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace weft::test {

Result<Certificates> Certificates::make(std::filesystem::path dir) {
    Certificates made(std::move(dir));
    for (const char* ca : {"ca", "other-ca"}) {
        const auto done =
            testing::run_ok({"openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
                             "/CN=" + std::string(ca), "-keyout", made.key(ca), "-out", made.certificate(ca)});
        if (!done) return done.error();
    }
    for (const auto& [name, ca] :
         {std::pair("server", "ca"), std::pair("client", "ca"), std::pair("stranger", "other-ca")}) {
        if (auto done = made.add(name, ca); !done) return done.error();
    }
    return made;
}

Result<void> Certificates::add(const std::string& name, const std::string& ca, int days) const {
    return issue(name, ca, {"/CN=" + name, days});
}

Result<void> Certificates::issue(const std::string& name, const std::string& ca, const Request& wanted) const {
    const std::string request = (dir_ / (name + ".csr")).string();
    const auto asked = testing::run_ok({"openssl", "req", "-newkey", "rsa:2048", "-nodes", "-subj", wanted.subject,
                                        "-keyout", key(name), "-out", request});
    if (!asked) return asked.error();
    testing::Argv sign{
        "openssl",         "x509", "-req",  "-CA",  certificate(ca),   "-CAkey", key(ca),
        "-CAcreateserial", "-in",  request, "-out", certificate(name), "-days",  std::to_string(wanted.days)};
    if (!wanted.names.empty()) {
        const auto extensions = dir_ / (name + ".ext");
        std::ofstream(extensions) << "subjectAltName = " << wanted.names << "\n";
        sign.insert(sign.end(), {"-extfile", extensions.string()});
    }
    const auto given = testing::run_ok(sign);
    return given ? Result<void>() : Result<void>(given.error());
}

void Certificates::copy(const std::string& from, const std::string& to) const {
    constexpr auto over = std::filesystem::copy_options::overwrite_existing;
    std::filesystem::copy_file(certificate(from), certificate(to), over);
    std::filesystem::copy_file(key(from), key(to), over);
}

std::vector<std::string> Certificates::server_arguments(const std::string& port) const {
    return {"--remote=pssl:" + port + ":127.0.0.1", "--ca-cert=" + certificate("ca"),
            "--certificate=" + certificate("server"), "--private-key=" + key("server")};
}

int free_port() {
    const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    const bool found = ::bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                       ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0;
    ::close(fd);
    if (!found) throw std::runtime_error("no free port on loopback");
    return ntohs(address.sin_port);
}

}  // namespace weft::test
