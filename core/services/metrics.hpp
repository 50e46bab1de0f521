#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

/// Counters, gauges and histograms, and their text for Prometheus. Any thread may count; handles live as long as
/// Metrics.
namespace weft::services {

/// A number that several threads may add to.
class AtomicNumber {
  public:
    void add(double by);
    void set(double to) { value_.store(to, std::memory_order_relaxed); }
    double get() const { return value_.load(std::memory_order_relaxed); }

  private:
    std::atomic<double> value_{0};
};

class Counter {
  public:
    void add(double by = 1) { value_.add(by); }
    /// For a total that somebody else counts.
    void set_total(double total) { value_.set(total); }
    double value() const { return value_.get(); }

  private:
    AtomicNumber value_;
};

class Gauge {
  public:
    void set(double to) { value_.set(to); }
    void add(double by) { value_.add(by); }
    double value() const { return value_.get(); }

  private:
    AtomicNumber value_;
};

class Histogram {
  public:
    explicit Histogram(std::vector<double> bounds);
    void observe(double value);
    /// Observations up to and including each bound, then all; for the text and for tests.
    std::vector<std::uint64_t> cumulative() const;
    double sum() const { return sum_.get(); }
    const std::vector<double>& bounds() const { return bounds_; }

  private:
    std::vector<double> bounds_;
    std::vector<std::atomic<std::uint64_t>> counts_;  ///< one more than bounds: the last is +Inf
    AtomicNumber sum_;
};

/// `count` bounds from `start`, each `factor` times the one before.
std::vector<double> exponential_buckets(double start, double factor, int count);

using LabelValues = std::vector<std::string>;

namespace detail {

/// What the registry needs of a family.
class AnyFamily {
  public:
    virtual ~AnyFamily() = default;
    virtual void write(std::string& out) const = 0;
    virtual std::string_view type() const = 0;
    const std::vector<std::string>& label_names() const { return labels_; }

  protected:
    AnyFamily(std::string name, std::string help, std::vector<std::string> labels);
    void write_head(std::string& out) const;

    std::string name_, help_;
    std::vector<std::string> labels_;
};

void write_metric(std::string& out, const std::string& name, const std::vector<std::string>& labels,
                  const LabelValues& values, const Counter& metric);
void write_metric(std::string& out, const std::string& name, const std::vector<std::string>& labels,
                  const LabelValues& values, const Gauge& metric);
void write_metric(std::string& out, const std::string& name, const std::vector<std::string>& labels,
                  const LabelValues& values, const Histogram& metric);
void check_label_count(const std::string& name, std::size_t expected, std::size_t given);

}  // namespace detail

/// All metrics of one name: one for each combination of label values.
template <class M>
class Family final : public detail::AnyFamily {
  public:
    Family(std::string name, std::string help, std::vector<std::string> labels,
           std::function<std::unique_ptr<M>()> make)
        : AnyFamily(std::move(name), std::move(help), std::move(labels)),
          make_(std::move(make)) {
        if (labels_.empty()) with({});  // without labels the metric is there from the start
    }

    /// The metric with these label values, in the order of the label names; made at the first call.
    M& with(const LabelValues& values) {
        detail::check_label_count(name_, labels_.size(), values.size());
        const std::scoped_lock lock(mutex_);
        auto& metric = metrics_[values];
        if (!metric) metric = make_();
        return *metric;
    }
    /// The metric of a family without labels.
    M& only() { return with({}); }
    /// Forgets all metrics that `keep` says no to; their handles die.
    void retain(const std::function<bool(const LabelValues&)>& keep) {
        const std::scoped_lock lock(mutex_);
        std::erase_if(metrics_, [&](const auto& entry) { return !keep(entry.first); });
    }

    std::string_view type() const override {
        if constexpr (std::is_same_v<M, Counter>) return "counter";
        if constexpr (std::is_same_v<M, Gauge>) return "gauge";
        return "histogram";
    }
    void write(std::string& out) const override {
        const std::scoped_lock lock(mutex_);
        if (metrics_.empty()) return;
        write_head(out);
        for (const auto& [values, metric] : metrics_)
            detail::write_metric(out, name_, labels_, values, *metric);
    }

  private:
    std::function<std::unique_ptr<M>()> make_;
    mutable std::mutex mutex_;
    std::map<LabelValues, std::unique_ptr<M>> metrics_;
};

/// One value that is found out when somebody asks.
struct Sample {
    LabelValues labels;
    double value = 0;
};

/// The registry. Asking for a name again gives the same family; with another type or other labels it throws
/// std::logic_error, as does a name or label that Prometheus does not take.
class Metrics {
  public:
    Metrics();
    ~Metrics();
    Metrics(const Metrics&) = delete;
    Metrics& operator=(const Metrics&) = delete;

    Family<Counter>& counter(std::string name, std::string help, std::vector<std::string> labels = {});
    Family<Gauge>& gauge(std::string name, std::string help, std::vector<std::string> labels = {});
    Family<Histogram>& histogram(std::string name, std::string help, std::vector<double> bounds,
                                 std::vector<std::string> labels = {});
    /// Values owned elsewhere: `read` runs at each scrape, on the scraping thread.
    enum class Kind { counter, gauge };
    void pull(Kind kind, const std::string& name, std::string help, std::vector<std::string> labels,
              std::function<std::vector<Sample>()> read);

    /// The text exposition format, version 0.0.4, names in order.
    std::string text() const;

  private:
    template <class M>
    Family<M>& family(std::string name, std::string help, std::vector<std::string> labels,
                      std::function<std::unique_ptr<M>()> make);

    mutable std::mutex mutex_;
    std::map<std::string, std::unique_ptr<detail::AnyFamily>> families_;
};

}  // namespace weft::services
