#pragma once

#include <weft/base/result.hpp>

#include <map>
#include <string>

namespace weft::testing {

/// A scrape, read as strictly as the text format is described.
struct Scrape {
    std::map<std::string, std::string> types;  ///< family -> "counter", "gauge", "histogram"
    std::map<std::string, double> samples;     ///< "name{label=\"value\"}" as written -> value

    double value(const std::string& sample) const;
    bool has(const std::string& sample) const { return samples.contains(sample); }
    /// Is there a sample of this name with any labels?
    bool has_family(const std::string& name) const;
};

/// An error names the first line that breaks a rule: HELP and TYPE before samples, names, labels, numbers, no sample
/// twice, families in one piece, counters that end in _total or belong to upstream, histograms that add up.
Result<Scrape> parse_scrape(const std::string& text);

}  // namespace weft::testing
