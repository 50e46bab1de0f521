#include "support.hpp"

/// Every rule that concerns a value's meaning, with the exact message.
namespace weft::config {
namespace {

using ::testing::HasSubstr;

constexpr auto ok = "no error";

TEST_F(LoadTest, ApiServer) {
    EXPECT_EQ(error_of_flags({"--k8s-apiserver=ftp://x"}), "kubernetes API server URL scheme \"ftp\" invalid");
    EXPECT_EQ(error_of_flags({"--k8s-apiserver=localhost:8443"}), "kubernetes API server URL scheme \"\" invalid");
    EXPECT_EQ(error_of_flags({"--k8s-apiserver=https://x:6443"}), ok);
    EXPECT_EQ(error_of_flags({"--k8s-kubeconfig=/nowhere/config"}),
              "kubernetes kubeconfig file \"/nowhere/config\" not found");
    EXPECT_EQ(error_of_flags({"--k8s-cacert-data=not base64"}), "cacert-data is not base64");
}

TEST_F(LoadTest, StartingNeedsRoleCaAndCredentials) {
    auto o = options();
    o.for_start = true;
    EXPECT_EQ(Config::load(o).error().what, "need to specify a mode for ovnkube");
    o.args = {"--role=node"};
    EXPECT_TRUE(Config::load(o).ok());
    o.args = {"--role=node", "--k8s-apiserver=https://x"};
    EXPECT_EQ(Config::load(o).error().what, "TLS-secured apiservers require token/cert and CA certificate");
    o.args = {"--role=node", "--k8s-apiserver=https://x", "--k8s-cacert=/ca"};
    EXPECT_EQ(Config::load(o).error().mend, "set token, tokenFile or cert-dir");
    for (auto credential : {"--k8s-token=a", "--k8s-token-file=/a", "--cert-dir=/a"}) {
        o.args = {"--role=node", "--k8s-apiserver=https://x", "--k8s-cacert=/ca", credential};
        EXPECT_TRUE(Config::load(o).ok()) << credential;  // unlike upstream a token file alone is enough
    }
}

TEST_F(LoadTest, ACertificateOfItsOwnNeedsAFolder) {
    auto o = options();
    o.for_start = true;
    o.args = {"--role=node", "--bootstrap-kubeconfig=/kubelet.conf"};
    EXPECT_EQ(Config::load(o).error().what, "bootstrap-kubeconfig needs cert-dir, a folder for the certificate");
    o.args = {"--role=node", "--bootstrap-kubeconfig=/kubelet.conf", "--cert-dir=/a"};
    ASSERT_TRUE(Config::load(o).ok());
    EXPECT_TRUE(Config::load(o)->settings().wants_certificate());
    o.args.emplace_back("--cert-duration=9m59s");
    EXPECT_EQ(Config::load(o).error().what, "the API server signs for no less than 10 minutes");
    o.args.back() = "--cert-duration=10m";
    EXPECT_TRUE(Config::load(o).ok());
    o.args = {"--role=cluster", "--bootstrap-kubeconfig=/kubelet.conf"};
    ASSERT_TRUE(Config::load(o).ok());
    EXPECT_FALSE(Config::load(o)->settings().wants_certificate());
    o.args = {"--role=node", "--bootstrap-kubeconfig=/kubelet.conf", "--k8s-kubeconfig=/dev/null"};
    const auto both = Config::load(o);
    ASSERT_TRUE(both.ok());
    EXPECT_FALSE(both->settings().wants_certificate());
    ASSERT_EQ(both->warnings().size(), 1U);
    EXPECT_THAT(both->warnings()[0].what, HasSubstr("no certificate is asked for"));
}

TEST_F(LoadTest, ServiceCidrs) {
    constexpr auto pair = "kubernetes service-cidrs must contain either a single CIDR or else an IPv4/IPv6 pair";
    EXPECT_EQ(error_of_flags({"--k8s-service-cidrs=10.96.0.0/16,10.97.0.0/16"}), pair);
    EXPECT_EQ(error_of_flags({"--k8s-service-cidrs=10.96.0.0/16,fd01::/112,fd02::/112"}), pair);
    EXPECT_EQ(error_of_flags({"--k8s-service-cidrs="}), "kubernetes service-cidrs is required");
    EXPECT_EQ(error_of_flags({"--k8s-service-cidrs=10.96.0.0"}),
              "kubernetes service network CIDR \"10.96.0.0\" invalid: invalid CIDR address: 10.96.0.0");
}

TEST_F(LoadTest, ClusterSubnets) {
    const auto with = [&](const std::string& subnets) { return error_of_flags({"--cluster-subnets=" + subnets}); };
    EXPECT_EQ(with("10.0.0.0/16"), ok);
    EXPECT_EQ(with("10.0.0.0/16/24,10.2.0.0/16"), ok) << "the default length is 24";
    EXPECT_EQ(with("10.0.0.0"), "cluster subnet invalid: CIDR \"10.0.0.0\" not properly formatted");
    EXPECT_EQ(with("10.0.0.0/8/16/24"), "cluster subnet invalid: CIDR \"10.0.0.0/8/16/24\" not properly formatted");
    EXPECT_EQ(with("10.0.0/8"), "cluster subnet invalid: invalid CIDR address: 10.0.0/8");
    EXPECT_EQ(with("10.0.0.0/16/16"),
              "cluster subnet invalid: cannot use a host subnet length mask shorter than or equal to the cluster "
              "subnet mask. "
              "host subnet length: 16, cluster subnet length: 16");
    EXPECT_EQ(with("fd01::/48/63"), "cluster subnet invalid: IPv6 only supports /64 host subnets");
    EXPECT_THAT(with("10.0.0.0/16/33"), HasSubstr("invalid host subnet length 33"));
    EXPECT_THAT(with("10.0.0.0/16/24,10.2.0.0/16/25"), HasSubstr("same host subnet length: /24 and /25"));
    EXPECT_THAT(with("10.0.0.0/16/x"), HasSubstr("\"x\" is no number"));
    EXPECT_EQ(with(""), "cluster subnet is required");
    EXPECT_EQ(with(","), "cluster subnet invalid: failed to parse any CIDRs from \",\"");
    auto config = load("[default]\ncluster-subnets = 10.0.0.7/16\n");
    ASSERT_TRUE(config);
    EXPECT_EQ(config->settings().cluster_subnets[0].range.text(), "10.0.0.0/16") << "host bits are dropped";
}

TEST_F(LoadTest, Overlaps) {
    constexpr std::string_view prefix = "illegal network configuration: ";
    const auto clash = [&](std::vector<std::string> args) {
        const auto error = error_of_flags(std::move(args));
        return error.starts_with(prefix) ? error.substr(prefix.size()) : error;
    };
    EXPECT_EQ(clash({"--cluster-subnets=172.16.0.0/12"}),
              "cluster subnet \"172.16.0.0/12\" overlaps service subnet \"172.16.1.0/24\"");
    EXPECT_EQ(clash({"--cluster-subnets=10.0.0.0/8,10.1.0.0/16"}),
              "cluster subnet \"10.1.0.0/16\" overlaps cluster subnet \"10.0.0.0/8\"");
    EXPECT_EQ(clash({"--cluster-subnets=100.64.0.0/16"}),
              "built-in join subnet \"100.64.0.0/16\" overlaps cluster subnet \"100.64.0.0/16\"");
    EXPECT_EQ(clash({"--gateway-v4-join-subnet=172.16.0.0/16"}),
              "built-in join subnet \"172.16.0.0/16\" overlaps service subnet \"172.16.1.0/24\"");
    EXPECT_EQ(clash({"--gateway-v4-masquerade-subnet=100.64.1.0/24"}),
              "masquerade subnet \"100.64.1.0/24\" overlaps built-in join subnet \"100.64.0.0/16\"");
    EXPECT_EQ(clash({"--cluster-manager-v6-transit-subnet=fd98::/48"}),
              "transit switch subnet \"fd98::/48\" overlaps built-in join subnet \"fd98::/64\"");
    EXPECT_EQ(clash({"--enable-hybrid-overlay", "--hybrid-overlay-cluster-subnets=10.130.0.0/16/24"}),
              "hybrid overlay subnet \"10.130.0.0/16\" overlaps cluster subnet \"10.128.0.0/14\"");
    EXPECT_EQ(clash({"--hybrid-overlay-cluster-subnets=10.130.0.0/16/24"}), ok) << "not enabled";
}

TEST_F(LoadTest, Families) {
    const auto with = [&](const std::string& cluster, const std::string& services) {
        return error_of_flags({"--cluster-subnets=" + cluster, "--k8s-service-cidrs=" + services});
    };
    EXPECT_EQ(with("10.0.0.0/16", "fd02::/112"),
              "illegal network configuration: IPv4 cluster subnet, IPv6 service subnet");
    EXPECT_EQ(with("fd01::/48", "172.30.0.0/16"),
              "illegal network configuration: IPv6 cluster subnet, IPv4 service subnet");
    EXPECT_EQ(with("10.244.0.0/16,fd00:10:244::/48", "10.96.0.0/16"),
              "illegal network configuration: dual-stack cluster subnet, IPv4 service subnet");
    EXPECT_EQ(with("10.0.0.0/16", "172.30.0.0/16,fd02::/112"),
              "illegal network configuration: IPv4 cluster subnet, dual-stack service subnet");
    EXPECT_EQ(with("10.0.0.0/16/24,10.2.0.0/16/24,fd01::/48/64", "172.30.0.0/16,fd02::/112"), ok);
    EXPECT_EQ(with("fd01::/48/64", "fd02::/112"), ok);
    EXPECT_EQ(error_of_flags({"--cluster-subnets=10.0.0.0/16", "--enable-hybrid-overlay",
                              "--hybrid-overlay-cluster-subnets=fd05::/48"}),
              "illegal network configuration: IPv4 cluster subnet, IPv4 service subnet, IPv6 hybrid overlay subnet");

    auto config = load("", {"--cluster-subnets=fd01::/48", "--k8s-service-cidrs=fd02::/112"});
    ASSERT_TRUE(config);
    EXPECT_FALSE(config->settings().ipv4);
    EXPECT_TRUE(config->settings().ipv6);
}

TEST_F(LoadTest, InternalSubnets) {
    EXPECT_EQ(error_of_flags({"--gateway-v4-join-subnet=x"}),
              "invalid gateway v4 join subnet specified, subnet: x: error: invalid CIDR address: x");
    EXPECT_THAT(error_of_flags({"--gateway-v4-join-subnet=fd00::/64"}),
                HasSubstr("invalid gateway v4 join subnet specified, subnet: fd00::/64"));
    EXPECT_THAT(error_of_flags({"--gateway-v6-join-subnet=10.0.0.0/8"}),
                HasSubstr("invalid gateway v6 join subnet specified"));
    EXPECT_THAT(error_of_flags({"--gateway-v4-masquerade-subnet=x"}),
                HasSubstr("invalid gateway v4 masquerade subnet specified"));
    EXPECT_THAT(error_of_flags({"--gateway-v6-masquerade-subnet=x"}),
                HasSubstr("invalid gateway v6 masquerade subnet specified"));
    EXPECT_THAT(error_of_flags({"--cluster-manager-v4-transit-subnet=x"}),
                HasSubstr("invalid transit switch v4 subnet specified"));
    EXPECT_THAT(error_of_flags({"--cluster-manager-v6-transit-subnet=x"}),
                HasSubstr("invalid transit switch v6 subnet specified"));
    EXPECT_THAT(error_of_flags({"--gateway-v4-masquerade-subnet=169.254.169.0/30"}),
                HasSubstr("unable to allocate V4MasqueradeIPs"));
    EXPECT_THAT(error_of_flags({"--gateway-v6-masquerade-subnet=fd69::/126"}),
                HasSubstr("unable to allocate V6MasqueradeIPs"));
    EXPECT_EQ(
        error_of_flags({"--gateway-v4-masquerade-subnet=169.254.0.0/17", "--gateway-v6-masquerade-subnet=fd69::/112"}),
        ok);
}

TEST_F(LoadTest, Gateway) {
    EXPECT_EQ(error_of_flags({"--gateway-mode=x"}), "invalid gateway mode \"x\": expect one of shared,local");
    EXPECT_EQ(error_of_flags({"--gateway-interface=eth0"}),
              "gateway interface option \"eth0\" not allowed when gateway is disabled");
    EXPECT_EQ(error_of_flags({"--gateway-nexthop=1.1.1.1"}),
              "gateway next-hop option \"1.1.1.1\" not allowed when gateway is disabled");
    EXPECT_EQ(error_of_flags({"--ephemeral-port-range=1-2"}),
              "gateway ephemeral port range option not allowed when gateway is disabled");
    EXPECT_EQ(error_of_flags({"--gateway-mode=local", "--gateway-vlanid=5"}),
              "gateway VLAN ID option: 5 is supported only in shared gateway mode");
    EXPECT_EQ(error_of_flags({"--gateway-vlanid=5"}),
              "gateway VLAN ID option: 5 is supported only in shared gateway mode");
    EXPECT_EQ(error_of_flags({"--gateway-mode=shared", "--gateway-vlanid=4095"}), "VLAN ID 4095 is out of range");
    for (auto range : {"x", "1", "5-1", "0-9", "1-70000", "1-2-3", "-"}) {
        EXPECT_EQ(error_of_flags({"--gateway-mode=shared", std::string("--ephemeral-port-range=") + range}),
                  "invalid ephemeral-port-range, should be in the format <min port>-<max port>")
            << range;
    }
    EXPECT_EQ(error_of_flags({"--gateway-mode=shared", "--ephemeral-port-range=32768-60999",
                              "--gateway-interface=br-ex", "--gateway-nexthop=192.0.2.1", "--gateway-vlanid=4"}),
              ok);
}

TEST_F(LoadTest, Features) {
    EXPECT_EQ(error_of_flags({"--enable-evpn"}), "enable-evpn requires enable-route-advertisements");
    EXPECT_EQ(error_of_flags({"--enable-evpn", "--enable-route-advertisements"}),
              "enable-evpn requires gateway mode local");
    EXPECT_EQ(error_of_flags({"--enable-evpn", "--enable-route-advertisements", "--gateway-mode=local"}), ok);
    EXPECT_EQ(error_of_flags({"--enable-dynamic-udn-allocation"}),
              "enable-dynamic-udn-allocation requires enable-network-segmentation");
    EXPECT_EQ(error_of_flags({"--enable-uplink"}), "enable-uplink requires enable-network-segmentation");
    EXPECT_EQ(error_of_flags({"--enable-uplink", "--enable-network-segmentation"}), ok);
    EXPECT_EQ(error_of_flags({"--advertised-udn-isolation-mode=x"}),
              "invalid advertised-udn-isolation-mode \"x\": expect one of strict or loose");
    EXPECT_EQ(error_of_flags({"--advertised-udn-isolation-mode=loose"}), ok);
}

TEST_F(LoadTest, Election) {
    EXPECT_EQ(error_of_flags({"--cluster-manager-ha-election-lease-duration=107"}),
              "invalid HA election lease duration '107'. It should be greater than HA election renew deadline '107'");
    EXPECT_EQ(
        error_of_flags({"--cluster-manager-ha-election-renew-deadline=26"}),
        "invalid HA election renew deadline duration '26'. It should be greater than HA election retry period '26'");
    EXPECT_THAT(error_of_flags({"--cluster-manager-ha-election-retry-period=0"}), HasSubstr("at least one second"));
    auto config = load("[clustermgrha]\nelection-lease-duration=10\nelection-renew-deadline=20\n");
    ASSERT_FALSE(config);
    EXPECT_EQ(config.error().where, dir_.path("weft.conf") + ":2");
}

TEST_F(LoadTest, NodeModes) {
    EXPECT_EQ(error_of_flags({"--ovnkube-node-mode=x"}),
              "unexpected ovnkube-node-mode: x. supported modes: [full dpu dpu-host]");
    EXPECT_EQ(error_of_flags({"--ovnkube-node-mode=dpu", "--enable-hybrid-overlay"}),
              "hybrid overlay is not supported with ovnkube-node mode dpu");
    EXPECT_EQ(error_of_flags({"--ovnkube-node-mode=dpu", "--ovnkube-node-mgmt-port-netdev=eth0"}),
              "ovnkube-node-mgmt-port-netdev or ovnkube-node-mgmt-port-dp-resource-name must not be provided");
    EXPECT_EQ(error_of_flags({"--ovnkube-node-mode=dpu-host"}),
              "ovnkube-node-mgmt-port-netdev or ovnkube-node-mgmt-port-dp-resource-name must be provided");
    EXPECT_EQ(
        error_of_flags(
            {"--ovnkube-node-mode=dpu-host", "--ovnkube-node-mgmt-port-netdev=eth0", "--enable-network-segmentation"}),
        "ovnkube-node-mgmt-port-dp-resource-name must be provided on dpu-host mode if network segmentation is enabled");
    EXPECT_EQ(error_of_flags({"--role=dpu-host", "--ovnkube-node-mgmt-port-netdev=eth0"}), ok);
    EXPECT_THAT(error_of_flags({"--role=dpu", "--ovnkube-node-mode=dpu-host"}), HasSubstr("differ"));
    EXPECT_THAT(error_of_flags({"--role=x"}), HasSubstr("unknown role \"x\""));
    EXPECT_THAT(error_of_flags({"--dpu-node-lease-renew-interval=-1"}), HasSubstr("must not be negative"));
    EXPECT_THAT(error_of_flags({"--dpu-node-lease-duration=10"}),
                HasSubstr("the DPU lease duration '10' must be greater"));
    EXPECT_THAT(error_of_flags({"--ovnkube-node-routing-table-id-start=999"}), HasSubstr("\"999\" is out of range"));
}

TEST_F(LoadTest, Transport) {
    EXPECT_THAT(error_of_flags({"--transport=x"}), HasSubstr("invalid transport \"x\""));
    const std::string file = "[default]\ntransport=no-overlay\n[ovnkubernetesfeature]\nenable-route-advertisements\n";
    EXPECT_EQ(error_of("[default]\ntransport=no-overlay\n"),
              "transport no-overlay requires enable-route-advertisements");
    EXPECT_EQ(error_of(file), "transport no-overlay requires [no-overlay] outbound-snat");
    EXPECT_EQ(error_of(file + "[no-overlay]\noutbound-snat=enabled\n"),
              "transport no-overlay requires [no-overlay] routing");
    const auto managed = file + "[no-overlay]\noutbound-snat=disabled\nrouting=managed\n[bgp-managed]\n";
    EXPECT_EQ(error_of(managed), "invalid frr-namespace \"\"");
    EXPECT_EQ(error_of(managed + "frr-namespace=Frr\n"), "invalid frr-namespace \"Frr\"");
    EXPECT_EQ(error_of(managed + "frr-namespace=frr\ntopology=star\n"), "invalid topology \"star\"");
    EXPECT_EQ(error_of(managed + "frr-namespace=frr\n"), ok);
    EXPECT_THAT(error_of("[no-overlay]\nrouting=x\n"), HasSubstr("invalid routing \"x\""));
    EXPECT_THAT(error_of("[no-overlay]\noutbound-snat=x\n"), HasSubstr("invalid outbound-snat \"x\""));
    for (auto as : {"0", "23456", "65535", "4294967295"}) {
        EXPECT_THAT(error_of(std::string("[bgp-managed]\nas-number=") + as + "\n"), HasSubstr("invalid as-number"))
            << as;
    }
    EXPECT_EQ(error_of("[bgp-managed]\nas-number=4200000000\n"), ok);
}

TEST_F(LoadTest, NamesInTheDefaultSection) {
    for (auto nad : {"x", "a/B", "a/", "/b", "a/b/c"}) {
        EXPECT_THAT(error_of_flags({std::string("--cluster-default-nad=") + nad}),
                    HasSubstr("invalid cluster-default-nad"))
            << nad;
    }
    EXPECT_EQ(error_of_flags({"--cluster-default-nad=ns/name.x"}), ok);
    EXPECT_THAT(error_of_flags({"--udn-allowed-default-services=kube-dns"}),
                HasSubstr("UDN allowed services field is invalid"));
    EXPECT_THAT(error_of_flags({"--encap-ip=1.2.3"}), HasSubstr("invalid encapsulation IP \"1.2.3\""));
    EXPECT_THAT(error_of_flags({"--encap-type=x"}), HasSubstr("unknown encap-type"));
    EXPECT_THAT(error_of_flags({"--encap-port=0"}), HasSubstr("out of range"));
    EXPECT_THAT(error_of_flags({"--conntrack-zone=65532"}), HasSubstr("out of range"));
    EXPECT_THAT(error_of_flags({"--routable-mtu=1"}), HasSubstr("out of range"));
    EXPECT_THAT(error_of_flags({"--role=node", "--node=Not A Name"}), HasSubstr("is no name of a Node"));
    EXPECT_THAT(error_of_flags({"--cni-plugin=/opt/x"}), HasSubstr("must be a file name"));
    EXPECT_THAT(error_of_flags({"--tls-min-version=TLS9"}), HasSubstr("unknown tls-min-version"));
    EXPECT_THAT(error_of_flags({"--log-level=loud"}), HasSubstr("unknown log level"));
    EXPECT_THAT(error_of_flags({"--log-levels=ovsdb"}), HasSubstr("is no part=level"));
    EXPECT_EQ(error_of_flags({"--log-levels=ovsdb=debug, kube=trace"}), ok);
    EXPECT_THAT(error_of_flags({"--hybrid-overlay-vxlan-port=65536", "--enable-hybrid-overlay"}),
                HasSubstr("hybrid overlay vxlan port is invalid. The port cannot be larger than 65535"));
}

TEST_F(LoadTest, FlowCollectors) {
    EXPECT_EQ(error_of_flags({"--netflow-targets=1.1.1.1:2055,[fd00::1]:2055,:2055"}), ok);
    EXPECT_EQ(error_of_flags({"--netflow-targets=x"}), "netflow targets invalid: \"x\"");
    EXPECT_EQ(error_of_flags({"--sflow-targets=1.1.1.1"}), "sflow targets invalid: \"1.1.1.1\"");
    EXPECT_EQ(error_of_flags({"--ipfix-targets=host:4739"}), "ipfix targets invalid: \"host:4739\"");
}

TEST_F(LoadTest, DatabaseAddresses) {
    constexpr auto hint = "certificate or key given; perhaps you mean to use the 'ssl' scheme?";
    EXPECT_EQ(error_of_flags({"--sb-client-privkey=/k"}), hint);
    EXPECT_EQ(error_of_flags({"--sb-address=tcp:1.1.1.1:6642", "--sb-client-cert=/k"}), hint);
    EXPECT_EQ(error_of_flags({"--nb-address=x"}), "failed to parse OVN address x");
    EXPECT_EQ(error_of_flags({"--nb-address=foo:1.1.1.1:1"}), "unknown OVN DB scheme \"foo\"");
    EXPECT_EQ(error_of_flags({"--nb-address=tcp:1.1.1.1:1,ssl:1.1.1.1:2"}),
              "invalid protocols in OVN address tcp:1.1.1.1:1,ssl:1.1.1.1:2");
    EXPECT_EQ(error_of_flags({"--nb-address=tcp:1.1.1.1"}), "failed to parse OVN DB host/port \"1.1.1.1\"");
    EXPECT_EQ(error_of_flags({"--nb-address=ssl:1.1.1.1:6641"}),
              "must specify private key, certificate, CA certificate, and common name used in the certificate for "
              "'ssl' scheme");

    auto config = load("", {"--nb-address=ssl://1.1.1.1:6641,ssl://[fd01::1]:6641", "--nb-cert-common-name=ovn",
                            "--nb-client-privkey=/own.pem", "--sb-address=tcp:127.0.0.1:6642"});
    ASSERT_TRUE(config) << config.error().text();
    const auto& nb = config->settings().north;
    EXPECT_TRUE(nb.tls());
    EXPECT_EQ(nb.remote, "ssl:1.1.1.1:6641,ssl:[fd01::1]:6641");
    EXPECT_EQ(nb.private_key, "/own.pem");
    EXPECT_EQ(nb.certificate, "/etc/openvswitch/ovnnb-cert.pem");
    EXPECT_EQ(nb.ca_certificate, "/etc/openvswitch/ovnnb-ca.cert");
    EXPECT_EQ(nb.common_name, "ovn");
    EXPECT_EQ(network_row(config->settings()).ovn_southbound_remote, "tcp:127.0.0.1:6642");

    config = load(
        "[ovnsouth]\naddress=ssl:1.1.1.1:6642\nclient-privkey=/k\nclient-cert=/c\nclient-cacert=/ca\n"
        "cert-common-name=x\nelection-timer=5\n");
    ASSERT_TRUE(config) << config.error().text();
    EXPECT_EQ(config->settings().south.private_key, "/k");
    EXPECT_EQ(config->settings().south.ca_certificate, "/ca");
    EXPECT_EQ(config->warnings().size(), 1u) << "election-timer";

    // Without an address these are the old place of the health check's keys.
    config = load("[ovnnorth]\nclient-privkey=/k\nclient-cert=/c\n[egressip-healthcheck-tls]\nclient-cert=/d\n");
    ASSERT_TRUE(config) << config.error().text();
    EXPECT_EQ(config->settings().egress_ip_tls.client_privkey, "/k");
    EXPECT_EQ(config->settings().egress_ip_tls.client_cert, "/d");
    EXPECT_EQ(config->settings().north.private_key, "");
    EXPECT_EQ(config->settings().north.remote, "unix:/var/run/ovn/ovnnb_db.sock");
}

TEST_F(LoadTest, WhatIsAcceptedWithAWarning) {
    auto config = load("", {"--gateway-mode=shared", "--unprivileged-mode"});
    ASSERT_TRUE(config);
    ASSERT_EQ(config->warnings().size(), 2u);
    EXPECT_THAT(config->warnings()[0].text(), HasSubstr("--unprivileged-mode: unprivileged mode is not supported"));
    EXPECT_THAT(config->warnings()[1].text(), HasSubstr("--gateway-mode: gateway mode \"shared\" is accepted"));
}

}  // namespace
}  // namespace weft::config
