#pragma once

#include "measure.hpp"
#include "ovsdb/client.hpp"
#include "ovsdb/table.hpp"

#include <weft/testing/testbed/kube_client.hpp>

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

/// Who looks at the far sides while weftd works, and notes when things come and go.
namespace weft::bench {

/// Counts the rows of a table, of a northbound database's switch ports unless told otherwise; asks for nothing but
/// their names.
class PortWatch {
  public:
    explicit PortWatch(const std::string& remote);
    PortWatch(const std::string& remote, const ovsdb::DatabaseInfo& database, std::string_view table);
    ~PortWatch();
    PortWatch(const PortWatch&) = delete;
    PortWatch& operator=(const PortWatch&) = delete;

    std::size_t count() const;
    /// Waits until there are so many and gives the moment when that became so; nothing after the time limit.
    std::optional<TimePoint> wait_count(std::size_t count, std::chrono::seconds limit = std::chrono::seconds(120));
    /// Each update that touched ports was one transaction.
    std::size_t transactions() const;

  private:
    void run();

    ovsdb::Client client_;
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::size_t count_ = 0;
    std::size_t transactions_ = 0;
    TimePoint at_{};
    bool stop_ = false;
    std::thread thread_;
};

/// When pods appear, get their annotation and go, as a watch of the API server tells it.
class PodWatch {
  public:
    struct Seen {
        std::optional<TimePoint> added, annotated, deleted;
    };
    explicit PodWatch(testing::ApiEndpoint endpoint);
    ~PodWatch();
    PodWatch(const PodWatch&) = delete;
    PodWatch& operator=(const PodWatch&) = delete;

    /// The first list is in.
    bool wait_listed();
    /// Waits until `done` holds for what is known of the pod.
    std::optional<Seen> wait(const std::string& name, const std::function<bool(const Seen&)>& done);

  private:
    void changed(std::string_view type, JsonView pod);

    std::mutex mutex_;
    std::condition_variable changed_;
    bool listed_ = false;
    std::map<std::string, Seen, std::less<>> pods_;
    std::unique_ptr<testing::ObjectWatch> watch_;
};

}  // namespace weft::bench
