#include <weft/base/pack.hpp>
#include <weft/ovsdb/column.hpp>
#include <weft/tables/cni.hpp>
#include <weft/tables/kube.hpp>

#include <limits>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weft {
namespace {

enum class Colour : std::uint8_t { red, blue = 200 };

struct Everything {
    static constexpr std::string_view table_name = "Everything";
    struct Part {
        std::string name;
        std::optional<Ip> ip;
        static constexpr auto fields() { return std::tuple{field("name", &Part::name), field("ip", &Part::ip)}; }
        WEFT_FIELDS_EQUAL(Part)
    };

    Key<Everything> key;
    Key<tables::Pod> other;
    std::string text;
    bool flag = false;
    Colour colour = Colour::red;
    std::int64_t small = 0;
    std::int64_t least = 0;
    std::uint64_t most = 0;
    std::uint16_t port = 0;
    double real = 0;
    Id<Everything> id;
    std::optional<std::string> maybe;
    std::optional<bool> perhaps;
    Labels labels;
    std::vector<Part> parts;
    std::vector<IpPrefix> prefixes;
    Mac mac;
    Uuid uuid;
    ovsdb::Column<ovsdb::Set<std::string>> set;
    ovsdb::Column<ovsdb::Map<std::string, std::string>> map;
    ovsdb::Column<std::optional<ovsdb::Ref<Everything>>> ref;
    ovsdb::Column<std::string> undeclared;
    ovsdb::Column<std::string> empty;
    ovsdb::Parent parent;
    std::vector<ovsdb::After> after;

    static constexpr auto fields() {
        return std::tuple{field("text", &Everything::text),       field("other", &Everything::other),
                          field("key", &Everything::key),         field("flag", &Everything::flag),
                          field("colour", &Everything::colour),   field("small", &Everything::small),
                          field("least", &Everything::least),     field("most", &Everything::most),
                          field("port", &Everything::port),       field("real", &Everything::real),
                          field("id", &Everything::id),           field("maybe", &Everything::maybe),
                          field("perhaps", &Everything::perhaps), field("labels", &Everything::labels),
                          field("parts", &Everything::parts),     field("prefixes", &Everything::prefixes),
                          field("mac", &Everything::mac),         field("uuid", &Everything::uuid),
                          field("set", &Everything::set),         field("map", &Everything::map),
                          field("ref", &Everything::ref),         field("undeclared", &Everything::undeclared),
                          field("empty", &Everything::empty),     field("parent", &Everything::parent),
                          field("after", &Everything::after)};
    }
};

Everything everything() {
    Everything e;
    e.key.text = "web/p1";
    e.other.text = "web/p2";
    e.text = std::string("zero\0inside", 11);
    e.flag = true;
    e.colour = Colour::blue;
    e.small = -3;
    e.least = std::numeric_limits<std::int64_t>::min();
    e.most = std::numeric_limits<std::uint64_t>::max();
    e.port = 65535;
    e.real = -0.5;
    e.id = {7};
    e.maybe = "";
    e.perhaps = false;
    e.labels = {{"app", "web"}, {"tier", ""}};
    e.parts = {{"a", *Ip::parse("::1")}, {"b", std::nullopt}};
    e.prefixes = {*IpPrefix::parse("10.128.0.3/24"), *IpPrefix::parse("fd00::3/64")};
    e.mac = *Mac::parse("0a:58:0a:80:00:03");
    e.uuid = Uuid::random();
    e.set = ovsdb::Set<std::string>{"b", "a"};
    e.map = ovsdb::Map<std::string, std::string>{{"k", "v"}};
    e.ref = std::optional(ovsdb::Ref<Everything>(Key<Everything>{"x"}));
    e.empty = "";
    e.parent = {"Logical_Switch", "ports", "n1"};
    e.after = {{"NB/ACL", "acl", ovsdb::Level::installed}};
    return e;
}

std::string json(const Everything& e) {
    JsonWriter w;
    json_value(w, e);
    return w.take();
}

TEST(Pack, EveryKindOfFieldComesBack) {
    const Everything e = everything();
    const RowPtr row = RowPtr::make(e);
    EXPECT_EQ(row.key(), "web/p1");
    const auto back = row.as<Everything>();
    EXPECT_EQ(json(back), json(e));
    EXPECT_FALSE(back.undeclared.declared());
    EXPECT_TRUE(back.empty.declared());
    EXPECT_TRUE(detail::equal_fields(back, e));
    EXPECT_EQ(row.json(), json(e));
    EXPECT_EQ(row.open().as<Everything>().labels, e.labels);
}

TEST(Pack, AnEmptyRowComesBack) {
    const RowPtr row = RowPtr::make(Everything{});
    EXPECT_EQ(row.key(), "");
    EXPECT_TRUE(detail::equal_fields(row.as<Everything>(), Everything{}));
}

/// Each field alone makes other bytes, and the same value makes the same.
TEST(Pack, EqualRowsAreEqualBytes) {
    const Everything e = everything();
    EXPECT_TRUE(RowPtr::make(e).equals(RowPtr::make(RowPtr::make(e).as<Everything>())));
    const auto differs = [&](auto change) {
        Everything other = e;
        change(other);
        return !RowPtr::make(other).equals(RowPtr::make(e));
    };
    EXPECT_TRUE(differs([](auto& r) { r.key.text = "web/p2"; }));
    EXPECT_TRUE(differs([](auto& r) { r.flag = false; }));
    EXPECT_TRUE(differs([](auto& r) { r.maybe.reset(); }));
    EXPECT_TRUE(differs([](auto& r) { r.perhaps = true; }));
    EXPECT_TRUE(differs([](auto& r) { r.real = 0.5; }));
    EXPECT_TRUE(differs([](auto& r) { r.small = 3; }));
    EXPECT_TRUE(differs([](auto& r) { r.empty = {}; }));
    EXPECT_TRUE(differs([](auto& r) { r.prefixes.pop_back(); }));
    EXPECT_TRUE(differs([](auto& r) { r.parent.column = "acls"; }));
    EXPECT_TRUE(differs([](auto& r) { r.after[0].level = ovsdb::Level::committed; }));
    EXPECT_TRUE(differs([](auto& r) { r.uuid = {}; }));
    EXPECT_FALSE(differs([](auto&) {}));
}

TEST(Pack, WhatTheKeySaysIsNotSpeltOutAgain) {
    tables::Pod pod;
    pod.key = Key<tables::Pod>{"a-namespace-of-some-length", "a-pod-of-some-length"};
    const std::size_t without = RowPtr::make(pod).bytes().size();
    pod.ns = "a-namespace-of-some-length";
    pod.name = "a-pod-of-some-length";
    const RowPtr row = RowPtr::make(pod);
    EXPECT_LE(row.bytes().size(), without + 4);
    EXPECT_EQ(row.as<tables::Pod>().ns, pod.ns);
    EXPECT_EQ(row.as<tables::Pod>().name, pod.name);
}

TEST(Pack, RowsOfAnySizeComeBack) {
    std::mt19937 random(1);
    for (const std::size_t labels : {0U, 1U, 40U, 900U, 10'000U}) {
        tables::Pod pod;
        pod.key.text = std::string(labels, 'k');
        for (std::size_t i = 0; i < labels; ++i) {
            pod.labels.emplace_back("label-" + std::to_string(i),
                                    std::string(random() % 300, char('a' + random() % 3)));
        }
        const RowPtr row = RowPtr::make(pod);
        EXPECT_EQ(row.key(), pod.key.text);
        EXPECT_EQ(row.as<tables::Pod>().labels, pod.labels);
    }
}

/// What stands in a row already is referred to, wherever it stands, and nothing else is.
TEST(Pack, TextsThatAreThereAreFound) {
    std::mt19937 random(7);
    const auto letters = [&](std::size_t size) {
        std::string text(size, ' ');
        for (char& c : text)
            c = static_cast<char>('a' + random() % 2);
        return text;
    };
    for (int round = 0; round < 20'000; ++round) {
        const std::string there = letters(1 + random() % 90);  // its length is no letter
        const std::string text = letters(4 + random() % 12);
        Packer out;
        out.raw(there.data(), there.size());
        const std::size_t before = out.bytes().size();
        out.text(text);
        const bool referred = out.bytes().size() == before + 2;
        ASSERT_EQ(referred, there.find(text) != std::string::npos) << there << " " << text;
        Unpacker in(out.bytes());
        std::string back(there.size(), ' ');
        in.raw(back.data(), back.size());
        ASSERT_EQ(in.text(), text) << there;
    }
}

/// The buffer grows at whatever is written, also at the two numbers of a reference.
TEST(Pack, GrowingAtAnyPoint) {
    const std::string known = "known-text";
    for (std::size_t fill = 700; fill < 800; ++fill) {
        Packer out;
        out.text(known);
        const std::string filler(fill, 'x');
        out.raw(filler.data(), filler.size());
        for (int i = 0; i < 60; ++i)
            out.text(known);
        Unpacker in(out.bytes());
        EXPECT_EQ(in.text(), known);
        std::string back(fill, ' ');
        in.raw(back.data(), back.size());
        EXPECT_EQ(back, filler);
        for (int i = 0; i < 60; ++i)
            ASSERT_EQ(in.text(), known) << fill << " " << i;
    }
}

TEST(Pack, NumbersAndBytes) {
    Packer out;
    const std::vector<std::uint64_t> numbers{0, 1, 127, 128, 16383, 16384, 1ULL << 32, ~0ULL};
    for (const auto n : numbers)
        out.number(n);
    const std::array<unsigned char, 4> bytes{1, 0, 2, 0}, zeros{};
    out.raw(bytes.data(), bytes.size());
    out.raw(zeros.data(), zeros.size());
    out.text("");
    out.text("abc");
    Unpacker in(out.bytes());
    for (const auto n : numbers)
        EXPECT_EQ(in.number(), n);
    std::array<unsigned char, 4> back{9, 9, 9, 9};
    in.raw(back.data(), back.size());
    EXPECT_EQ(back, bytes);
    in.raw(back.data(), back.size());
    EXPECT_EQ(back, zeros);
    EXPECT_EQ(in.text(), "");
    EXPECT_EQ(in.text(), "abc");
}

TEST(Pack, NamesOfTablesAreKeptOnce) {
    const std::string a = "Some_Table", b = "Some_Table";
    EXPECT_EQ(constant_text(a).data(), constant_text(b).data());
    EXPECT_NE(constant_text(a).data(), a.data());
    EXPECT_EQ(constant_text("").size(), 0U);
}

}  // namespace
}  // namespace weft
