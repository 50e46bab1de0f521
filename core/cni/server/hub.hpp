#pragma once

#include "cni/message.hpp"
#include "cni/server/loop.hpp"
#include "cni/server/server.hpp"
#include "cni/server/switch_rows.hpp"
#include "engine/keyed_rows.hpp"

#include <weft/engine/operator.hpp>
#include <weft/tables/cni.hpp>

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

namespace weft::cni {

class Operation;

/// What the server knows and has under way. Everything but the methods marked otherwise belongs to the loop's thread.
class Hub final : public SwitchListener {
  public:
    Hub(ServerOptions options, PodSource& pods, SwitchPorts& ports, ProgressProbe& probe);
    ~Hub();

    // Any thread.
    Result<void> start();
    /// Ends requests in progress, then the threads.
    void stop(const std::function<void()>& on_loop);
    void changed(std::span<const Change> changes);
    void rows_known();
    void condition(const std::string& name, std::string reason);
    void gate(const std::string& name, std::string reason);
    void container_runtime(std::string name);
    void pods_changed();
    ServerStatus status() const;
    CniMetrics metrics() const;
    void switch_connected(std::string datapath_type, std::vector<SwitchInterface> interfaces) override;
    void switch_lost(std::string reason) override;
    void datapath_changed(std::string datapath_type) override;
    void interface_changed(SwitchInterface interface) override;
    void interface_gone(std::string name) override;

    /// Takes a request; its waiters are told when it is done.
    void submit(std::shared_ptr<Operation> operation);
    /// From an operation that is done.
    void finished(Operation& operation);

    /// Runs `job` on a worker, and `then` with its result on the loop.
    template <class T>
    void on_worker(std::function<Result<T>()> job, std::function<void(Result<T>)> then) {
        workers_.post([loop = shared_loop, job = std::move(job), then = std::move(then)] {
            Result<T> result = [&]() -> Result<T> {
                try {
                    return job();
                } catch (const std::exception& e) {
                    return broken(std::string("kernel work threw: ") + e.what());
                }
            }();
            loop->post([then, result = std::move(result)]() mutable { then(std::move(result)); });
        });
    }
    /// One transaction on the bridge. `then` comes on the loop, once, at the latest after `patience`.
    void apply(std::vector<PortOperation> operations, Duration patience, std::function<void(Result<void>)> then);
    /// Removes ports, then their links; `then` gets what could not be done (links that are gone are done).
    void remove_ports(std::vector<std::string> ports, std::vector<std::string> links,
                      std::function<void(Result<void>)> then);

    RowPtr pod_interface(const std::string& key) const;
    const SwitchInterfaces& on_switch() const { return on_switch_; }
    bool connected() const { return connected_; }
    const std::string& lost_reason() const { return lost_reason_; }
    const std::string& datapath_type() const { return datapath_type_; }
    /// Why the node can't serve pods; empty when it can.
    std::string not_ready() const;
    /// Of requests in progress, but `except`.
    std::vector<std::shared_ptr<Operation>> operations(const Operation* except = nullptr) const;
    std::set<std::string> busy_sandboxes() const;
    void scrub_later();
    void count(const std::function<void(CniMetrics&)>& change);

    const ServerOptions options;
    PodSource& pods;
    ProgressProbe& probe;
    /// For callbacks that may come after the hub is gone: a loop that has stopped drops what is posted.
    const std::shared_ptr<Loop> shared_loop = std::make_shared<Loop>();
    Loop& loop = *shared_loop;

  private:
    void take(const Change& change);
    void tell_switch(const std::string* name);
    void start_next(const std::string& queue);
    void serve_or_not();
    std::string conf_text() const;
    void know();
    void scrub();
    void scrub_strangers(const Result<std::set<std::string>>& local);
    void update_status();

    SwitchPorts& ports_;
    Workers workers_;
    const ConfFile conf_file_;
    std::string container_runtime_;  ///< as its Node names it
    bool started_ = false;
    bool known_ = false;  ///< no condition means that there is none, rather than none yet
    bool stopping_ = false;

    engine::KeyedRows interfaces_;
    std::map<std::string, RowPtr> conditions_;
    std::map<std::string, std::string> gates_;      ///< those of them that refuse an ADD as well
    std::map<std::string, std::string> obstacles_;  ///< from weftd itself: name -> reason
    SwitchInterfaces on_switch_;
    bool connected_ = false;
    std::string lost_reason_ = "not connected yet";
    std::string datapath_type_;

    /// Requests about one attachment run one after the other; those about none have a queue of their own.
    std::map<std::string, std::deque<std::shared_ptr<Operation>>> queues_;
    std::uint64_t last_queue_ = 0;
    std::function<void()> idle_;  ///< told when the last operation ended, while stopping
    bool serving_ = false;
    Loop::TimerId conf_retry_ = 0;
    bool scrub_planned_ = false;

    mutable std::mutex shared_mutex_;
    ServerStatus status_;
    CniMetrics metrics_;
};

}  // namespace weft::cni
