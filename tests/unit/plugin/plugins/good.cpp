#include <weft/plugin/fingerprint.hpp>
#include <weft/plugin/plugin.hpp>
#include <weft/tables/kube.hpp>

namespace {

struct LabelCount {
    using Driver = weft::tables::Node;
    using Reads = weft::Tables<>;
    using Writes = weft::Tables<weft::tables::Annotation>;
    static void derive(const Driver& node, const weft::Reader<Reads>&, weft::Desired<Writes>& out) {
        out.put(weft::tables::Annotation{.kind = "Node",
                                         .name = node.key.text,
                                         .annotation = "example/labels",
                                         .value = std::to_string(node.labels.size())});
    }
};

class TestPlugin final : public weft::Plugin {
    void declare(weft::Declare& d) override {
#ifdef THROW_IN_DECLARE
        throw std::runtime_error("no such luck");
#endif
        d.watch<weft::tables::Node>();
        d.rule<LabelCount>("label-count");
        d.setting({"limit", "10", "How many.", nullptr});
    }
};

}  // namespace

#ifndef PLUGIN_NEEDS
#define PLUGIN_NEEDS ""
#endif
#ifdef WRONG_FINGERPRINT
#undef WEFT_FINGERPRINT
#define WEFT_FINGERPRINT "sdk=0.0.1 compiler=other"
#endif
#ifdef EXTRA_EXPORT
extern "C" __attribute__((visibility("default"))) int weft_plugin_extra() {
    return 1;
}
#endif

WEFT_PLUGIN(TestPlugin, .name = PLUGIN_NAME, .version = "1.2.3", .needs = PLUGIN_NEEDS, .switches = "enable-test-thing")
