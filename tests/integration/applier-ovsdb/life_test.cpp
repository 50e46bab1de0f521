#include "integration/applier-ovsdb/bed.hpp"

#include <gmock/gmock.h>

namespace weft::test {
namespace {

const ovsdb::Map<std::string, std::string> ours{{"owner", "weft"}};

/// Connections and servers that go away at the worst moment.
class LifeTest : public ApplierBed {
  protected:
    void SetUp() override { wants<nb::LogicalSwitch, nb::PortGroup>(); }
    Far& make(bool proxied) {
        auto options = northbound();
        options.proxied = proxied;
        options.most_operations = 10;
        Far& north = add(std::move(options));
        start();
        north.applier().add_claim(owned<nb::LogicalSwitch>());
        north.applier().add_claim(owned<nb::PortGroup>());
        return north;
    }
    void put_rows(int from, int to) {
        for (int i = from; i < to; ++i) {
            put(nb::LogicalSwitch{.external_ids = ours, .name = "n" + std::to_string(i)});
            put(nb::PortGroup{.external_ids = ours, .name = "pg" + std::to_string(i)});
        }
    }
    bool until_there(Far& north, std::size_t rows) {
        return until([&] {
            return north.connected() && north.count<nb::LogicalSwitch>() == rows &&
                   north.count<nb::PortGroup>() == rows && north.status().state == appliers::State::synced;
        });
    }
};

TEST_F(LifeTest, AnAnswerThatIsLostIsDecidedByLooking) {
    Far& north = make(true);
    put_rows(0, 1);
    ASSERT_TRUE(until_there(north, 1));
    const auto requests = north.status().requests;
    north.proxy().swallow_answers();
    put_rows(1, 40);
    step();
    ASSERT_GT(north.status().requests, requests);
    // The server has done all of it, and nobody told us.
    ASSERT_TRUE(until([&] { return north.count<nb::LogicalSwitch>() == 40 && north.count<nb::PortGroup>() == 40; }));
    const auto sent = north.status().requests;
    north.proxy().cut();
    ASSERT_TRUE(until_there(north, 40));
    EXPECT_EQ(north.status().requests, sent) << "nothing was written twice";
    EXPECT_EQ(north.status().repaired, 0U);
}

TEST_F(LifeTest, AServerKilledInTheMiddleOfItGetsTheRestLater) {
    Far& north = make(false);
    put_rows(0, 1);
    ASSERT_TRUE(until_there(north, 1));
    put_rows(1, 400);
    step();  // 80 transactions are on their way
    north.server().kill9();
    ASSERT_TRUE(until([&] { return !north.connected(); }));
    put_rows(400, 410);
    north.server().start();
    ASSERT_TRUE(until_there(north, 410));
    std::set<std::string> names;
    north.spy().replica.each(north.table("Logical_Switch"), [&](const RowPtr& row) {
        EXPECT_TRUE(names.insert(row.as<nb::LogicalSwitch>().name.get()).second) << "twice";
    });
}

TEST_F(LifeTest, AResyncAfterAReconnectChangesNothing) {
    Far& north = make(false);
    put_rows(0, 50);
    ASSERT_TRUE(until_there(north, 50));
    const auto requests = north.status().requests;
    north.server().restart();
    ASSERT_TRUE(until([&] { return !north.connected(); }));
    ASSERT_TRUE(until_there(north, 50));
    EXPECT_EQ(north.status().requests, requests);
    EXPECT_EQ(north.status().repaired, 0U);
}

TEST_F(LifeTest, WhatChangedWhileTheConnectionWasAwayIsPutBack) {
    Far& north = make(true);
    put_rows(0, 5);
    ASSERT_TRUE(until_there(north, 5));
    north.proxy().swallow_answers();  // from here on we hear nothing
    north.erase<nb::LogicalSwitch>(north.see<nb::LogicalSwitch>("n3")->uuid);
    north.proxy().cut();
    ASSERT_TRUE(until([&] { return north.status().repaired == 1 && north.count<nb::LogicalSwitch>() == 5; }));
}

}  // namespace
}  // namespace weft::test
