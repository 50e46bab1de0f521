#include "cni/server/operation.hpp"

#include "cni/spec.hpp"

#include <weft/base/log.hpp>

namespace weft::cni {

namespace {

/// namespace/name, or what was given instead.
std::string pod_of(const Invocation& invocation) {
    const auto pod = parse_args(invocation.args);
    return pod ? pod->ns + "/" + pod->name : invocation.args.substr(0, 300);
}

}  // namespace

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
            {{"pod", pod_of(invocation())},
             {"container", invocation().container_id},
             {"error", reply.error->msg},
             {"details", reply.error->details},
             {"ms", std::to_string(milliseconds)}});
    } else if (command() == Command::add || command() == Command::del) {
        log(LogLevel::info, "cni", name + " done",
            {{"pod", pod_of(invocation())},
             {"container", invocation().container_id},
             {"ms", std::to_string(milliseconds)}});
    }
    for (const auto& [id, waiter] : std::exchange(waiters_, {}))
        waiter(reply);
    hub_.finished(*this);
}

}  // namespace weft::cni
