#pragma once

#include "config/schema.hpp"

/// How the schema's rows are written down. Private to the schema_*.cpp files.
namespace weft::config {

/// What is added to a row after its key, default and help.
class Row {
  public:
    explicit Row(KeySpec& spec) : spec_(spec) {}

    Row& flag(std::string names) {
        spec_.flags = std::move(names);
        return *this;
    }
    Row& no_flag() { return flag(""); }
    Row& env(std::string_view name) {
        spec_.env = name;
        return *this;
    }
    Row& check(Check of_value) {
        spec_.check = of_value;
        return *this;
    }
    /// A reload is enough.
    Row& live() {
        spec_.applies = Applies::on_reload;
        return *this;
    }
    Row& secret() {
        spec_.secret = true;
        return *this;
    }

  private:
    KeySpec& spec_;
};

/// The rows of one section; the flag is named as the key until told otherwise.
template <auto Section>
class Rows {
  public:
    Rows(std::vector<KeySpec>& to, std::string_view section) : to_(to), section_(section) {}

    template <auto Member>
    Row add(std::string_view key, std::string_view fallback, std::string_view help) {
        to_.push_back({.section = section_,
                       .key = key,
                       .fallback = fallback,
                       .help = help,
                       .flags = std::string(key),
                       .bind = bind_to<Section, Member>()});
        return Row(to_.back());
    }

  private:
    std::vector<KeySpec>& to_;
    std::string_view section_;
};

void add_weft_keys(std::vector<KeySpec>& to);
void add_network_keys(std::vector<KeySpec>& to);
void add_kubernetes_keys(std::vector<KeySpec>& to);
void add_feature_keys(std::vector<KeySpec>& to);
void add_node_keys(std::vector<KeySpec>& to);
void add_debug_keys(std::vector<KeySpec>& to);
void add_host_keys(std::vector<KeySpec>& to);

}  // namespace weft::config
