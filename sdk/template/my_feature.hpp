#pragma once

#include <weft/base/json.hpp>
#include <weft/base/result.hpp>
#include <weft/engine/row.hpp>
#include <weft/engine/rule.hpp>
#include <weft/ovsdb/nb.hpp>
#include <weft/tables/kube.hpp>
#include <weft/tables/settings.hpp>

#include <string>

namespace my_feature {

/// A MyFeature object, narrow: just what the rule reads.
struct MyFeature {
    static constexpr std::string_view table_name = "my-feature/MyFeature";

    weft::Key<MyFeature> key;  ///< namespace/name
    std::string ns;
    std::string name;
    std::string uid;
    std::string note;

    static weft::ObjectRef object(const MyFeature& f) { return {"MyFeature", f.ns, f.name, f.uid}; }
    static constexpr auto fields() {
        return std::tuple{weft::field("key", &MyFeature::key), weft::field("ns", &MyFeature::ns),
                          weft::field("name", &MyFeature::name), weft::field("uid", &MyFeature::uid),
                          weft::field("note", &MyFeature::note)};
    }
};

/// Reads one object. An error becomes an Event on it; what it had said before stays.
weft::Result<weft::RowPtr> parse_my_feature(weft::JsonView object);

/// The objects of a namespace.
struct MyFeaturesOfNamespace {
    using Table = MyFeature;
    static constexpr std::string_view index_name = "namespace";
    static std::string of(const MyFeature& f) { return f.ns; }
};

/// Puts the note of the namespace's first MyFeature on the pod's switch port, which default-network makes.
struct NotePod {
    using Driver = weft::tables::Pod;
    using Reads = weft::Tables<weft::tables::LocalNode, weft::tables::PluginSetting, MyFeaturesOfNamespace>;
    using Writes = weft::Tables<weft::nb::Member>;

    static void derive(const Driver& pod, const weft::Reader<Reads>& in, weft::Desired<Writes>& out);
};

}  // namespace my_feature
