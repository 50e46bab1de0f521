#pragma once

#include <weft/plugin/plugin.hpp>
#include <weft/tables/kube.hpp>
#include <weft/tables/object.hpp>
#include <weft/tables/settings.hpp>

#include <string>

/// A plugin for tests of the testing library: Light objects become lamps, in the colour that the configuration says.
namespace weft::testing {

struct Light {
    static constexpr std::string_view table_name = "small/Light";
    Key<Light> key;  ///< namespace/name
    std::string ns;
    std::string name;
    std::int64_t watts = 0;

    static ObjectRef object(const Light& l) { return {"Light", l.ns, l.name, ""}; }
    static constexpr auto fields() {
        return std::tuple{field("key", &Light::key), field("ns", &Light::ns), field("name", &Light::name),
                          field("watts", &Light::watts)};
    }
};

struct Lamp {
    static constexpr std::string_view table_name = "small/Lamp";
    Key<Lamp> key;
    std::string colour;
    std::int64_t watts = 0;

    static constexpr auto fields() {
        return std::tuple{field("key", &Lamp::key), field("colour", &Lamp::colour), field("watts", &Lamp::watts)};
    }
};

inline Result<RowPtr> parse_light(JsonView object) {
    const auto metadata = tables::read_metadata(object);
    if (!metadata) return metadata.error();
    const auto watts = object["spec"]["watts"].integer();
    if (!watts) return Error{ErrorKind::invalid, "is no number", "spec.watts", "write one"};
    return RowPtr::make(Light{Key<Light>{metadata->ns, metadata->name}, metadata->ns, metadata->name, *watts});
}

struct MakeLamp {
    using Driver = Light;
    using Reads = Tables<tables::PluginSetting, tables::Namespace>;
    using Writes = Tables<Lamp>;
    static void derive(const Driver& light, const Reader<Reads>& in, Desired<Writes>& out) {
        const auto* colour = in.find<tables::PluginSetting>(Key<tables::PluginSetting>{"small", "colour"});
        if (!in.find<tables::Namespace>(Key<tables::Namespace>{light.ns})) return out.wait("no namespace");
        if (light.watts > 100) return out.fail(invalid("more than 100 watts"));
        if (light.watts > 50) out.warn(invalid("that is bright"));
        out.put(Lamp{Key<Lamp>{light.key.text}, colour ? colour->value : "", light.watts});
    }
};

class SmallPlugin final : public Plugin {
    void declare(Declare& d) override {
        d.watch<tables::Namespace>();
        d.annotations("small.example.org/");
        d.resource({.group = "small.example.org",
                    .version = "v1",
                    .resource = "lights",
                    .kind = "Light",
                    .table = table_spec<Light>(),
                    .parse = parse_light});
        d.setting({"colour", "white", "What colour lamps have.", [](std::string_view value) -> Result<void> {
                       if (value.empty()) return invalid("may not be empty");
                       return {};
                   }});
        d.rule<MakeLamp>("make-lamp");
    }
};

using SmallHandle = weft::detail::GuardedPlugin<SmallPlugin>;

}  // namespace weft::testing
