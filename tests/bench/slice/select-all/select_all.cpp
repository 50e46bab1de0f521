#include <weft/engine/operator.hpp>
#include <weft/engine/rule.hpp>
#include <weft/plugin/fingerprint.hpp>
#include <weft/plugin/plugin.hpp>
#include <weft/tables/kube.hpp>
#include <weft/tables/settings.hpp>

/// Watches every pod of the cluster and selects them all: the least that a policy with an empty selector needs.
namespace select_all {

using weft::tables::LocalNode;
using weft::tables::Namespace;
using weft::tables::Pod;

struct AllPods {
    using Target = Pod;
    static constexpr std::string_view selection_name = "select-all/selector";
    static constexpr std::string_view member_table = "select-all/selected";
};

struct SelectAll {
    using Driver = LocalNode;
    using Reads = weft::Tables<>;
    using Writes = weft::Tables<weft::SelectorOf<AllPods>>;
    static void derive(const LocalNode&, const weft::Reader<Reads>&, weft::Desired<Writes>& out) {
        out.put(weft::SelectorOf<AllPods>{});
    }
};

class SelectAllPlugin final : public weft::Plugin {
    void declare(weft::Declare& d) override {
        d.watch<Pod>(weft::WatchScope::all);
        d.watch<Namespace>();
        d.selection<AllPods>("all-pods");
        d.rule<SelectAll>("select-all");
    }
};

}  // namespace select_all

WEFT_PLUGIN(select_all::SelectAllPlugin, .name = "select-all", .version = "0.1.0", .needs = "default-network")
