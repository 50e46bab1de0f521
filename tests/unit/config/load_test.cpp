#include "support.hpp"

namespace weft::config {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST_F(LoadTest, WithoutAnythingTheDefaultsCount) {
    auto config = Config::load(options());
    ASSERT_TRUE(config) << config.error().text();
    const auto& s = config->settings();
    EXPECT_EQ(s.base.mtu, 1400u);
    EXPECT_EQ(s.node_name, "host-1");
    EXPECT_TRUE(s.ipv4);
    EXPECT_FALSE(s.ipv6);
    EXPECT_EQ(s.north.remote, "unix:/var/run/ovn/ovnnb_db.sock");
    EXPECT_EQ(s.south.remote, "unix:/var/run/ovn/ovnsb_db.sock");
    EXPECT_EQ(s.switch_db.remote, "unix:/var/run/openvswitch/db.sock");
    EXPECT_EQ(s.admin_socket(), "/var/run/ovn-kubernetes/admin-node.sock");
    EXPECT_FALSE(s.plugins.listed);
    EXPECT_THAT(config->warnings(), IsEmpty());
    EXPECT_THAT(config->files(), IsEmpty());
    EXPECT_EQ(config->origin("default", "mtu").text(), "default");
}

TEST_F(LoadTest, FilesInOrderTheLastCounts) {
    dir_.write("conf.d/20-b.conf", "[default]\nmtu=3\nencap-port=7\n");
    dir_.write("conf.d/10-a.conf", "[default]\nmtu=2\n[DEFAULT]\nMTU=1500\n");
    dir_.write("conf.d/readme.txt", "[this is no config");
    dir_.write("conf.d/.hidden.conf", "[this is no config");
    dir_.write("conf.d/20-b.conf", "[default]\nmtu=9000\n");
    auto config = load("[default]\nmtu=1300\nencap-port=6082\n");
    ASSERT_TRUE(config) << config.error().text();
    EXPECT_EQ(config->settings().base.mtu, 9000u);
    EXPECT_EQ(config->settings().base.encap_port, 6082);
    EXPECT_THAT(config->files(),
                ElementsAre(dir_.path("weft.conf"), dir_.path("conf.d/10-a.conf"), dir_.path("conf.d/20-b.conf")));
    EXPECT_EQ(config->origin("default", "MTU").text(), dir_.path("conf.d/20-b.conf:2"));
    EXPECT_EQ(config->origin("default", "encap-port").text(), dir_.path("weft.conf:3"));
}

TEST_F(LoadTest, WeftConfGoesBeforeOvnK8sConf) {
    dir_.write("ovn_k8s.conf", "[default]\nmtu=1300\n");
    auto config = Config::load(options());
    ASSERT_TRUE(config);
    EXPECT_EQ(config->settings().base.mtu, 1300u);
    config = load("[default]\nmtu=1301\n");
    ASSERT_TRUE(config);
    EXPECT_EQ(config->settings().base.mtu, 1301u);
}

TEST_F(LoadTest, ExplicitFileMustExistAndBringsItsConfD) {
    auto missing = Config::load(options({"--config-file=/nowhere/x.conf"}));
    ASSERT_FALSE(missing);
    EXPECT_THAT(missing.error().what, HasSubstr("failed to open config file /nowhere/x.conf: No such file"));

    dir_.write("own/x.conf", "[default]\nmtu=1300\n");
    dir_.write("own/conf.d/a.conf", "[default]\nencap-port=1\n");
    dir_.write("conf.d/not-this.conf", "[default]\nencap-port=2\n");
    auto config = Config::load(options({"--config-file", dir_.path("own/x.conf")}));
    ASSERT_TRUE(config) << config.error().text();
    EXPECT_EQ(config->settings().base.mtu, 1300u);
    EXPECT_EQ(config->settings().base.encap_port, 1);

    auto folder = Config::load(options({"--config-dir", dir_.path("absent")}));
    ASSERT_FALSE(folder);
    EXPECT_THAT(folder.error().text(), HasSubstr("no folder"));
    EXPECT_THAT(Config::load(options({"--config-file", dir_.path("own")})).error().what, HasSubstr("it is a folder"));
    dir_.write("big.conf", std::string((1 << 20) + 1, '#'));
    EXPECT_THAT(Config::load(options({"--config-file", dir_.path("big.conf")})).error().what,
                HasSubstr("larger than 1 MiB"));
}

TEST_F(LoadTest, FlagsWinOverFilesEvenWhenEqualToTheDefault) {
    // OVN-Kubernetes would take mtu 9000 here, because the flag equals the default. That quirk is not copied.
    auto config = load("[default]\nmtu=9000\n[gateway]\nmode=local\n", {"--mtu=1400", "--gateway-mode=shared"});
    ASSERT_TRUE(config) << config.error().text();
    EXPECT_EQ(config->settings().base.mtu, 1400u);
    EXPECT_EQ(config->settings().gateway.mode, "shared");
    EXPECT_EQ(config->origin("default", "mtu").text(), "--mtu");
    // A flag turns a boolean that the file turned off back on.
    config = load("[default]\nmonitor-all=false\n", {"--monitor-all"});
    ASSERT_TRUE(config);
    EXPECT_TRUE(config->settings().base.monitor_all);
}

TEST_F(LoadTest, PrecedenceFromServiceAccountToFlag) {
    dir_.write("sa/token", "sa-token\n");
    dir_.write("sa/ca.crt", "pem");
    auto config = Config::load(options());
    ASSERT_TRUE(config) << config.error().text();
    EXPECT_EQ(config->settings().kubernetes.token, "sa-token");
    EXPECT_EQ(config->settings().kubernetes.token_file, dir_.path("sa/token"));
    EXPECT_EQ(config->settings().kubernetes.cacert, dir_.path("sa/ca.crt"));

    environment_ = {{"K8S_TOKEN", "env-token"}, {"K8S_APISERVER", "https://env:6443"}, {"K8S_CACERT", ""}};
    config = Config::load(options());
    ASSERT_TRUE(config) << config.error().text();
    EXPECT_EQ(config->settings().kubernetes.token, "env-token");
    EXPECT_EQ(config->settings().kubernetes.token_file, "") << "a layer that sets one clears the other";
    EXPECT_EQ(config->settings().kubernetes.cacert, dir_.path("sa/ca.crt")) << "an empty variable says nothing";
    EXPECT_EQ(config->origin("kubernetes", "apiserver").text(), "$K8S_APISERVER");

    config = load("[kubernetes]\napiserver=https://file:6443\n");
    ASSERT_TRUE(config);
    EXPECT_EQ(config->settings().kubernetes.apiserver, "https://file:6443");
    config = load("[kubernetes]\napiserver=https://file:6443\n", {"--k8s-apiserver=https://flag:6443"});
    ASSERT_TRUE(config);
    EXPECT_EQ(config->settings().kubernetes.apiserver, "https://flag:6443");
}

TEST_F(LoadTest, TokenAndTokenFileClearEachOther) {
    environment_ = {{"K8S_TOKEN", "a"}};
    auto config = load("[kubernetes]\ntokenFile=/t\n");
    ASSERT_TRUE(config);
    EXPECT_EQ(config->settings().kubernetes.token, "");
    EXPECT_EQ(config->settings().kubernetes.token_file, "/t");

    config = load("[kubernetes]\ntokenFile=/t\n", {"--k8s-token=b"});
    ASSERT_TRUE(config);
    EXPECT_EQ(config->settings().kubernetes.token, "b");
    EXPECT_EQ(config->settings().kubernetes.token_file, "");

    // One layer may set both, also in two files.
    dir_.write("conf.d/a.conf", "[kubernetes]\ntoken=c\n");
    config = load("[kubernetes]\ntokenFile=/t\n");
    ASSERT_TRUE(config);
    EXPECT_EQ(config->settings().kubernetes.token, "c");
    EXPECT_EQ(config->settings().kubernetes.token_file, "/t");
}

TEST_F(LoadTest, CaFileAndCaDataClearEachOther) {
    environment_ = {{"K8S_CACERT", "/ca"}};
    auto config = load("[kubernetes]\ncacert-data=YQ==\n");
    ASSERT_TRUE(config) << config.error().text();
    EXPECT_EQ(config->settings().kubernetes.cacert, "");
    EXPECT_EQ(config->settings().kubernetes.cacert_data, "YQ==");
    config = load("[kubernetes]\ncacert-data=YQ==\n", {"--k8s-cacert=/other"});
    ASSERT_TRUE(config);
    EXPECT_EQ(config->settings().kubernetes.cacert, "/other");
    EXPECT_EQ(config->settings().kubernetes.cacert_data, "");
}

TEST_F(LoadTest, EnvironmentSetsAllItsKeys) {
    dir_.write("kubeconfig", "");
    environment_ = {{"KUBECONFIG", dir_.path("kubeconfig")},
                    {"BOOTSTRAP_KUBECONFIG", "/b"},
                    {"CERT_DIR", "/c"},
                    {"K8S_CACERT_DATA", "YQ=="},
                    {"K8S_TOKEN_FILE", "/tf"},
                    {"OVN_HOST_NETWORK_NAMESPACE", "hostnet"},
                    {"K8S_NODE", "n7"},
                    {"POD_NAME", "weft-x"}};
    auto config = Config::load(options());
    ASSERT_TRUE(config) << config.error().text();
    const auto& k = config->settings().kubernetes;
    EXPECT_EQ(k.kubeconfig, dir_.path("kubeconfig"));
    EXPECT_EQ(k.bootstrap_kubeconfig, "/b");
    EXPECT_EQ(k.cert_dir, "/c");
    EXPECT_EQ(k.cacert_data, "YQ==");
    EXPECT_EQ(k.token_file, "/tf");
    EXPECT_EQ(k.host_network_namespace, "hostnet");
    EXPECT_EQ(config->settings().node_name, "n7");
    EXPECT_EQ(config->settings().leader_identity(), "weft-x");
}

TEST_F(LoadTest, NodeNameOnADpuComesFromItsOwnVariable) {
    environment_ = {{"K8S_NODE", "dpu-card"}, {"K8S_NODE_DPU", "n7"}};
    auto config = Config::load(options({"--role=dpu"}));
    ASSERT_TRUE(config) << config.error().text();
    EXPECT_EQ(config->settings().node_name, "n7");
    EXPECT_EQ(config->settings().node_mode, NodeMode::dpu);
    config = Config::load(options({"--role=node"}));
    ASSERT_TRUE(config);
    EXPECT_EQ(config->settings().node_name, "dpu-card");
    config = Config::load(options({"--role=dpu", "--node=n8"}));
    ASSERT_TRUE(config);
    EXPECT_EQ(config->settings().node_name, "n8");
}

TEST_F(LoadTest, LegacyMetricKeysGiveWayToTheMetricsSection) {
    auto config = load("[kubernetes]\nmetrics-bind-address=1.1.1.1:1\nmetrics-enable-pprof=true\n");
    ASSERT_TRUE(config);
    EXPECT_EQ(config->settings().metrics.bind_address, "1.1.1.1:1");
    EXPECT_TRUE(config->settings().metrics.enable_pprof);
    config = load("[kubernetes]\nmetrics-bind-address=1.1.1.1:1\n[metrics]\nbind-address=2.2.2.2:2\n");
    ASSERT_TRUE(config);
    EXPECT_EQ(config->settings().metrics.bind_address, "2.2.2.2:2");
    config = load("[kubernetes]\nmetrics-bind-address=1.1.1.1:1\n", {"--metrics-bind-address=:3"});
    ASSERT_TRUE(config);
    EXPECT_EQ(config->settings().metrics.bind_address, ":3");
}

TEST_F(LoadTest, LegacyFlagsWinOverEverything) {
    auto config = load("[default]\ncluster-subnets=10.1.0.0/16\n[kubernetes]\nservice-cidr=10.97.0.0/16\n",
                       {"--cluster-subnets=10.2.0.0/16", "--cluster-subnet=10.3.0.0/16",
                        "--k8s-service-cidrs=10.96.0.0/16", "--service-cluster-ip-range=10.98.0.0/16"});
    ASSERT_TRUE(config) << config.error().text();
    EXPECT_EQ(config->settings().base.cluster_subnets, "10.3.0.0/16");
    EXPECT_EQ(config->settings().kubernetes.service_cidrs, "10.98.0.0/16");
}

TEST_F(LoadTest, UnknownUpstreamNamesWarn) {
    auto config = load("[default]\nmut=1\nzone=global\n[gatewy]\nmode=shared\n[MasterHA]\nelection-lease-duration=1\n");
    ASSERT_TRUE(config) << config.error().text();
    const std::string file = dir_.path("weft.conf");
    std::vector<std::string> texts;
    for (const auto& w : config->warnings())
        texts.push_back(w.text());
    EXPECT_THAT(texts,
                ElementsAre(file + ":2:1: unknown key \"mut\" in [default] is ignored (did you mean \"mtu\"?)",
                            file + ":3:1: \"zone\" in [default] has been removed and is ignored (each node has its own "
                                   "databases and is its own zone)",
                            file + ":4:1: unknown section [gatewy] is ignored (did you mean [gateway]?)",
                            file + ":6:1: section [masterha] has been removed and is ignored ([clustermgrha] has its "
                                   "keys now)"));
}

TEST_F(LoadTest, UnknownWeftNamesAreErrors) {
    auto config = load("[weft]\nrole=node\nrundir=/x\n");
    ASSERT_FALSE(config);
    EXPECT_EQ(config.error().text(),
              dir_.path("weft.conf") + ":3:1: unknown key \"rundir\" in [weft] (did you mean \"run-dir\"?)");
    EXPECT_THAT(error_of("[weft]\nqqqqqqqqqqq=1\n"), HasSubstr("unknown key"));
    EXPECT_THAT(error_of("[plugins]\nenabled=a\n"), HasSubstr("unknown key \"enabled\" in [plugins]"));
    EXPECT_THAT(error_of("[plugins]\nenable\n"), HasSubstr("no value for \"enable\""));
    EXPECT_THAT(error_of("[plugins]\nenable=Bad_Name\n"), HasSubstr("\"Bad_Name\" is no plugin name"));
    EXPECT_THAT(error_of("[plugins]\nsha256.x=123\n"), HasSubstr("64 hexadecimal digits"));
    EXPECT_THAT(error_of("[plugin]\nx=1\n"), HasSubstr("names no plugin"));
}

TEST_F(LoadTest, ErrorsNameFileLineAndColumn) {
    const std::string file = dir_.path("weft.conf");
    auto config = load("[default]\n  mtu = 9k\n");
    ASSERT_FALSE(config);
    EXPECT_EQ(config.error().where, file + ":2:3");
    EXPECT_EQ(config.error().what, "failed to parse config file " + file + ": [default] mtu: \"9k\" is no number");
    config = load("[default\n");
    ASSERT_FALSE(config);
    EXPECT_EQ(config.error().where, file + ":1:9");
    EXPECT_THAT(config.error().what, HasSubstr("failed to parse config file " + file));
    config = load("[default]\nmtu\n");
    ASSERT_FALSE(config);
    EXPECT_THAT(config.error().what, HasSubstr("no value for \"mtu\" in [default]"));
    config = load("", {"--mtu=9k"});
    ASSERT_FALSE(config);
    EXPECT_EQ(config.error().where, "--mtu");
    config = load("[default]\nmtu=100\n");
    ASSERT_FALSE(config);
    EXPECT_THAT(config.error().text(), HasSubstr("it must be from 576 to 65535"));
}

TEST_F(LoadTest, DurationsInFilesAndFlags) {
    auto config = load("[default]\ndb-txn-timeout=5000000000\n[kubernetes]\ncert-duration=1h\n");
    ASSERT_TRUE(config) << config.error().text();
    EXPECT_EQ(config->settings().base.db_txn_timeout, 5s);
    EXPECT_EQ(config->settings().kubernetes.cert_duration, 1h);
    EXPECT_THAT(error_of_flags({"--db-txn-timeout=5000000000"}), HasSubstr("is no duration"));
}

TEST_F(LoadTest, PluginListsAddUpOverFiles) {
    dir_.write("conf.d/10-services.conf", "[plugins]\nenable = services\n");
    dir_.write("conf.d/20-off.conf", "[plugins]\ndisable = multicast\nenable = egress-ip\n");
    const std::string hash(64, 'A');
    auto config = load("[plugins]\nenable = default-network, multicast\nsha256.services = " + hash + "\n",
                       {"--disable-plugins=egress-ip"});
    ASSERT_TRUE(config) << config.error().text();
    const auto& p = config->settings().plugins;
    EXPECT_TRUE(p.listed);
    EXPECT_THAT(p.enable, ElementsAre("default-network", "services"));
    EXPECT_THAT(p.disable, ElementsAre("multicast", "egress-ip"));
    EXPECT_EQ(p.sha256.at("services"), std::string(64, 'a'));
    config = load("[plugins]\n");
    ASSERT_TRUE(config);
}

TEST_F(LoadTest, SwitchesByFlagName) {
    auto config = load("[ovnkubernetesfeature]\nenable-egress-ip\n");
    ASSERT_TRUE(config);
    EXPECT_EQ(config->switch_on("enable-egress-ip"), true);
    EXPECT_EQ(config->switch_on("enable-egress-qos"), false);
    EXPECT_EQ(config->switch_on("enable-hybrid-overlay"), false);
    EXPECT_EQ(config->switch_on("mtu"), std::nullopt);
    EXPECT_EQ(config->switch_on("nothing"), std::nullopt);
}

TEST_F(LoadTest, PluginSectionsAreCheckedAgainstTheirPlugin) {
    const auto number = [](std::string_view value) -> Result<void> {
        auto n = read_integer(value, 0, 10);
        return n ? Result<void>() : Result<void>(std::move(n).error());
    };
    const std::vector<PluginSchema> installed = {
        {"services", true, {{"max-things", "5", "Things.", number}, {"mode", "a", "Mode.", nullptr}}},
        {"idle", false, {}}};
    const auto rows = [&](const std::string& text) -> std::string {
        auto config = load(text);
        if (!config) return config.error().text();
        auto settings = config->plugin_settings(installed);
        if (!settings) return settings.error().text();
        std::string out;
        for (const auto& row : *settings)
            out += row.key.text + "=" + row.value + " ";
        return out;
    };
    EXPECT_EQ(rows(""), "services/max-things=5 services/mode=a ");
    EXPECT_EQ(rows("[plugin.services]\nMax-Things=7\n[plugin \"idle\"]\nanything=1\n"),
              "services/max-things=7 services/mode=a ");
    const std::string file = dir_.path("weft.conf");
    EXPECT_EQ(rows("[plugin.services]\nmax-thing=7\n"),
              file + ":2:1: unknown key \"max-thing\" in [plugin.services] (did you mean \"max-things\"?)");
    EXPECT_EQ(rows("[plugin.services]\nmax-things=11\n"),
              file + ":2:1: [plugin.services] max-things: \"11\" is out of range (it must be from 0 to 10)");
    EXPECT_EQ(
        rows("\n[plugin.service]\n"),
        file + ":2:1: section [plugin.service] is of no plugin that is installed (did you mean [plugin.services]?)");
}

TEST_F(LoadTest, EveryPluginHasGates) {
    const std::vector<PluginSchema> installed = {{"fence", true, {}}, {"idle", false, {}}};
    auto config = load("[plugin.fence]\ngates = pods\n[plugin.idle]\ngates =\n");
    ASSERT_TRUE(config) << config.error().text();
    EXPECT_TRUE(config->plugin_settings(installed)) << config->plugin_settings(installed).error().text();
    EXPECT_EQ(config->plugin_gates("fence"), "pods");
    EXPECT_EQ(config->plugin_gates("idle"), "");
    EXPECT_EQ(config->plugin_gates("other"), std::nullopt);
    config = load("[plugin.idle]\n\ngates = doors\n");
    ASSERT_TRUE(config);
    EXPECT_EQ(config->plugin_settings(installed).error().text(),
              dir_.path("weft.conf") +
                  ":3:1: [plugin.idle] gates: nothing is called \"doors\" (write pods, or leave it "
                  "empty)");
}

TEST_F(LoadTest, LimitsOfPluginsAreChecked) {
    const auto fault = [&](const std::string& line) {
        auto config = load("[weft]\n" + line + "\n");
        return config ? std::string("none") : config.error().text();
    };
    EXPECT_EQ(fault("rule-timeout = 90s\nmemory-limit = 1G\nflap-limit = 0"), "none");
    EXPECT_EQ(fault("rule-timeout = 0"), "none");
    EXPECT_THAT(fault("rule-timeout = 90"), HasSubstr("at least 1s"));
    EXPECT_THAT(fault("memory-limit = some"), HasSubstr("no limit of memory"));
    EXPECT_THAT(fault("flap-limit = 3001"), HasSubstr("from 0 to 3000"));
}

TEST_F(LoadTest, ShowKeepsSecrets) {
    auto config = load("[kubernetes]\ntoken=very-secret\n[plugin.x]\nk=v\n");
    ASSERT_TRUE(config);
    bool plugin = false;
    for (const auto& row : config->show()) {
        EXPECT_THAT(row.value, ::testing::Not(HasSubstr("very-secret")));
        if (row.key == "token") {
            EXPECT_EQ(row.value, "(hidden)");
        }
        plugin = plugin || (row.section == "plugin.x" && row.key == "k" && row.value == "v");
    }
    EXPECT_TRUE(plugin);
}

TEST_F(LoadTest, RunDirPrefixesWeftsOwnFiles) {
    auto config = load("[weft]\nrun-dir=/tmp/n1\n[ovspaths]\nrun-dir=/tmp/n1/ovs\n[ovnnorth]\nrun-dir=/tmp/n1/ovn\n");
    ASSERT_TRUE(config) << config.error().text();
    const auto& s = config->settings();
    EXPECT_EQ(s.admin_socket(), "/tmp/n1/admin-node.sock");
    EXPECT_EQ(s.cni_socket(), "/tmp/n1/cni/ovn-cni-server.sock");
    EXPECT_EQ(s.lock_file(), "/tmp/n1/weftd-node.lock");
    EXPECT_EQ(s.switch_db.remote, "unix:/tmp/n1/ovs/db.sock");
    EXPECT_EQ(s.north.remote, "unix:/tmp/n1/ovn/ovnnb_db.sock");
    config = load("", {"--role=cluster"});
    ASSERT_TRUE(config);
    EXPECT_EQ(config->settings().admin_socket(), "/var/run/ovn-kubernetes/admin-cluster.sock");
    EXPECT_EQ(config->settings().lock_file(), "/var/run/ovn-kubernetes/weftd-cluster.lock");
    EXPECT_THAT(error_of("[weft]\nrun-dir=relative\n"), HasSubstr("no absolute path"));
    EXPECT_THAT(error_of("[weft]\nrun-dir=/" + std::string(90, 'x') + "\n"), HasSubstr("too long"));
}

TEST_F(LoadTest, TheSampleOfOvnKubernetesWorks) {
    auto config = load(R"([Default]
mtu=1500
conntrack-zone=64321

[Logging]
logfile=/var/log/ovnkube.log
loglevel=5

[CNI]
conf-dir=/etc/cni/net.d22
plugin=ovn-k8s-cni-overlay22

[Kubernetes]
cacert=/path/to/kubeca.crt
apiserver=https://1.2.3.4:6443
token=TG9yZW0gaXBzdW0gZ

[gateway]
mode=shared
nodeport=true
)");
    ASSERT_TRUE(config) << config.error().text();
    const auto& s = config->settings();
    EXPECT_EQ(s.base.mtu, 1500u);
    EXPECT_EQ(s.base.conntrack_zone, 64321u);
    EXPECT_EQ(s.logging.loglevel, 5);
    EXPECT_EQ(s.cni.plugin, "ovn-k8s-cni-overlay22");
    EXPECT_EQ(s.kubernetes.apiserver, "https://1.2.3.4:6443");
    EXPECT_TRUE(s.gateway.nodeport);
    ASSERT_EQ(config->warnings().size(), 1u);
    EXPECT_THAT(config->warnings()[0].what, HasSubstr("gateway mode \"shared\" is accepted"));
}

TEST_F(LoadTest, NetworkRow) {
    auto config = load(
        "[ovnsouth]\nrun-dir=/tmp/ovn\n",
        {"--cluster-subnets=fd00:10:244::/48,10.244.0.0/16/23", "--k8s-service-cidrs=fd00:10:96::/112,10.96.0.0/16",
         "--inactivity-probe=180000", "--lflow-cache-limit-kb=1048576", "--acl-logging-rate-limit=50",
         "--encap-ip=192.0.2.1, 192.0.2.2", "--enable-multicast", "--disable-requestedchassis", "--nodeport"});
    ASSERT_TRUE(config) << config.error().text();
    const auto row = network_row(config->settings());
    EXPECT_EQ(row.key.text, ".");
    EXPECT_TRUE(row.ipv4 && row.ipv6);
    ASSERT_EQ(row.cluster_subnets.size(), 2u);
    EXPECT_EQ(row.cluster_subnets[0].range.text(), "10.244.0.0/16");
    EXPECT_EQ(row.cluster_subnets[0].host_length, 23);
    EXPECT_EQ(row.cluster_subnets[1].range.text(), "fd00:10:244::/48");
    EXPECT_EQ(row.cluster_subnets[1].host_length, 64);
    EXPECT_EQ(row.service_cidrs[0].text(), "10.96.0.0/16");
    EXPECT_EQ(row.join_v4.text(), "100.64.0.0/16");
    EXPECT_EQ(row.join_v6.text(), "fd98::/64");
    EXPECT_EQ(row.transit_v4.text(), "100.88.0.0/16");
    EXPECT_EQ(row.masquerade_v4.text(), "169.254.169.0/29");
    EXPECT_EQ(row.masquerade_v6.text(), "fd69::/125");
    EXPECT_EQ(row.inactivity_probe_ms, 180000u);
    EXPECT_EQ(row.lflow_cache_limit_kb, 1048576u);
    EXPECT_EQ(row.acl_logging_rate_limit, 50u);
    ASSERT_EQ(row.encap_ips.size(), 2u);
    EXPECT_EQ(row.encap_ips[1].text(), "192.0.2.2");
    EXPECT_TRUE(row.multicast && row.disable_requested_chassis && row.nodeport && row.monitor_all && row.lflow_cache);
    EXPECT_EQ(row.ovn_southbound_remote, "unix:/tmp/ovn/ovnsb_db.sock");
}

}  // namespace
}  // namespace weft::config
