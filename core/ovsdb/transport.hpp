#pragma once

#include "ovsdb/remote.hpp"

#include <weft/base/result.hpp>

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace weft::ovsdb {

/// Files for ssl: remotes, in PEM. Read again at every connection, so that rotated ones are picked up.
struct TlsFiles {
    std::string ca_cert;
    std::string certificate;
    std::string private_key;
    std::string server_name;  ///< that the server's certificate must carry; empty: any
};

/// One connected byte stream that never blocks. Used by one thread.
class Transport {
  public:
    struct Io {
        enum class State { done, blocked, closed };
        State state = State::blocked;
        std::size_t size = 0;  ///< bytes moved, when done
        std::string why;       ///< when closed; empty for an orderly end
    };

    virtual ~Transport();
    int fd() const { return fd_; }

    /// Goes on with connecting (and the TLS handshake): true when the stream is up.
    virtual Result<bool> establish() = 0;
    virtual Io read(std::span<char> to) = 0;
    virtual Io write(std::string_view bytes) = 0;
    /// What epoll must wait for before establish(), read() or write() can get on, beside what the caller wants itself.
    virtual bool wants_write() const = 0;
    /// Bytes are here that epoll doesn't know of.
    virtual bool has_buffered() const { return false; }

    Transport(const Transport&) = delete;
    Transport& operator=(const Transport&) = delete;

  protected:
    explicit Transport(int fd) : fd_(fd) {}

    int fd_;
};

/// Starts to connect. A host name is looked up here, which may take its time: unix sockets and addresses don't.
Result<std::unique_ptr<Transport>> open_transport(const Remote& remote, const TlsFiles& tls);

}  // namespace weft::ovsdb
