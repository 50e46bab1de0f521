#pragma once

#include <weft/plugin/plugin.hpp>
#include <weft/testing/rule_test.hpp>

extern "C" weft::PluginHandle* weft_plugin_create() noexcept;
extern "C" void weft_plugin_destroy(weft::PluginHandle* plugin) noexcept;

namespace weft::default_network {

/// The plugin under test, as the loader would make it.
class ThePlugin {
  public:
    ThePlugin() : handle_(weft_plugin_create()) {}
    ~ThePlugin() { weft_plugin_destroy(handle_); }
    ThePlugin(const ThePlugin&) = delete;
    ThePlugin& operator=(const ThePlugin&) = delete;

    PluginHandle* get() const { return handle_; }

  private:
    PluginHandle* handle_;
};

inline testing::RuleTest rule(std::string_view name) {
    const ThePlugin plugin;
    return testing::RuleTest(testing::PluginRules(*plugin.get()).rule(name));
}

inline Ip ip(std::string_view text) {
    return *Ip::parse(text);
}
inline IpPrefix prefix(std::string_view text) {
    return *IpPrefix::parse(text);
}

}  // namespace weft::default_network
