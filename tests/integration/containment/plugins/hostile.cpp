// A plugin that does to weftd what a Node's label "do" asks for. Several are made of it, under other names.
#include <weft/ovsdb/nb.hpp>
#include <weft/plugin/fingerprint.hpp>
#include <weft/plugin/plugin.hpp>
#include <weft/tables/kube.hpp>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <stdexcept>
#include <thread>

namespace {

using namespace weft;

std::string what_to_do(const tables::Node& node) {
    for (const auto& [label, value] : node.labels) {
        if (label == PLUGIN_NAME) return value;
    }
    return {};
}

[[noreturn]] void for_ever() {
    for (;;)
        std::this_thread::sleep_for(std::chrono::seconds(1));
}

/// Far beyond what the tests allow, and not so much that it would hurt the machine.
[[noreturn]] void eat() {
    std::vector<std::string> eaten;
    for (int i = 0; i < 700; ++i)
        eaten.emplace_back(std::size_t{1} << 20, 'x');
    for_ever();
}

int recurse(int depth) {
    volatile char room[4096] = {};
    room[0] = static_cast<char>(depth);
    return depth < 0 ? 0 : recurse(depth + 1) + room[0];
}

struct Question {
    static constexpr std::string_view table_name = PLUGIN_NAME "-question";
    Key<Question> key;
    std::int64_t number = 0;
    static constexpr auto fields() {
        return std::tuple{field("key", &Question::key), field("number", &Question::number)};
    }
};

struct Answer {
    static constexpr std::string_view table_name = PLUGIN_NAME "-answer";
    Key<Answer> key;
    std::int64_t number = 0;
    static constexpr auto fields() { return std::tuple{field("key", &Answer::key), field("number", &Answer::number)}; }
};

class Echo final : public Adapter {
  public:
    using Requests = Question;
    using Answers = Answer;
    void changed(std::span<const Change> requests, Inbox& answers) override {
        for (const Change& change : requests) {
            if (!change.after) continue;
            const auto question = change.after.as<Question>();
            if (question.number == -1) throw 7;
            if (question.number == -2) for_ever();
            answers.put(RowPtr::make(Answer{.key = Key<Answer>(question.key.text), .number = question.number}));
        }
        answers.complete();
    }
    void stop() noexcept override {}
};

struct Ask {
    using Driver = tables::Node;
    using Reads = Tables<>;
    using Writes = Tables<Question>;
    static void derive(const Driver& node, const Reader<Reads>&, Desired<Writes>& out) {
        const auto what = what_to_do(node);
        const std::int64_t number = what == "adapter-throw" ? -1 : what == "adapter-hang" ? -2 : 0;
        out.put(Question{.key = Key<Question>(node.key.text), .number = number});
    }
};

struct Act {
    using Driver = tables::Node;
    using Reads = Tables<>;
    using Writes = Tables<tables::Annotation>;
    static void derive(const Driver& node, const Reader<Reads>&, Desired<Writes>& out) {
        const auto what = what_to_do(node);
        if (what == "throw") throw std::runtime_error("no such luck");
        if (what == "throw-int") throw 7;
        if (what == "hang") for_ever();
        if (what == "eat") eat();
        if (what == "segv") std::raise(SIGSEGV);
        if (what == "abort") std::abort();
        if (what == "recurse") out.warn(invalid(std::to_string(recurse(0))));
        std::string did = what.empty() ? "nothing" : what;
        // What it put comes back with the object, and makes it put something else.
        if (what == "flap") {
            const auto* before = tables::find_annotation(node.annotations, "k8s.ovn.org/" PLUGIN_NAME "-did");
            did = before == nullptr || before->size() > 1000 ? "x" : *before + "x";
        }
        out.put(tables::Annotation{.kind = "Node",
                                   .name = node.key.text,
                                   .uid = node.uid,
                                   .annotation = "k8s.ovn.org/" PLUGIN_NAME "-did",
                                   .value = std::move(did)});
    }
};

#ifdef SWITCHES
[[maybe_unused]] std::string owner_of(const nb::LogicalSwitch& row) {
    if (!row.external_ids.has_value()) return {};
    for (const auto& [key, value] : *row.external_ids) {
        if (key == "owner") return value;
    }
    return {};
}

/// A switch for each node, and for "steal" one that says it is somebody else's.
struct Switch {
    using Driver = tables::Node;
    using Reads = Tables<>;
    using Writes = Tables<nb::LogicalSwitch>;
    static void derive(const Driver& node, const Reader<Reads>&, Desired<Writes>& out) {
        nb::LogicalSwitch row;
        row.name = PLUGIN_NAME "-" + node.key.text;
        ovsdb::Map<std::string, std::string> ids;
        ids.set("owner", what_to_do(node) == "steal" ? "victim" : PLUGIN_NAME);
        row.external_ids = std::move(ids);
        out.put(std::move(row));
    }
};
#endif

class Hostile final : public Plugin {
    void declare(Declare& d) override {
        if (std::getenv("HOSTILE_DECLARE") != nullptr && std::string_view(PLUGIN_NAME) == "hostile") std::abort();
        d.watch<tables::Node>(WatchScope::all, Role::both);
        d.rule<Act>("act", Role::both);
        d.rule<Ask>("ask", Role::both);
        d.adapter<Echo>("echo", Role::both);
#ifdef SWITCHES
        d.rule<Switch>("switch");
#ifndef NO_CLAIM
        d.claim<nb::LogicalSwitch>(
            "switches", [](const nb::LogicalSwitch& row) { return owner_of(row) == PLUGIN_NAME; },
            [](const nb::LogicalSwitch& row) { return row.name.get(); });
#endif
#endif
        d.setting({"mood", "calm", "Throws at \"throw\".", [](std::string_view value) -> Result<void> {
                       if (value == "throw") throw 7;
                       return {};
                   }});
    }
};

}  // namespace

#ifndef PLUGIN_GATES
#define PLUGIN_GATES ""
#endif
#ifndef PLUGIN_NEEDS
#define PLUGIN_NEEDS ""
#endif
#ifndef PLUGIN_VERSION
#define PLUGIN_VERSION "1.0.0"
#endif

WEFT_PLUGIN(Hostile, .name = PLUGIN_NAME, .version = PLUGIN_VERSION, .needs = PLUGIN_NEEDS, .gates = PLUGIN_GATES)
