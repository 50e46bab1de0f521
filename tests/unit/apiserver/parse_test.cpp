#include "cluster.hpp"
#include "columns.hpp"
#include "http.hpp"
#include "protobuf.hpp"
#include "validation.hpp"

#include <gtest/gtest.h>

namespace weft::apiserver {
namespace {

TEST(Yaml, TypesScalarsAsKubernetesDoes) {
    EXPECT_EQ(
        yaml("{a: 1, b: '1', c: true, d: \"true\", e: null, f: ~, g: 1.5, h: abc, i: 0x10, j: 010, k: -3, l: yes}")
            .dump(),
        R"({"a":1,"b":"1","c":true,"d":"true","e":null,"f":null,"g":1.5,"h":"abc","i":16,"j":8,"k":-3,"l":true})");
    EXPECT_EQ(yaml("{ip: 10.0.0.1, v6: 'fd00::1', mac: 0a:58:0a:00:00:01, big: 18446744073709551615, e: 1e3}").dump(),
              R"({"big":18446744073709551615,"e":1000.0,"ip":"10.0.0.1","mac":"0a:58:0a:00:00:01","v6":"fd00::1"})");
    EXPECT_EQ(yaml("a: |\n  x\n  y\nb: &n [1]\nc: *n\n").dump(), R"({"a":"x\ny\n","b":[1],"c":[1]})");
}

TEST(Yaml, ManifestsAreTakenApart) {
    std::string why;
    auto many = parse_manifests("---\na: 1\n---\n---\nkind: List\nitems: [{b: 2}, {c: 3}]\n", why);
    ASSERT_TRUE(many) << why;
    EXPECT_EQ(Json(*many).dump(), R"([{"a":1},{"b":2},{"c":3}])");
    auto typed = parse_manifests(R"({"kind":"PodList","apiVersion":"v1","items":[{"metadata":{}}]})", why);
    ASSERT_TRUE(typed) << why;
    EXPECT_EQ((*typed)[0]["kind"], "Pod");
    EXPECT_FALSE(parse_manifests("a: [", why));
    EXPECT_FALSE(why.empty());
}

TEST(Yaml, AliasesThatExplodeAreRefused) {
    std::string bomb = "a: &a [x,x,x,x,x,x,x,x,x,x]\n";
    for (char c = 'b'; c <= 'i'; ++c) {
        std::string prev(1, static_cast<char>(c - 1));
        bomb += std::string(1, c) + ": &" + c + " [";
        for (int i = 0; i < 10; ++i)
            bomb += (i ? ",*" : "*") + prev;
        bomb += "]\n";
    }
    std::string why;
    EXPECT_FALSE(parse_yaml(bomb, why));
}

TEST(Targets, AreTakenApart) {
    auto info = parse_target("/apis/k8s.ovn.org/v1/namespaces/red/egressfirewalls/x/status?a=b%20c&d=%2F+x&watch=1");
    EXPECT_EQ(info.group, "k8s.ovn.org");
    EXPECT_EQ(info.version, "v1");
    EXPECT_EQ(info.space, "red");
    EXPECT_EQ(info.plural, "egressfirewalls");
    EXPECT_EQ(info.name, "x");
    EXPECT_EQ(info.subresource, "status");
    EXPECT_EQ(info.parameter("a"), "b c");
    EXPECT_EQ(info.parameter("d"), "/ x");
    EXPECT_TRUE(info.flag("watch"));
    auto space = parse_target("/api/v1/namespaces/red");
    EXPECT_EQ(space.plural, "namespaces");
    EXPECT_EQ(space.name, "red");
    auto status = parse_target("/api/v1/namespaces/red/status");
    EXPECT_EQ(status.plural, "namespaces");
    EXPECT_EQ(status.subresource, "status");
    EXPECT_FALSE(parse_target("/api/v1").about_resource);
    EXPECT_FALSE(parse_target("").about_resource);
    EXPECT_EQ(parse_target("/api/v1/pods/%zz%4").name, "%zz%4");
}

TEST(Targets, AreLabelled) {
    auto label = [](const char* method, const char* target) { return request_label(method, parse_target(target)); };
    EXPECT_EQ(label("GET", "/api/v1/pods?watch=true"), "watch pods");
    EXPECT_EQ(label("GET", "/api/v1/pods"), "list pods");
    EXPECT_EQ(label("GET", "/api/v1/nodes/n"), "get nodes");
    EXPECT_EQ(label("PATCH", "/api/v1/namespaces/d/pods/p/status"), "patch pods/status");
    EXPECT_EQ(label("POST", "/api/v1/namespaces/d/pods"), "create pods");
    EXPECT_EQ(label("PUT", "/apis/coordination.k8s.io/v1/namespaces/d/leases/l"), "update leases");
    EXPECT_EQ(label("DELETE", "/apis/x.org/v1/foos"), "deletecollection foos.x.org");
    EXPECT_EQ(label("GET", "/version"), "get /version");
}

TEST(Protobuf, ReadsWhatKubectlSends) {
    // A ConfigMap {name: m, labels {a: b}} with data {k: v}, in the envelope.
    std::string meta = std::string("\x0a\x01m") +
                       "\x5a\x06\x0a\x01"
                       "a\x12\x01"
                       "b";
    std::string map = "\x0a" + std::string(1, static_cast<char>(meta.size())) + meta + "\x12\x06\x0a\x01k\x12\x01v";
    std::string type = std::string("\x0a\x02v1\x12\x09") + "ConfigMap";
    std::string body = std::string("k8s\0", 4) + "\x0a" + std::string(1, static_cast<char>(type.size())) + type +
                       "\x12" + std::string(1, static_cast<char>(map.size())) + map;
    std::string why;
    auto json = parse_protobuf(body, why);
    ASSERT_TRUE(json) << why;
    EXPECT_EQ(json->dump(),
              R"({"apiVersion":"v1","data":{"k":"v"},"kind":"ConfigMap","metadata":{"labels":{"a":"b"},"name":"m"}})");
    for (std::size_t size = 0; size < body.size(); ++size) {
        auto cut = parse_protobuf(body.substr(0, size), why);  // never crashes, whatever it makes of it
        EXPECT_TRUE(!cut || cut->is_object());
    }
}

TEST(Names, Limits) {
    EXPECT_TRUE(subdomain_error("a.b-c.0").empty());
    EXPECT_FALSE(subdomain_error("a..b").empty());
    EXPECT_FALSE(subdomain_error("-a").empty());
    EXPECT_FALSE(subdomain_error("").empty());
    EXPECT_TRUE(label_key_error("k8s.ovn.org/a_B.c").empty());
    EXPECT_FALSE(label_key_error("/a").empty());
    EXPECT_FALSE(label_key_error("a/").empty());
    EXPECT_FALSE(label_key_error("UPPER/a").empty());
    EXPECT_FALSE(label_key_error(std::string(64, 'a')).empty());
    EXPECT_TRUE(label_value_error("").empty());
    EXPECT_FALSE(label_value_error("-a").empty());
}

TEST(JsonPath, FindsTheFirst) {
    Json object = yaml("{a: {b.c: 1, l: [{type: X, v: 2}, {type: Z, v: 3}]}}");
    EXPECT_EQ(json_path(object, ".a.l[1].v"), 3);
    EXPECT_EQ(json_path(object, ".a.l[*].v"), 2);
    EXPECT_EQ(json_path(object, ".a.l[?(@.type==\"Z\")].v"), 3);
    EXPECT_EQ(json_path(object, ".a.b\\.c"), 1);
    EXPECT_EQ(json_path(object, ".a['b.c']"), 1);
    EXPECT_TRUE(json_path(object, ".x.y").is_null());
    EXPECT_TRUE(json_path(object, ".a[").is_null());
}

TEST(Base64, ThereAndBack) {
    for (const char* text : {"", "a", "ab", "abc", "abcd"})
        EXPECT_EQ(base64_decode(base64(text)), text);
    EXPECT_EQ(base64("ab"), "YWI=");
}

}  // namespace
}  // namespace weft::apiserver
