#include "prometheus.hpp"

#include <cmath>
#include <regex>
#include <set>
#include <sstream>

namespace weft::testing {

namespace {

Error wrong(const std::string& what, const std::string& line) {
    return Error{ErrorKind::invalid, what + ": " + line, "", ""};
}

bool parse_number(const std::string& text, double& value) {
    if (text == "+Inf" || text == "-Inf" || text == "NaN") {
        value = text == "NaN" ? NAN : text == "+Inf" ? INFINITY : -INFINITY;
        return true;
    }
    std::size_t used = 0;
    try {
        value = std::stod(text, &used);
    } catch (const std::exception&) {
        return false;
    }
    return used == text.size();
}

/// The family that a sample's name belongs to.
std::string family_of(const std::string& name, const std::map<std::string, std::string>& types) {
    if (types.contains(name)) return name;
    for (const std::string suffix : {"_bucket", "_sum", "_count"}) {
        if (!name.ends_with(suffix)) continue;
        const auto base = name.substr(0, name.size() - suffix.size());
        const auto type = types.find(base);
        if (type != types.end() && type->second == "histogram") return base;
    }
    return {};
}

/// Buckets grow, and the last is the count.
Result<void> check_histograms(const Scrape& scrape) {
    const std::regex bucket(R"(^(.*)_bucket\{(.*)le="([^"]*)\"\}$)");
    std::map<std::string, std::map<double, double>> by_series;
    for (const auto& [sample, value] : scrape.samples) {
        std::smatch parts;
        if (!std::regex_match(sample, parts, bucket)) continue;
        double bound = 0;
        if (!parse_number(parts[3], bound)) return wrong("a bound is no number", sample);
        std::string labels = parts[2];
        if (labels.ends_with(',')) labels.pop_back();
        by_series[parts[1].str() + "_count" + (labels.empty() ? "" : "{" + labels + "}")][bound] = value;
    }
    for (const auto& [count, bounds] : by_series) {
        double before = 0;
        for (const auto& [bound, value] : bounds) {
            if (value < before) return wrong("buckets shrink", count);
            before = value;
        }
        if (!std::isinf(bounds.rbegin()->first)) return wrong("no bucket +Inf", count);
        if (!scrape.has(count) || scrape.value(count) != before) return wrong("the count is not bucket +Inf", count);
    }
    return {};
}

}  // namespace

double Scrape::value(const std::string& sample) const {
    const auto found = samples.find(sample);
    return found == samples.end() ? NAN : found->second;
}

bool Scrape::has_family(const std::string& name) const {
    const auto at = samples.lower_bound(name);
    return at != samples.end() && (at->first == name || at->first.starts_with(name + "{"));
}

Result<Scrape> parse_scrape(const std::string& text) {
    static const std::regex head(R"(^# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.*)$)");
    static const std::regex line_form(
        R"(^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{(?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\]|\\\\|\\"|\\n)*",?)*\})? (\S+)$)");
    if (text.empty() || text.back() != '\n') return wrong("the text does not end with a newline", "");
    Scrape scrape;
    std::set<std::string> helped, done;
    std::string current;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        std::smatch parts;
        if (line.starts_with('#')) {
            if (!std::regex_match(line, parts, head)) return wrong("a comment that is no HELP or TYPE", line);
            const std::string name = parts[2];
            if (parts[1] == "HELP") {
                if (!helped.insert(name).second) return wrong("HELP twice", line);
                continue;
            }
            if (!helped.contains(name)) return wrong("TYPE without HELP", line);
            if (!scrape.types.emplace(name, parts[3]).second) return wrong("TYPE twice", line);
            if (parts[3] != "counter" && parts[3] != "gauge" && parts[3] != "histogram") return wrong("type", line);
            if (parts[3] == "counter" && !name.ends_with("_total")) return wrong("a counter without _total", line);
            done.insert(current);
            current = name;
            continue;
        }
        if (!std::regex_match(line, parts, line_form)) return wrong("no sample", line);
        const std::string family = family_of(parts[1], scrape.types);
        if (family.empty() || family != current) return wrong("a sample outside its family", line);
        if (done.contains(family)) return wrong("a family in two pieces", line);
        double value = 0;
        if (!parse_number(parts[3], value)) return wrong("no number", line);
        if (scrape.types[family] != "gauge" && !(value >= 0)) return wrong("a count below zero", line);
        if (!scrape.samples.emplace(parts[1].str() + parts[2].str(), value).second) return wrong("twice", line);
    }
    if (auto checked = check_histograms(scrape); !checked) return checked.error();
    return scrape;
}

}  // namespace weft::testing
