#include "access.hpp"

#include <algorithm>
#include <regex>

namespace weft::testing {

namespace {

std::string metric(bool up) {
    return std::string("weft_connection_up{connection=\"kubernetes\"} ") + (up ? "1" : "0") + "\n";
}

Result<void> wait_metric(const Weftd& weftd, bool up) {
    return wait_for(metric(up), [&]() -> Result<void> {
        const auto answer = weftd.call("metrics");
        if (!answer) return answer.error();
        const std::string text(answer->root()["result"].string_or(""));
        return text.find(metric(up)) != std::string::npos ? Result<void>() : Result<void>(waiting("it says otherwise"));
    });
}

}  // namespace

void Access::SetUp() {
    Manners::SetUp();
    if (IsSkipped()) return;
    believe("ca");
    WEFT_ASSERT_OK(world().add_node("n1", 2));
}

void Access::TearDown() {
    Manners::TearDown();
    relay.reset();
}

void Access::believe(const std::string& ca) {
    replace_file(ca_file(), read_file(certificates().certificate(ca)));
}

std::uint16_t Access::server_port() {
    const auto& url = world().plane().endpoint().url;
    return static_cast<std::uint16_t>(std::stoi(url.substr(url.rfind(':') + 1)));
}

void Access::replace_file(const std::filesystem::path& path, const std::string& text) {
    const auto beside = path.string() + ".new";
    write_file(beside, text);
    std::filesystem::rename(beside, path);
}

void Access::write_kubeconfig(const std::string& role, const Way& way) {
    const std::string server = way.server.empty() ? world().plane().endpoint().url : way.server;
    replace_file(kubeconfig_file(role),
                 "apiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts:\n"
                 "- {name: c, context: {cluster: k, user: u}}\nclusters:\n- {name: k, cluster: {server: \"" +
                     server + "\", certificate-authority: \"" + ca_file() + "\"" +
                     (way.cluster.empty() ? "" : ", " + way.cluster) + "}}\nusers:\n- {name: u, user: {" + way.user +
                     "}}\n");
}

Result<Weftd> Access::start(const std::string& role, Environment environment) {
    auto how = world().options(role);
    how.access = "kubeconfig = " + kubeconfig_file(role) + "\n";
    // Long enough to keep the lead through all that happens here.
    how.config =
        "[clustermgrha]\nelection-lease-duration = 600\nelection-renew-deadline = 500\nelection-retry-period = 1\n";
    std::filesystem::remove(file(role) / "log");  // of another test
    how.environment.insert(how.environment.end(), environment.begin(), environment.end());
    return role == "node" ? world().node().start_weftd(std::move(how)) : world().bed().start(how);
}

std::string Access::token_user(const std::string& role) {
    return "tokenFile: \"" + world().token_file(role).string() + "\"";
}

void Access::make_relay(Relay::Kind kind) {
    WEFT_ASSERT_OK(world().bed().network().inside([&]() -> Result<void> {
        relay = std::make_unique<Relay>(server_port(), kind);
        return {};
    }));
}

void Access::expect_trouble(const Weftd& weftd, const std::vector<std::string>& words) {
    const auto has_all = [&](const std::string& text) {
        return std::ranges::all_of(words, [&](const auto& word) { return text.find(word) != std::string::npos; });
    };
    std::string seen;
    const auto told = weftd.wait_status("trouble with the API server", [&](JsonView s) {
        seen = NodeBed::detail(s, "kubernetes");
        return !NodeBed::is_up(s, "kubernetes") && has_all(seen);
    });
    ASSERT_TRUE(told.ok()) << "last: " << seen;
    WEFT_EXPECT_OK(wait_for("the same from weftctl", [&]() -> Result<void> {
        const auto output = world().bed().weftctl(weftd, {"status"});
        if (!output) return output.error();
        return has_all(output->out) ? Result<void>() : Result<void>(waiting(output->out));
    }));
    WEFT_EXPECT_OK(wait_metric(weftd, false));
    const std::string log = std::regex_replace(weftd.log(), std::regex(R"(\\")"), "\"");
    EXPECT_TRUE(has_all(log)) << log;
}

void Access::expect_well(Weftd& weftd) {
    WEFT_ASSERT_OK(wait_listed(weftd));
    WEFT_EXPECT_OK(
        weftd.wait_status("no word of trouble", [](JsonView s) { return NodeBed::detail(s, "kubernetes").empty(); }));
    WEFT_EXPECT_OK(wait_metric(weftd, true));
    EXPECT_TRUE(weftd.process.running());
}

void Access::expect_pod_comes(const std::string& name, const std::vector<std::string>& all) {
    WEFT_ASSERT_OK(world().add_pod(name));
    WEFT_ASSERT_OK(world().wait_annotated(name));
    WEFT_ASSERT_OK(world().wait_ports(all));
}

std::vector<std::string> Access::rows() {
    std::vector<std::string> lines;
    for (const char* table : {"Logical_Switch", "Logical_Switch_Port", "Logical_Router", "Logical_Router_Port"}) {
        const auto dump = run_ok({"ovsdb-client", "dump", "--no-headings", "unix:" + file("ovnnb_db.sock").string(),
                                  "OVN_Northbound", table});
        EXPECT_TRUE(dump.ok()) << dump.error().text();
        if (!dump) continue;
        std::istringstream in(*dump);
        for (std::string line; std::getline(in, line);)
            lines.push_back(line);
    }
    std::ranges::sort(lines);
    return lines;
}

std::vector<std::string> Access::writes(const std::string& user, const std::string& verb, const std::string& resource) {
    std::vector<std::string> names;
    for (const auto& a : asked()) {
        if (a.complete() && a.ok() && a.user == user && a.verb == verb && a.resource.starts_with(resource))
            names.push_back(a.name);
    }
    std::ranges::sort(names);
    return names;
}

}  // namespace weft::testing
