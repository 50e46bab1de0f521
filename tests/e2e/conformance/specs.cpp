#include "specs.hpp"

#include <fstream>

namespace weft::testing {

namespace {

std::string trimmed(const std::string& text) {
    const auto first = text.find_first_not_of(' ');
    if (first == std::string::npos) return {};
    return text.substr(first, text.find_last_not_of(' ') - first + 1);
}

}  // namespace

Result<std::vector<Spec>> read_specs(const std::filesystem::path& file) {
    std::ifstream in(file);
    if (!in) return invalid("can't read " + file.string());
    std::vector<Spec> specs;
    int number = 0;
    for (std::string line; std::getline(in, line);) {
        ++number;
        if (trimmed(line).empty() || line.front() == '#') continue;
        const auto bar = line.find('|');
        if (bar == std::string::npos)
            return invalid(file.string() + ":" + std::to_string(number) + ": no '|' between when and what");
        specs.push_back({.when = trimmed(line.substr(0, bar)), .text = trimmed(line.substr(bar + 1))});
    }
    return specs;
}

}  // namespace weft::testing
