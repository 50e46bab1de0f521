#include "selector.hpp"

#include "cluster.hpp"

#include <gtest/gtest.h>

namespace weft::apiserver {
namespace {

const Resource& pods() {
    static const Resource found = [] {
        for (auto& resource : builtin_resources()) {
            if (resource.is("", "pods")) return resource;
        }
        return Resource{};
    }();
    return found;
}

ObjectPtr object(const std::string& text) {
    return make_object(pods(), yaml(text), 1);
}

bool label_match(const std::string& selector) {
    auto parsed = LabelSelector::parse(selector);
    return parsed &&
           parsed->matches(*object("metadata: {name: p, namespace: ns, labels: {app: web, tier: '3', e: ''}}"));
}

TEST(LabelSelector, Matches) {
    for (const char* yes : {"", "app=web", "app==web", "app!=db", "nope!=x", "app", "!nope", "app in (db,web)",
                            "app notin (db)", "nope notin (a,b)", "app=web,tier=3", " app = web , tier in ( 3 , 4 ) ",
                            "tier>2", "tier<4", "e=", "e in (,x)", "!nope,app"}) {
        EXPECT_TRUE(label_match(yes)) << yes;
    }
    for (const char* no : {"app=db", "app!=web", "nope", "!app", "app in (db)", "nope in (a)", "app notin (web)",
                           "app=web,tier=4", "tier>3", "tier<3", "app>1", "e=x"}) {
        EXPECT_FALSE(label_match(no)) << no;
    }
}

TEST(LabelSelector, RefusesWhatIsNone) {
    for (const char* bad : {"=web", "app=,,b", "app in web", "app in (a", "app like x", "a b", "app=web,", "-x=1",
                            "a/b/c=1", "app=a b", "tier>x", "app=$", "!", ","}) {
        auto parsed = LabelSelector::parse(bad);
        ASSERT_FALSE(parsed) << bad;
        EXPECT_EQ(parsed.error().code, 400) << bad;
    }
}

TEST(FieldSelector, Matches) {
    auto pod = object(
        "{metadata: {name: p, namespace: ns}, spec: {nodeName: n1, hostNetwork: true}, status: {phase: Running}}");
    auto match = [&](const char* text) {
        auto parsed = FieldSelector::parse(text, pods());
        return parsed && parsed->matches(*pod);
    };
    for (const char* yes : {"", "metadata.name=p", "metadata.namespace==ns", "spec.nodeName=n1", "status.phase!=Failed",
                            "spec.nodeName=n1,status.phase=Running", "status.podIP=", "spec.hostNetwork=true"}) {
        EXPECT_TRUE(match(yes)) << yes;
    }
    for (const char* no :
         {"metadata.name=q", "spec.nodeName!=n1", "spec.nodeName=", "status.phase=Running,metadata.name=x"}) {
        EXPECT_FALSE(match(no)) << no;
    }
    EXPECT_FALSE(FieldSelector::parse("spec.containers=1", pods()));
    EXPECT_FALSE(FieldSelector::parse("metadata.name", pods()));
}

}  // namespace
}  // namespace weft::apiserver
