// The bytes of recordings: what was written is read, and what was not is refused with its place.
#include "record/format.hpp"

#include "record/file.hpp"
#include "record/replay.hpp"
#include "unit/engine/kit.hpp"

namespace weft::record {
namespace {

using namespace engine::kit;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string packed(const Item& row) {
    return std::string(RowPtr::make(row).bytes());
}

/// A recording with a frame of each kind.
std::string sample() {
    Encoder to;
    to.header(R"({"version":"1","role":"node","node":"n1","plugins":[{"name":"p","version":"2"}]})");
    const std::vector<TableSpec> inputs{table_spec<Item>()};
    const std::vector<std::string> modules{"m"};
    to.open(Kind::slice, nullptr, 1);
    to.table(table_spec<Item>(), true, false, false, 1);
    to.row(packed(item("base", 7)));
    to.close();
    to.base({1, 2, 3}, modules, inputs, inputs);
    to.graph({"other"}, {"m"}, inputs);
    const Time time{5, 1'000'000'007, 1'700'000'000'000'000'009};
    to.open(Kind::begin, &time, 1);
    to.table(table_spec<Item>(), true, true, true, 2);
    to.row(packed(item("a", 1, "g", {"x", "y"})));
    to.gone("b");
    to.close();
    to.open(Kind::end, nullptr, 1);
    to.table(table_spec<Plain>(), false, false, false, 1);
    to.gone("was there");
    to.close();
    to.note("hello");
    to.closed("the end");
    return to.take();
}

std::vector<Content> contents(std::string_view bytes, std::string* problem = nullptr) {
    std::vector<Content> all;
    auto reader = FrameReader::open(bytes);
    EXPECT_TRUE(reader) << reader.error().text();
    for (;;) {
        auto frame = reader->next();
        if (!frame) {
            if (problem != nullptr) *problem = frame.error().text();
            return all;
        }
        if (!*frame) {
            if (problem != nullptr) *problem = reader->end();
            return all;
        }
        all.push_back((*frame)->content);
    }
}

TEST(RecordFormat, WhatWasWrittenIsRead) {
    const std::string bytes = sample();
    std::string problem = "-";
    const auto all = contents(bytes, &problem);
    EXPECT_EQ(problem, "");
    ASSERT_EQ(all.size(), 10u);
    EXPECT_THAT(std::string(std::get<Header>(all[0]).json), HasSubstr(R"("node":"n1")"));
    const auto& table = std::get<Table>(all[1]);
    EXPECT_EQ(table.name, "Item");
    EXPECT_EQ(table.type, "Item");
    EXPECT_EQ(table.schema, row_type<Item>().schema);
    EXPECT_TRUE(table.input);
    const auto& slice = std::get<Slice>(all[2]);
    ASSERT_EQ(slice.tables.size(), 1u);
    const auto row = row_from(row_type<Item>(), slice.tables[0].rows.at(0).bytes);
    ASSERT_TRUE(row) << row.error().text();
    EXPECT_EQ((*row).as<Item>().number, 7);
    const auto& base = std::get<Base>(all[3]);
    EXPECT_EQ(base.time.tick, 1u);
    EXPECT_THAT(base.modules, ElementsAre("m"));
    EXPECT_THAT(base.complete, ElementsAre(table.number));
    const auto& graph = std::get<Graph>(all[4]);
    EXPECT_THAT(graph.added, ElementsAre("other"));
    EXPECT_THAT(graph.removed, ElementsAre("m"));
    const auto& begin = std::get<Begin>(all[5]);
    EXPECT_EQ(begin.time.now_ns, 1'000'000'007);
    EXPECT_EQ(begin.time.wall_ns, 1'700'000'000'000'000'009);
    EXPECT_TRUE(begin.tables.at(0).replaces);
    EXPECT_TRUE(begin.tables[0].completes);
    EXPECT_EQ(begin.tables[0].rows.at(0).bytes, packed(item("a", 1, "g", {"x", "y"})));
    EXPECT_TRUE(begin.tables[0].rows.at(1).gone);
    EXPECT_FALSE(std::get<Table>(all[6]).input);
    EXPECT_EQ(std::get<End>(all[7]).tables.at(0).rows.at(0).bytes, "was there");
    EXPECT_EQ(std::get<Note>(all[8]).text, "hello");
    EXPECT_EQ(std::get<Closed>(all[9]).text, "the end");
    const auto facts = facts_of(bytes);
    ASSERT_TRUE(facts) << facts.error().text();
    EXPECT_EQ(facts->node, "n1");
    EXPECT_EQ(facts->ticks, 1u);
    EXPECT_EQ(facts->end, "the end");
    EXPECT_FALSE(facts->whole_life);
    ASSERT_EQ(facts->plugins.size(), 1u);
    EXPECT_EQ(facts->plugins[0].version, "2");
}

TEST(RecordFormat, AHeaderIsReadAsWritten) {
    Facts facts;
    facts.version = "1.2";
    facts.role = Role::cluster;
    facts.plugins = {{"a", "1", "ff"}, {"b\"", "2", ""}};
    facts.config = {{"[default] mtu", "1300"}};
    Encoder to;
    to.header(header_json(facts));
    const auto read = facts_of(to.take());
    ASSERT_TRUE(read) << read.error().text();
    EXPECT_EQ(read->role, Role::cluster);
    ASSERT_EQ(read->plugins.size(), 2u);
    EXPECT_EQ(read->plugins[1].name, "b\"");
    EXPECT_EQ(read->plugins[0].sha256, "ff");
    EXPECT_EQ(read->config, facts.config);
    EXPECT_FALSE(read->has_base);
}

TEST(RecordFormat, CutOffAnywhereWhatIsWholeIsRead) {
    const std::string bytes = sample();
    const auto all = contents(bytes);
    std::size_t before = 0;
    for (std::size_t size = magic.size() + 1; size < bytes.size(); ++size) {
        std::string end;
        const auto some = contents(std::string_view(bytes).substr(0, size), &end);
        EXPECT_LT(some.size(), all.size());
        EXPECT_GE(some.size(), before);
        before = some.size();
        EXPECT_THAT(end, ::testing::AnyOf(HasSubstr("in the middle of a write"), HasSubstr("was not closed"))) << size;
    }
    EXPECT_EQ(before, all.size() - 1);
    for (std::size_t size = 0; size < magic.size() + 1; ++size)
        EXPECT_FALSE(FrameReader::open(std::string_view(bytes).substr(0, size))) << size;
    // A disk that lost power may leave zeros.
    std::string end;
    EXPECT_EQ(contents(bytes.substr(0, bytes.size() - 9) + std::string(400, '\0'), &end).size(), all.size() - 1);
    EXPECT_THAT(end, HasSubstr("in the middle of a write"));
}

TEST(RecordFormat, DamageIsFoundWithItsPlace) {
    const std::string bytes = sample();
    const std::size_t whole = contents(bytes).size();
    for (std::size_t at = magic.size() + 1; at < bytes.size(); ++at) {
        std::string damaged = bytes, problem;
        damaged[at] = static_cast<char>(damaged[at] ^ 0x20);
        EXPECT_LT(contents(damaged, &problem).size(), whole) << at;
        EXPECT_THAT(problem, HasSubstr("byte ")) << at;
    }
    std::string damaged = bytes, problem;
    damaged[magic.size() + 1 + 8 + 3] = '?';
    EXPECT_THAT(contents(damaged, &problem), IsEmpty());
    EXPECT_EQ(problem, "byte 9: the recording is damaged: the checksum of what begins here is another");
}

TEST(RecordFormat, OtherFilesAndVersionsAreRefused) {
    const auto other = FrameReader::open("#!/bin/sh\n");
    ASSERT_FALSE(other);
    EXPECT_EQ(other.error().text(), "byte 0: this is no recording of weft");
    std::string newer = sample();
    newer[magic.size()] = 2;
    const auto refused = FrameReader::open(newer);
    ASSERT_FALSE(refused);
    EXPECT_EQ(
        refused.error().text(),
        "byte 8: the recording has format 2, this weftctl reads format 1 (use the weftctl of the weftd that made it)");
    EXPECT_FALSE(decode("", 3));
    const auto unknown = decode(std::string(1, '\x40'), 3);
    ASSERT_FALSE(unknown);
    EXPECT_EQ(unknown.error().text(), "byte 3: a frame of unknown kind 64");
    EXPECT_FALSE(decode(std::string_view("\x06\x01", 2), 3));
}

TEST(RecordFormat, BytesThatAreNoRowAreRefused) {
    const std::string good = packed(item("a", 1, "group", {"x", "yy"}));
    ASSERT_TRUE(row_from(row_type<Item>(), good));
    for (std::size_t size = 0; size < good.size(); ++size)
        EXPECT_FALSE(row_from(row_type<Item>(), std::string_view(good).substr(0, size))) << size;
    EXPECT_FALSE(row_from(row_type<Item>(), good + "x"));
    // Lengths and counts beyond all bounds.
    for (std::size_t at = 0; at < good.size(); ++at) {
        std::string wild = good.substr(0, at) + std::string(9, '\xff') + '\x01' + good.substr(at);
        static_cast<void>(row_from(row_type<Item>(), wild));
    }
}

TEST(RecordFormat, ACopyIsCleanedInPlace) {
    const Clean clean = [](const Table* table, char* bytes, std::size_t size) {
        if (table == nullptr || table->name != "Item") return;
        const auto at = std::string_view(bytes, size).find("secret-word");
        if (at != std::string_view::npos) std::fill_n(bytes + at, 11, 'x');
    };
    Encoder to;
    to.header("{}");
    to.open(Kind::begin, nullptr, 0);
    to.take();
    std::string bytes = sample();
    Encoder more;
    const Time time{6, 1, 1};
    more.open(Kind::begin, &time, 1);
    more.table(table_spec<Item>(), true, false, false, 1);
    more.row(packed(item("a", 1, "secret-word")));
    more.close();
    bytes = more.take() + "cut";
    const auto made = cleaned(bytes, clean);
    ASSERT_TRUE(made) << made.error().text();
    EXPECT_EQ(made->size(), bytes.size() - 3) << "what can't be read is left out";
    const auto all = contents(*made);
    ASSERT_EQ(all.size(), 2u);
    EXPECT_EQ(std::get<Begin>(all[1]).tables.at(0).rows.at(0).bytes, packed(item("a", 1, "xxxxxxxxxxx")));
}

}  // namespace
}  // namespace weft::record
