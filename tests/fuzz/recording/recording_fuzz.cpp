#include "record/file.hpp"
#include "record/format.hpp"
#include "record/replay.hpp"

#include <weft/ovsdb/nb.hpp>
#include <weft/tables/action.hpp>
#include <weft/tables/cni.hpp>
#include <weft/tables/ipam.hpp>
#include <weft/tables/kube.hpp>
#include <weft/tables/net.hpp>
#include <weft/tables/settings.hpp>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

/// A recording that somebody sends in: as a file, and, since checksums keep a fuzzer out, as frames and as rows. What
/// is read of it is run by rules of our own.
namespace {

using namespace weft;

/// Reads a bit of everything and puts what a recording looks at.
struct AnnotationOfPod {
    using Driver = tables::Pod;
    using Reads = Tables<tables::Node, tables::PluginSetting>;
    using Writes = Tables<tables::Annotation>;
    static void derive(const Driver& pod, const weft::Reader<Reads>& in, Desired<Writes>& out) {
        const auto* node = in.find<tables::Node>(Key<tables::Node>(pod.node));
        if (!node) return out.wait("no node " + pod.node);
        if (in.find<tables::PluginSetting>(Key<tables::PluginSetting>("late")) &&
            !in.passed(TimePoint(std::chrono::seconds(1000))))
            return out.wait("later");
        tables::Annotation made;
        made.key.text = pod.key.text;
        out.put(std::move(made));
    }
};

record::Here here() {
    record::Here here;
    here.version = "1";
    here.module = [](const std::string& name) -> Result<engine::ModuleSpec> {
        engine::ModuleSpec module;
        module.name = name;
        if (name == "pods") module.rules.push_back(rule_spec<AnnotationOfPod>("annotation", Role::node));
        if (name.size() > 8) return invalid("there is no plugin of this name");
        return module;
    };
    return here;
}

void replay(std::string_view bytes) {
    const auto facts = record::facts_of(bytes);
    if (!facts && facts.error().what.empty()) std::abort();
    const auto replay = record::Replay::open(bytes, here());
    if (!replay) {
        if (replay.error().what.empty()) std::abort();
        return;
    }
    for (int steps = 0; steps < 1000; ++steps) {
        const auto step = (*replay)->step({});
        if (!step || !*step) break;
        for (const auto& difference : (*step)->differences)
            (void)(difference.replayed ? difference.replayed.json() : difference.recorded_json);
    }
}

/// A row that has been read can be written and shown, and is the same when it is read again.
void read_rows(std::string_view bytes) {
    static const std::array types{&row_type<tables::Pod>(),
                                  &row_type<tables::Node>(),
                                  &row_type<tables::Annotation>(),
                                  &row_type<tables::PodInterface>(),
                                  &row_type<tables::NetworkConfig>(),
                                  &row_type<tables::Route>(),
                                  &row_type<tables::AddressLease>(),
                                  &row_type<tables::SubnetLease>(),
                                  &row_type<nb::LogicalSwitchPort>(),
                                  &row_type<nb::ACL>(),
                                  &row_type<nb::LogicalRouterStaticRoute>()};
    for (const RowType* type : types) {
        const auto row = record::row_from(*type, bytes);
        if (!row) continue;
        (void)(*row).json();
        const auto again = record::row_from(*type, (*row).bytes());
        if (!again || !(*again).equals(*row)) std::abort();
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    replay(bytes);
    read_rows(bytes);
    const auto copy = record::cleaned(std::string(bytes), [](const record::Table*, char* text, std::size_t length) {
        for (std::size_t i = 0; i < length; ++i)
            text[i] = 'x';
    });
    if (copy && !record::FrameReader::open(*copy)) std::abort();

    // Frames with lengths of two bytes, put into a file whose checksums are right.
    record::Encoder start;
    start.header(R"({"version":"1","role":"node","plugins":[{"name":"pods","version":"1"}]})");
    std::string file = start.take();
    for (std::size_t at = 0; at + 2 <= size;) {
        const std::size_t length = std::min<std::size_t>(data[at] + 256U * data[at + 1], size - at - 2);
        file += record::framed(bytes.substr(at + 2, length));
        at += 2 + length;
    }
    replay(file);
    return 0;
}
