#include "kube/framing.hpp"
#include "kube/objects.hpp"

#include <weft/base/json.hpp>
#include <weft/tables/kube.hpp>

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

/// Bytes as an API server could send them: cut as a watch and as a list, and every piece read as each kind of object.
/// However the bytes are cut into chunks, the pieces are the same.
namespace {

using namespace weft;

void read_object(JsonView object) {
    for (const auto& resource : {kube::node_resource(), kube::namespace_resource(), kube::pod_resource()}) {
        const auto row = resource.parse(object);
        if (row && row->key().empty()) std::abort();
        if (!row && row.error().what.empty()) std::abort();
        if (row) (void)row->json();
    }
    (void)kube::meta_of(object).identity();
    (void)kube::kept_annotations(object["metadata"]);
}

void read_text(std::string_view text) {
    auto document = JsonDocument::parse(text);
    if (!document) document = JsonDocument::parse(kube::repair_utf8(text));
    if (!document) return;
    read_object(document->root());
    read_object(document->root()["object"]);
}

std::vector<std::string> lines_of(std::string_view bytes, std::size_t piece) {
    std::vector<std::string> lines;
    kube::LineSplitter splitter;
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
        if (!splitter.feed(bytes.substr(at, piece), [&](std::string_view line) { lines.emplace_back(line); })) break;
    }
    return lines;
}

std::vector<std::string> items_of(std::string_view bytes, std::size_t piece, std::string& envelope, bool& failed) {
    std::vector<std::string> items;
    kube::ListSplitter splitter;
    failed = false;
    for (std::size_t at = 0; at < bytes.size() && !failed; at += piece) {
        failed = !splitter.feed(bytes.substr(at, piece), [&](std::string_view item) { items.emplace_back(item); });
    }
    envelope = splitter.envelope();
    return items;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    const std::size_t piece = 1 + data[0];
    const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);

    const auto lines = lines_of(bytes, piece);
    if (lines != lines_of(bytes, bytes.size())) std::abort();
    for (const auto& line : lines)
        read_text(line);

    std::string envelope, whole_envelope;
    bool failed = false, whole_failed = false;
    const auto items = items_of(bytes, piece, envelope, failed);
    const auto whole_items = items_of(bytes, bytes.size(), whole_envelope, whole_failed);
    if (items != whole_items || failed != whole_failed) std::abort();
    if (!failed && envelope != whole_envelope) std::abort();
    for (const auto& item : items)
        read_text(item);
    read_text(envelope);
    return 0;
}
