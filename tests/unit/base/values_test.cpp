#include <weft/base/clock.hpp>
#include <weft/base/hash.hpp>
#include <weft/base/key.hpp>
#include <weft/base/result.hpp>
#include <weft/base/text.hpp>
#include <weft/base/uuid.hpp>

#include <set>

#include <gtest/gtest.h>

namespace weft {
namespace {

TEST(Uuid, RoundTrips) {
    const char* text = "00112233-4455-6677-8899-aabbccddeeff";
    EXPECT_EQ(Uuid::parse(text)->text(), text);
    EXPECT_EQ(Uuid::parse("00112233-4455-6677-8899-AABBCCDDEEFF")->text(), text);
    for (const char* bad : {"", "00112233445566778899aabbccddeeff", "00112233-4455-6677-8899-aabbccddeef",
                            "00112233-4455-6677-8899-aabbccddeegg", "00112233-4455-6677-8899_aabbccddeeff"}) {
        EXPECT_FALSE(Uuid::parse(bad).ok()) << bad;
    }
}

TEST(Uuid, RandomOnesDiffer) {
    std::set<Uuid> seen;
    for (int i = 0; i < 1000; ++i)
        seen.insert(Uuid::random());
    EXPECT_EQ(seen.size(), 1000U);
    EXPECT_EQ(Uuid::random().text()[14], '4');
}

TEST(Fnv, NamesPortGroupsAsOthersDo) {
    EXPECT_EQ(fnv1a64("default-network-controller:Cluster:clusterPortGroup"), 13298398610555951118ULL);
    EXPECT_EQ(fnv1a64("default-network-controller:Cluster:clusterRtrPortGroup"), 4743249366342378346ULL);
    EXPECT_EQ(fnv1a64("default-network-controller:Namespace:default:v4"), 4322231855293774466ULL);
}

struct Row {};

TEST(Key, JoinsItsParts) {
    EXPECT_EQ((Key<Row>{"web", "p1"}).text, "web/p1");
    EXPECT_EQ((Key<Row>{"web", std::string("p1"), "eth0"}).text, "web/p1/eth0");
    EXPECT_EQ(Key<Row>("n1").text, "n1");
    EXPECT_LT((Key<Row>{"a"}), (Key<Row>{"b"}));
}

TEST(Result, CarriesOneOfTwo) {
    Result<int> good = 5;
    EXPECT_TRUE(good.ok());
    EXPECT_EQ(*good, 5);
    Result<int> bad = invalid("port 99999 is too large", "use 1 to 65535");
    EXPECT_FALSE(bad.ok());
    EXPECT_EQ(bad.error().text(), "port 99999 is too large (use 1 to 65535)");
    EXPECT_EQ(Error(bad.error()).at("weft.conf:12").text(), "weft.conf:12: port 99999 is too large (use 1 to 65535)");
}

TEST(ManualClock, MovesWhenTold) {
    ManualClock clock;
    const auto start = clock.now();
    clock.advance(std::chrono::seconds(5));
    EXPECT_EQ(clock.now() - start, std::chrono::seconds(5));
}

TEST(Text, ABeginningCutsNoCharacterInTwo) {
    const std::string text = "a\xc3\xa4\xe2\x82\xac\xf0\x9f\xa6\x8a";  // one of each length
    EXPECT_EQ(beginning(text, 100), text);
    EXPECT_EQ(beginning(text, 10), text);
    for (std::size_t limit : {6U, 7U, 8U, 9U})
        EXPECT_EQ(beginning(text, limit), text.substr(0, 6)) << limit;
    for (std::size_t limit : {3U, 4U, 5U})
        EXPECT_EQ(beginning(text, limit), text.substr(0, 3)) << limit;
    EXPECT_EQ(beginning(text, 2), "a");
    EXPECT_EQ(beginning(text, 0), "");
    EXPECT_EQ(beginning("\x80\x80\x80", 2), "");
}

}  // namespace
}  // namespace weft
