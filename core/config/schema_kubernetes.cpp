#include "config/schema_rows.hpp"

/// [kubernetes] and [clustermgrha]: the API server and the leader's Lease.
namespace weft::config {

void add_kubernetes_keys(std::vector<KeySpec>& to) {
    using K = KubernetesSection;
    Rows<&Settings::kubernetes> k8s(to, "kubernetes");
    k8s.add<&K::kubeconfig>("kubeconfig", "",
                            "kubeconfig file; its current context is used. Goes before the keys below.")
        .flag("k8s-kubeconfig")
        .env("KUBECONFIG");
    k8s.add<&K::bootstrap_kubeconfig>(
           "bootstrap-kubeconfig", "",
           "Role node: the kubelet's kubeconfig, to ask for the node's own certificate with; says "
           "where the API server is unless apiserver is https. Needs cert-dir and the "
           "plugin node-identity in the cluster.")
        .env("BOOTSTRAP_KUBECONFIG");
    k8s.add<&K::cert_dir>("cert-dir", "", "Folder of that certificate: ovnkube-client-current.pem.").env("CERT_DIR");
    k8s.add<&K::cert_duration>("cert-duration", "10m",
                               "Its lifetime, 10 minutes or more; renewed when 70 to 90 % are over. A bare number is "
                               "nanoseconds.");
    k8s.add<&K::apiserver>("apiserver", "http://localhost:8443", "URL of the API server.")
        .flag("k8s-apiserver")
        .env("K8S_APISERVER");
    k8s.add<&K::cacert>("cacert", "", "File with the API server's CA certificate.")
        .flag("k8s-cacert")
        .env("K8S_CACERT");
    k8s.add<&K::cacert_data>("cacert-data", "", "The certificate itself, in base64. Replaces cacert.")
        .flag("k8s-cacert-data")
        .env("K8S_CACERT_DATA")
        .secret();
    k8s.add<&K::token>("token", "", "Bearer token.").flag("k8s-token").env("K8S_TOKEN").secret();
    k8s.add<&K::token_file>("tokenFile", "", "File with the bearer token, read again when it changes. Replaces token.")
        .flag("k8s-token-file")
        .env("K8S_TOKEN_FILE");
    k8s.add<&K::service_cidrs>("service-cidrs", "172.16.1.0/24", "Ranges of services' cluster addresses, one a family.")
        .flag("k8s-service-cidrs k8s-service-cidr service-cluster-ip-range");
    k8s.add<&K::ovn_config_namespace>("ovn-config-namespace", "ovn-kubernetes",
                                      "Namespace of weft's own objects and Lease.");
    k8s.add<&K::ovn_empty_lb_events>("ovn-empty-lb-events", "false",
                                     "Event on a Service that is asked for and has no pod.");
    k8s.add<&K::no_hostsubnet_nodes>("no-hostsubnet-nodes", "",
                                     "Label selector of nodes that get no subnet; only with the hybrid overlay.");
    k8s.add<&K::host_network_namespace>("host-network-namespace", "",
                                        "Namespace that stands for host network traffic in policies.")
        .env("OVN_HOST_NETWORK_NAMESPACE");
    k8s.add<&K::disable_requestedchassis>("disable-requestedchassis", "false",
                                          "Don't bind pods' ports to their node's chassis.")
        .live();
    k8s.add<&K::platform_type>("platform-type", "", "Cloud platform, for its peculiarities: AWS, Azure, GCP, ….");
    k8s.add<&K::healthz_bind_address>("healthz-bind-address", "",
                                      "address:port of /healthz, /livez and /readyz; empty: none.");
    k8s.add<&K::dns_service_namespace>("dns-service-namespace", "kube-system",
                                       "Namespace of the cluster's DNS service.");
    k8s.add<&K::dns_service_name>("dns-service-name", "kube-dns", "Its name.");
    k8s.add<&K::metrics_bind_address>("metrics-bind-address", "", "Old place of [metrics] bind-address.").no_flag();
    k8s.add<&K::ovn_metrics_bind_address>("ovn-metrics-bind-address", "",
                                          "Old place of [metrics] ovn-metrics-bind-address.")
        .no_flag();
    k8s.add<&K::metrics_enable_pprof>("metrics-enable-pprof", "false", "Old place of [metrics] enable-pprof.")
        .no_flag();

    Rows<&Settings::election> election(to, "clustermgrha");
    election
        .add<&ElectionSection::lease_duration>("election-lease-duration", "137",
                                               "Seconds after which a silent leader is replaced.")
        .flag("cluster-manager-ha-election-lease-duration");
    election
        .add<&ElectionSection::renew_deadline>("election-renew-deadline", "107",
                                               "Seconds after which a leader that can't renew stops writing.")
        .flag("cluster-manager-ha-election-renew-deadline");
    election.add<&ElectionSection::retry_period>("election-retry-period", "26", "Seconds between attempts.")
        .flag("cluster-manager-ha-election-retry-period");
}

}  // namespace weft::config
