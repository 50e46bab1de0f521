// A plugin that keeps to annotations of its own: a node's motto.example.org/text is told again under k8s.ovn.org/motto.
#include <weft/plugin/fingerprint.hpp>
#include <weft/plugin/plugin.hpp>
#include <weft/tables/kube.hpp>

namespace {

using namespace weft;

struct TellMotto {
    using Driver = tables::Node;
    using Reads = Tables<>;
    using Writes = Tables<tables::Annotation>;
    static void derive(const Driver& node, const Reader<Reads>&, Desired<Writes>& out) {
        const auto* text = tables::find_annotation(node.annotations, "motto.example.org/text");
        if (text == nullptr) return out.fail(invalid("has no motto", "annotate it with motto.example.org/text"));
        out.put(tables::Annotation{
            .kind = "Node", .name = node.key.text, .uid = node.uid, .annotation = "k8s.ovn.org/motto", .value = *text});
    }
};

class Motto final : public Plugin {
    void declare(Declare& d) override {
        d.annotations("motto.example.org/");
        d.watch<tables::Node>(WatchScope::all, Role::cluster);
        d.rule<TellMotto>("tell-motto", Role::cluster);
    }
};

}  // namespace

WEFT_PLUGIN(Motto, .name = "motto", .version = "1.0.0")
