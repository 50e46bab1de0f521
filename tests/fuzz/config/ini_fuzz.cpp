#include "config/ini.hpp"
#include "config/networks.hpp"
#include "config/schema.hpp"

#include <cstdlib>

/// Any bytes as a configuration file. What is accepted must survive being written down and read again, and every value
/// must be taken or refused by whatever key it may stand at.
namespace {

using namespace weft;

std::string quoted(const std::string& value) {
    std::string out = "\"";
    for (char c : value) {
        switch (c) {
            case '\\': out += "\\\\"; break;
            case '"': out += "\\\""; break;
            case '\n': out += "\\n"; break;
            default: out.push_back(c);
        }
    }
    return out + "\"";
}

std::string written(const std::vector<config::IniEntry>& entries) {
    std::string out;
    for (const auto& e : entries) {
        if (e.key.empty()) {
            const auto dot = e.section.find('.');
            out += dot == std::string::npos
                       ? "[" + e.section + "]\n"
                       : "[" + e.section.substr(0, dot) + " " + quoted(e.section.substr(dot + 1)) + "]\n";
        } else {
            out += e.has_value ? e.key + " = " + quoted(e.value) + "\n" : e.key + "\n";
        }
    }
    return out;
}

bool same(const std::vector<config::IniEntry>& a, const std::vector<config::IniEntry>& b) {
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i) {
        if (a[i].section != b[i].section || a[i].key != b[i].key || a[i].value != b[i].value ||
            a[i].has_value != b[i].has_value) {
            return false;
        }
    }
    return true;
}

void try_value(const std::string& value) {
    config::Settings settings;
    for (const auto& spec : config::schema()) {
        const auto assigned = spec.bind.assign(settings, value, config::Spelling::file);
        if (assigned && spec.check) (void)spec.check(value).ok();
    }
    (void)config::parse_cluster_subnets(value).ok();
    (void)config::parse_database_address(value).ok();
    (void)config::is_port_range(value);
    (void)config::is_dns_subdomain(value);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    auto entries = config::parse_ini(text, "fuzz.conf");
    if (!entries) {
        if (entries.error().where.rfind("fuzz.conf:", 0) != 0 || entries.error().what.empty()) std::abort();
        return 0;
    }
    for (std::size_t i = 0; i < entries->size() && i < 4; ++i)
        try_value((*entries)[i].value);
    // A quoted value holds anything but a line end; the others are written as escapes.
    for (const auto& e : *entries) {
        if (e.section.find('\n') != std::string::npos) return 0;
    }
    auto again = config::parse_ini(written(*entries), "again.conf");
    if (!again || !same(*entries, *again)) std::abort();
    return 0;
}
