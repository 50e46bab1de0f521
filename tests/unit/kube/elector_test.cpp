#include "kube/elector.hpp"

#include "fakes.hpp"

#include <weft/base/json.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weft::kube {
namespace {

using namespace std::chrono_literals;
using test::FakeTransport;
using test::ManualLoop;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::string_view path = "/apis/coordination.k8s.io/v1/namespaces/ovn-kubernetes/leases/ovn-kubernetes-master";

/// A Lease as the server would hold it, and its behaviour with guarded updates.
class LeaseServer {
  public:
    bool present = false;
    int version = 0;
    std::string spec = "{}";

    std::string text() const {
        return R"({"apiVersion":"coordination.k8s.io/v1","kind":"Lease","metadata":{"name":"ovn-kubernetes-master","labels":{"keep":"me"},"resourceVersion":")" +
               std::to_string(version) + R"("},"spec":)" + spec + "}";
    }
    std::string field(std::string_view name) const {
        const auto document = JsonDocument::parse(spec);
        const JsonView value = document->root()[name];
        return value.is_string() ? std::string(value.string_or("")) : value.dump();
    }
    void held_by(const std::string& holder, const std::string& renewed, int transitions = 3) {
        present = true;
        ++version;
        spec = R"({"holderIdentity":")" + holder +
               R"(","leaseDurationSeconds":137,"acquireTime":"2020-01-01T00:00:00.000000Z","renewTime":")" + renewed +
               R"(","leaseTransitions":)" + std::to_string(transitions) + "}";
    }
    /// Serves the oldest request.
    void serve(FakeTransport& transport) {
        const Request request = transport.request();
        if (request.method == Method::get) {
            if (!present) return transport.answer(404, R"({"kind":"Status","code":404,"reason":"NotFound"})");
            return transport.answer(200, text());
        }
        const auto body = JsonDocument::parse(request.body);
        ASSERT_TRUE(body) << request.body;
        if (request.method == Method::post) {
            if (present) return transport.answer(409, R"({"kind":"Status","code":409,"reason":"AlreadyExists"})");
        } else {
            EXPECT_EQ(body->root()["metadata"]["labels"]["keep"].string_or(""), "me") << "metadata of others survives";
            if (body->root()["metadata"]["resourceVersion"].string_or("") != std::to_string(version)) {
                return transport.answer(409, R"({"kind":"Status","code":409,"reason":"Conflict"})");
            }
        }
        present = true;
        ++version;
        spec = body->root()["spec"].dump();
        transport.answer(request.method == Method::post ? 201 : 200, text());
    }
};

class ElectorTest : public testing::Test {
  protected:
    ElectorTest() {
        ElectorOptions options;
        options.identity = "me";
        elector.emplace(loop, transport, options,
                        Elector::Events{[this] { journal.push_back("gained"); },
                                        [this](const std::string& why) { journal.push_back("lost: " + why); }},
                        [] { return 0.0; });
    }
    void serve_all() {
        while (transport.open() > 0)
            server.serve(transport);
    }
    void lead() {
        elector->start();
        serve_all();
        ASSERT_THAT(journal, ElementsAre("gained"));
        journal.clear();
    }

    ManualLoop loop;
    FakeTransport transport{loop};
    LeaseServer server;
    std::vector<std::string> journal;
    std::optional<Elector> elector;
};

TEST_F(ElectorTest, CreatesTheLease) {
    EXPECT_FALSE(elector->may_write());
    elector->start();
    EXPECT_EQ(transport.request().path, path);
    server.serve(transport);
    EXPECT_EQ(transport.request().method, Method::post);
    server.serve(transport);
    EXPECT_THAT(journal, ElementsAre("gained"));
    EXPECT_TRUE(elector->may_write());
    EXPECT_EQ(server.field("holderIdentity"), "me");
    EXPECT_EQ(server.field("leaseDurationSeconds"), "137");
    EXPECT_EQ(server.field("leaseTransitions"), "0");
    EXPECT_THAT(server.field("renewTime"), testing::MatchesRegex(".*T.*[.]......Z"));
}

TEST_F(ElectorTest, RenewsWithOneRequestAndKeepsAcquireTime) {
    lead();
    const std::string acquired = server.field("acquireTime");
    for (int i = 0; i < 10; ++i) {
        const std::string renewed = server.field("renewTime");
        loop.advance(26s);
        ASSERT_EQ(transport.open(), 1U);
        EXPECT_EQ(transport.request().method, Method::put);
        server.serve(transport);
        EXPECT_GT(server.field("renewTime"), renewed);
        EXPECT_EQ(server.field("acquireTime"), acquired);
        EXPECT_EQ(server.field("leaseTransitions"), "0");
        EXPECT_TRUE(elector->may_write());
    }
    EXPECT_EQ(elector->status().renewals, 10U);
    EXPECT_THAT(journal, IsEmpty());
}

TEST_F(ElectorTest, WaitsForTheHolderByItsOwnClock) {
    // The times in the Lease are long past: they say nothing.
    server.held_by("other", "1999-01-01T00:00:00.000000Z");
    elector->start();
    serve_all();
    for (auto waited = 0s; waited < 130s; waited += 26s) {
        loop.advance(26s);
        serve_all();
        EXPECT_THAT(journal, IsEmpty());
    }
    EXPECT_EQ(elector->status().holder, "other");
    server.held_by("other", "1999-01-01T00:00:01.000000Z");  // it renews: the wait begins anew
    for (auto waited = 0s; waited < 130s; waited += 26s) {
        loop.advance(26s);
        serve_all();
        EXPECT_THAT(journal, IsEmpty());
    }
    loop.advance(26s);
    serve_all();
    loop.advance(26s);
    serve_all();
    EXPECT_THAT(journal, ElementsAre("gained"));
    EXPECT_EQ(server.field("leaseTransitions"), "4");
}

TEST_F(ElectorTest, TakesAReleasedLeaseAtOnce) {
    server.held_by("", "2020-01-01T00:00:00.000000Z", 7);
    elector->start();
    serve_all();
    EXPECT_THAT(journal, ElementsAre("gained"));
    EXPECT_EQ(server.field("leaseTransitions"), "8");
}

TEST_F(ElectorTest, TakesUpItsOwnLeaseAfterARestart) {
    server.held_by("me", "2020-01-01T00:00:00.000000Z", 7);
    elector->start();
    serve_all();
    EXPECT_THAT(journal, ElementsAre("gained"));
    EXPECT_EQ(server.field("leaseTransitions"), "7");
    EXPECT_EQ(server.field("acquireTime"), "2020-01-01T00:00:00.000000Z");
}

TEST_F(ElectorTest, StopsWritingAtTheRenewDeadline) {
    lead();
    const auto began = loop.now();
    while (journal.empty()) {
        ASSERT_LT(loop.now() - began, 200s);
        loop.advance(500ms);
        while (transport.open() > 0)
            transport.fail("connection refused");
        if (elector->may_write()) {
            EXPECT_LT(loop.now() - began, 107s);
        }
    }
    EXPECT_GE(loop.now() - began, 107s);
    EXPECT_LT(loop.now() - began, 108s);
    EXPECT_FALSE(elector->may_write());
    EXPECT_THAT(journal, ElementsAre(HasSubstr("lost: could not renew")));
    journal.clear();
    loop.advance(26s);
    serve_all();
    EXPECT_THAT(journal, ElementsAre("gained")) << "it is a candidate again";
}

TEST_F(ElectorTest, ARequestThatHangsDoesNotKeepIt) {
    lead();
    loop.advance(26s);
    ASSERT_EQ(transport.open(), 1U);
    loop.advance(80s);
    EXPECT_TRUE(elector->may_write());
    loop.advance(1s);
    EXPECT_FALSE(elector->may_write());
    EXPECT_THAT(journal, ElementsAre(HasSubstr("lost")));
    EXPECT_EQ(transport.open(), 0U) << "its late success must not count";
}

TEST_F(ElectorTest, AStuckLoopMayNotWrite) {
    lead();
    loop.clock().advance(108s);  // without the loop turning: no timer runs, yet writing is over
    EXPECT_THAT(journal, IsEmpty());
    EXPECT_FALSE(elector->may_write());
}

TEST_F(ElectorTest, AThiefIsNoticed) {
    lead();
    server.held_by("thief", "2030-01-01T00:00:00.000000Z");
    loop.advance(26s);
    serve_all();
    EXPECT_THAT(journal, ElementsAre(HasSubstr("lost: \"thief\" holds the Lease")));
    EXPECT_FALSE(elector->may_write());
    EXPECT_EQ(server.field("holderIdentity"), "thief");
}

TEST_F(ElectorTest, AHarmlessConflictIsReadAndWritten) {
    lead();
    ++server.version;  // somebody put a label on it
    loop.advance(26s);
    serve_all();
    EXPECT_THAT(journal, IsEmpty());
    EXPECT_TRUE(elector->may_write());
    EXPECT_EQ(elector->status().renewals, 1U);
}

TEST_F(ElectorTest, GivesTheLeaseBack) {
    lead();
    bool done = false;
    elector->stop([&] {
        done = true;
        EXPECT_THAT(journal, ElementsAre("lost: stopped"));
    });
    EXPECT_FALSE(elector->may_write()) << "before the others can know";
    EXPECT_FALSE(done);
    serve_all();
    EXPECT_TRUE(done);
    EXPECT_EQ(server.field("holderIdentity"), "");
    EXPECT_EQ(server.field("leaseDurationSeconds"), "1");
    loop.advance(1h);
    EXPECT_EQ(transport.started(), 3U) << "get, create, release";
}

TEST_F(ElectorTest, GivesItBackWhileARenewalWasUnderWay) {
    lead();
    loop.advance(26s);
    server.spec.replace(server.spec.find("renewTime") + 13, 4, "2031");  // the renewal landed, its answer did not
    ++server.version;
    bool done = false;
    elector->stop([&] { done = true; });
    serve_all();
    EXPECT_TRUE(done);
    EXPECT_EQ(server.field("holderIdentity"), "");
}

TEST_F(ElectorTest, StopWithoutALeaseAsksNothing) {
    server.held_by("other", "x");
    elector->start();
    serve_all();
    const auto asked = transport.started();
    bool done = false;
    elector->stop([&] { done = true; });
    loop.settle();
    EXPECT_TRUE(done);
    EXPECT_EQ(transport.started(), asked);
}

TEST_F(ElectorTest, GarbageAndRefusalsAreTroubleNotLeadership) {
    elector->start();
    transport.answer(200, "[]");
    EXPECT_THAT(elector->status().trouble, HasSubstr("no Lease"));
    loop.advance(60s);
    transport.answer(403, R"({"kind":"Status","code":403,"reason":"Forbidden","message":"no"})");
    EXPECT_THAT(elector->status().trouble, HasSubstr("weftctl rbac"));
    EXPECT_THAT(journal, IsEmpty());
}

TEST_F(ElectorTest, LosingTheRaceToCreate) {
    elector->start();
    server.serve(transport);
    server.held_by("other", "now");
    server.serve(transport);
    EXPECT_THAT(journal, IsEmpty());
    loop.advance(60s);
    serve_all();
    EXPECT_EQ(elector->status().holder, "other");
}

}  // namespace
}  // namespace weft::kube
