#include "services/metrics.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <stdexcept>

namespace weft::services {

namespace {

bool is_name(std::string_view text, bool colon) {
    const auto letter = [&](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (colon && c == ':');
    };
    return !text.empty() && letter(text[0]) &&
           std::ranges::all_of(text, [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

void append_number(std::string& out, double value) {
    if (std::isnan(value)) {
        out += "NaN";
    } else if (std::isinf(value)) {
        out += value > 0 ? "+Inf" : "-Inf";
    } else {
        char buffer[40];
        const auto whole = value == std::floor(value) && std::abs(value) < 1e15;
        const auto end = whole ? std::to_chars(buffer, std::end(buffer), static_cast<std::int64_t>(value)).ptr
                               : std::to_chars(buffer, std::end(buffer), value).ptr;
        out.append(buffer, end);
    }
}

/// Backslash and newline are escaped, in a label's value the quote too.
void append_escaped(std::string& out, std::string_view text, bool quote) {
    for (char c : text) {
        if (c == '\\') {
            out += "\\\\";
        } else if (c == '\n') {
            out += "\\n";
        } else if (c == '"' && quote) {
            out += "\\\"";
        } else {
            out.push_back(c);
        }
    }
}

/// name{a="x",le="0.5"}; `bound` is the text of "le", empty for none.
void append_series(std::string& out, const std::string& name, const std::vector<std::string>& labels,
                   const LabelValues& values, std::string_view bound = {}) {
    out += name;
    char open = '{';
    const auto label = [&](std::string_view label_name, std::string_view value) {
        out.push_back(open);
        open = ',';
        out.append(label_name).append("=\"");
        append_escaped(out, value, true);
        out.push_back('"');
    };
    for (std::size_t i = 0; i < labels.size(); ++i)
        label(labels[i], values[i]);
    if (!bound.empty()) label("le", bound);
    if (open == ',') out.push_back('}');
    out.push_back(' ');
}

void append_line(std::string& out, const std::string& name, const std::vector<std::string>& labels,
                 const LabelValues& values, double value, std::string_view bound = {}) {
    append_series(out, name, labels, values, bound);
    append_number(out, value);
    out.push_back('\n');
}

/// A family whose values are read at the scrape.
class Pulled final : public detail::AnyFamily {
  public:
    Pulled(Metrics::Kind kind, std::string name, std::string help, std::vector<std::string> labels,
           std::function<std::vector<Sample>()> read)
        : AnyFamily(std::move(name), std::move(help), std::move(labels)),
          kind_(kind),
          read_(std::move(read)) {}

    std::string_view type() const override { return kind_ == Metrics::Kind::counter ? "counter" : "gauge"; }
    void write(std::string& out) const override {
        const auto samples = read_();
        if (samples.empty()) return;
        write_head(out);
        for (const auto& sample : samples) {
            detail::check_label_count(name_, labels_.size(), sample.labels.size());
            append_line(out, name_, labels_, sample.labels, sample.value);
        }
    }

  private:
    Metrics::Kind kind_;
    std::function<std::vector<Sample>()> read_;
};

}  // namespace

void AtomicNumber::add(double by) {
    double now = value_.load(std::memory_order_relaxed);
    while (!value_.compare_exchange_weak(now, now + by, std::memory_order_relaxed)) {
    }
}

Histogram::Histogram(std::vector<double> bounds) : bounds_(std::move(bounds)), counts_(bounds_.size() + 1) {
    if (!std::ranges::is_sorted(bounds_)) throw std::logic_error("a histogram's bounds must ascend");
}

void Histogram::observe(double value) {
    const auto at = std::ranges::lower_bound(bounds_, value) - bounds_.begin();
    counts_[static_cast<std::size_t>(at)].fetch_add(1, std::memory_order_relaxed);
    sum_.add(value);
}

std::vector<std::uint64_t> Histogram::cumulative() const {
    std::vector<std::uint64_t> out;
    std::uint64_t total = 0;
    for (const auto& count : counts_)
        out.push_back(total += count.load(std::memory_order_relaxed));
    return out;
}

std::vector<double> exponential_buckets(double start, double factor, int count) {
    std::vector<double> out;
    for (int i = 0; i < count; ++i, start *= factor)
        out.push_back(start);
    return out;
}

namespace detail {

AnyFamily::AnyFamily(std::string name, std::string help, std::vector<std::string> labels)
    : name_(std::move(name)),
      help_(std::move(help)),
      labels_(std::move(labels)) {
    if (!is_name(name_, true)) throw std::logic_error("\"" + name_ + "\" is no metric name");
    for (const auto& label : labels_) {
        if (!is_name(label, false) || label.starts_with("__") || label == "le") {
            throw std::logic_error("\"" + label + "\" is no label name");
        }
    }
}

void AnyFamily::write_head(std::string& out) const {
    out.append("# HELP ").append(name_).push_back(' ');
    append_escaped(out, help_, false);
    out.append("\n# TYPE ").append(name_).append(" ").append(type()).push_back('\n');
}

void write_metric(std::string& out, const std::string& name, const std::vector<std::string>& labels,
                  const LabelValues& values, const Counter& metric) {
    append_line(out, name, labels, values, metric.value());
}

void write_metric(std::string& out, const std::string& name, const std::vector<std::string>& labels,
                  const LabelValues& values, const Gauge& metric) {
    append_line(out, name, labels, values, metric.value());
}

void write_metric(std::string& out, const std::string& name, const std::vector<std::string>& labels,
                  const LabelValues& values, const Histogram& metric) {
    const auto counts = metric.cumulative();
    for (std::size_t i = 0; i < counts.size(); ++i) {
        std::string bound = "+Inf";
        if (i < metric.bounds().size()) {
            bound.clear();
            append_number(bound, metric.bounds()[i]);
        }
        append_line(out, name + "_bucket", labels, values, static_cast<double>(counts[i]), bound);
    }
    append_line(out, name + "_sum", labels, values, metric.sum());
    append_line(out, name + "_count", labels, values, static_cast<double>(counts.back()));
}

void check_label_count(const std::string& name, std::size_t expected, std::size_t given) {
    if (expected == given) return;
    throw std::logic_error(name + " has " + std::to_string(expected) + " labels, not " + std::to_string(given));
}

}  // namespace detail

Metrics::Metrics() = default;
Metrics::~Metrics() = default;

template <class M>
Family<M>& Metrics::family(std::string name, std::string help, std::vector<std::string> labels,
                           std::function<std::unique_ptr<M>()> make) {
    const std::scoped_lock lock(mutex_);
    auto& slot = families_[name];
    if (!slot) {
        try {
            slot = std::make_unique<Family<M>>(name, std::move(help), std::move(labels), std::move(make));
        } catch (...) {
            families_.erase(name);
            throw;
        }
        return static_cast<Family<M>&>(*slot);
    }
    auto* same = dynamic_cast<Family<M>*>(slot.get());
    if (!same || same->label_names() != labels) {
        throw std::logic_error("metric " + name + " is there already with another type or other labels");
    }
    return *same;
}

Family<Counter>& Metrics::counter(std::string name, std::string help, std::vector<std::string> labels) {
    return family<Counter>(std::move(name), std::move(help), std::move(labels),
                           [] { return std::make_unique<Counter>(); });
}

Family<Gauge>& Metrics::gauge(std::string name, std::string help, std::vector<std::string> labels) {
    return family<Gauge>(std::move(name), std::move(help), std::move(labels), [] { return std::make_unique<Gauge>(); });
}

Family<Histogram>& Metrics::histogram(std::string name, std::string help, std::vector<double> bounds,
                                      std::vector<std::string> labels) {
    return family<Histogram>(std::move(name), std::move(help), std::move(labels),
                             [bounds = std::move(bounds)] { return std::make_unique<Histogram>(bounds); });
}

void Metrics::pull(Kind kind, const std::string& name, std::string help, std::vector<std::string> labels,
                   std::function<std::vector<Sample>()> read) {
    auto made = std::make_unique<Pulled>(kind, name, std::move(help), std::move(labels), std::move(read));
    const std::scoped_lock lock(mutex_);
    if (!families_.try_emplace(name, std::move(made)).second)
        throw std::logic_error("metric " + name + " is there already");
}

std::string Metrics::text() const {
    std::string out;
    const std::scoped_lock lock(mutex_);
    for (const auto& [name, family] : families_)
        family->write(out);
    return out;
}

}  // namespace weft::services
