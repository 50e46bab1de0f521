// A plugin of which there are two versions: the second has another row type between its rules, and puts the same rows.
#include <weft/engine/rule.hpp>
#include <weft/ovsdb/column.hpp>
#include <weft/ovsdb/nb.hpp>
#include <weft/plugin/fingerprint.hpp>
#include <weft/plugin/plugin.hpp>
#include <weft/tables/kube.hpp>

namespace ledger {

namespace nb = weft::nb;
namespace tables = weft::tables;

/// A Namespace that is written down.
struct Entry {
    static constexpr std::string_view table_name = "ledger/Entry";

    weft::Key<Entry> key;  ///< the namespace's name
#if LEDGER_VERSION == 1
    std::string title;
#else
    std::uint64_t length = 0;
    std::vector<std::string> titles;
#endif

    static constexpr auto fields() {
#if LEDGER_VERSION == 1
        return std::tuple{weft::field("key", &Entry::key), weft::field("title", &Entry::title)};
#else
        return std::tuple{weft::field("key", &Entry::key), weft::field("length", &Entry::length),
                          weft::field("titles", &Entry::titles)};
#endif
    }
};

struct WriteDown {
    using Driver = tables::Namespace;
    using Reads = weft::Tables<>;
    using Writes = weft::Tables<Entry>;
    static void derive(const Driver& space, const weft::Reader<Reads>&, weft::Desired<Writes>& out) {
        const std::string title = "ledger_" + space.key.text;
#if LEDGER_VERSION == 1
        out.put(Entry{weft::Key<Entry>{space.key.text}, title});
#else
        out.put(Entry{weft::Key<Entry>{space.key.text}, title.size(), {title}});
#endif
    }
};

struct MakeGroup {
    using Driver = Entry;
    using Reads = weft::Tables<>;
    using Writes = weft::Tables<nb::PortGroup>;
    static void derive(const Driver& entry, const weft::Reader<Reads>&, weft::Desired<Writes>& out) {
#if LEDGER_VERSION == 1
        const std::string& name = entry.title;
#else
        const std::string& name = entry.titles.front();
#endif
        weft::ovsdb::Map<std::string, std::string> ids{{"ledger", entry.key.text}};
        out.put(nb::PortGroup{.external_ids = std::move(ids), .name = name});
    }
};

class LedgerPlugin final : public weft::Plugin {
    void declare(weft::Declare& d) override {
        d.watch<tables::Namespace>();
        d.rule<WriteDown>("write-down");
        d.rule<MakeGroup>("make-group");
        d.claim<nb::PortGroup>(
            "groups",
            [](const nb::PortGroup& row) {
                return row.external_ids.has_value() && row.external_ids->contains("ledger");
            },
            [](const nb::PortGroup& row) { return row.name.get(); },
            [](const nb::PortGroup& row) { return *row.external_ids->find("ledger"); });
    }
};

}  // namespace ledger

WEFT_PLUGIN(ledger::LedgerPlugin, .name = "ledger", .version = LEDGER_VERSION == 1 ? "1.0.0" : "2.0.0")
