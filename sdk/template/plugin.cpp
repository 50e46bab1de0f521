#include "my_feature.hpp"

#include <weft/plugin/fingerprint.hpp>
#include <weft/plugin/plugin.hpp>

namespace my_feature {

namespace {

weft::Result<void> check_key(std::string_view value) {
    if (value.empty()) return weft::invalid("may not be empty");
    return {};
}

}  // namespace

class MyFeaturePlugin final : public weft::Plugin {
    void declare(weft::Declare& d) override {
        d.watch<weft::tables::Pod>(weft::WatchScope::local_node);
        d.resource({.group = "my-feature.example.org",
                    .version = "v1",
                    .resource = "myfeatures",
                    .kind = "MyFeature",
                    .table = weft::table_spec<MyFeature>(),
                    .parse = parse_my_feature});
        d.setting({"key", "my-feature", "Under which key of external_ids a note stands.", check_key});
        d.rule<NotePod>("note-pod");
    }
};

}  // namespace my_feature

WEFT_PLUGIN(my_feature::MyFeaturePlugin, .name = "my-feature", .version = "0.1.0", .needs = "default-network")
