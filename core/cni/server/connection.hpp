#pragma once

#include "cni/message.hpp"
#include "cni/server/hub.hpp"

#include <functional>
#include <memory>
#include <string>

namespace weft::cni {

/// One client: reads a request within its deadline, hands it on, writes the reply, closes. On the loop's thread. It
/// lives until `closed` is called.
class Connection : public std::enable_shared_from_this<Connection> {
  public:
    Connection(Hub& hub, Fd socket, std::function<void()> closed);
    void start();
    /// An answer to somebody whose request isn't even read.
    void refuse(CniError why);
    /// Reads what has come by now; true when the request is still not whole.
    bool still_silent();
    void close();

  private:
    void ready(std::uint32_t events);
    void read();
    void handle(std::string_view message);
    void answer(const Reply& reply);
    void write();

    Hub& hub_;
    Fd socket_;
    std::function<void()> closed_;
    Loop::TimerId deadline_ = 0;
    FrameReader reader_;
    std::weak_ptr<Operation> operation_;
    std::uint64_t waiter_ = 0;
    std::string reply_;
    std::size_t written_ = 0;
    bool answering_ = false;
    bool open_ = true;
};

}  // namespace weft::cni
