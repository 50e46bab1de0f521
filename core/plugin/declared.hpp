#pragma once

#include <weft/plugin/plugin.hpp>

#include <string>
#include <utility>
#include <vector>

namespace weft::plugin {

/// All that one plugin declared, as data.
class Declared final : public detail::DeclareCore {
  public:
    template <class T>
    struct Named {
        std::string name;
        Role role;
        T spec;
    };
    template <class T>
    struct Scoped {
        T spec;
        WatchScope scope;
        Role role;
    };

    std::vector<RuleSpec> rules;
    std::vector<TableSpec> extension_points;
    std::vector<Named<OperatorSpec>> operators;
    std::vector<Named<AdapterSpec>> adapters;
    std::vector<Named<ovsdb::ClaimSpec>> claims;
    std::vector<Scoped<TableSpec>> watches;
    std::vector<Scoped<ResourceSpec>> resources;
    std::vector<SettingSpec> settings;
    std::vector<Named<AccessSpec>> accesses;
    std::vector<std::string> annotation_prefixes;
    std::vector<std::pair<Role, std::string>> subjects;

  private:
    void rule(RuleSpec rule) override { rules.push_back(std::move(rule)); }
    void extension_point(TableSpec table) override { extension_points.push_back(table); }
    void op(std::string name, Role role, OperatorSpec spec) override {
        operators.push_back({std::move(name), role, std::move(spec)});
    }
    void adapter(std::string name, Role role, AdapterSpec spec) override {
        adapters.push_back({std::move(name), role, std::move(spec)});
    }
    void claim(Role role, ovsdb::ClaimSpec claim) override {
        std::string name = claim.name;
        claims.push_back({std::move(name), role, std::move(claim)});
    }
    void watch(TableSpec table, WatchScope scope, Role role) override { watches.push_back({table, scope, role}); }
    void resource(ResourceSpec resource, WatchScope scope, Role role) override {
        resources.push_back({std::move(resource), scope, role});
    }
    void setting(SettingSpec setting) override { settings.push_back(std::move(setting)); }
    void access(AccessSpec access, Role role) override {
        std::string name = access.resource;
        accesses.push_back({std::move(name), role, std::move(access)});
    }
    void annotations(std::string prefix) override { annotation_prefixes.push_back(std::move(prefix)); }
    void subject(std::string group, Role role) override { subjects.emplace_back(role, std::move(group)); }
};

}  // namespace weft::plugin
