#include "cni/server/operation.hpp"

#include <weft/base/log.hpp>

namespace weft::cni {

void Operation::finish(Reply reply) {
    if (finished_) return;
    finished_ = true;
    const auto self = shared_from_this();
    const auto took = Clock::system().now() - arrived_;
    const std::string name(to_string(command()));
    hub_.count([&](CniMetrics& m) { (reply.error ? m.failures : m.requests)[name].add(took); });
    if (hub_.options.request_done) hub_.options.request_done(name, reply.error.has_value(), took);
    const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(took).count();
    if (reply.error) {
        // Runtimes ask for the status every few seconds; why it is bad is logged when it becomes so.
        log(command() == Command::status ? LogLevel::debug : LogLevel::warn, "cni", name + " failed",
            {{"container", invocation().container_id},
             {"args", invocation().args.substr(0, 300)},
             {"error", reply.error->msg},
             {"details", reply.error->details},
             {"ms", std::to_string(milliseconds)}});
    } else if (command() == Command::add || command() == Command::del) {
        log(LogLevel::info, "cni", name + " done",
            {{"container", invocation().container_id}, {"ms", std::to_string(milliseconds)}});
    }
    for (const auto& [id, waiter] : std::exchange(waiters_, {}))
        waiter(reply);
    hub_.finished(*this);
}

}  // namespace weft::cni
