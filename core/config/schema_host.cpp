#include "config/schema_rows.hpp"

#include <weft/base/json.hpp>

/// [logging], [metrics], [tls], [monitoring], [ipfix]: what weft tells others.
namespace weft::config {

namespace {

Result<void> check_tls_version(std::string_view value) {
    for (std::string_view good : {"", "VersionTLS10", "VersionTLS11", "VersionTLS12", "VersionTLS13"}) {
        if (value == good) return {};
    }
    return invalid("unknown tls-min-version " + json_quote(value), "use VersionTLS12 or VersionTLS13");
}

Result<void> check_log_level(std::string_view value) {
    auto number = read_integer(value, 0, 100);
    if (!number) return std::move(number).error();
    return {};
}

Result<void> check_rate(std::string_view value) {
    auto number = read_integer(value, 1, 4294967295);
    if (!number) return std::move(number).error();
    return {};
}

void add_metrics_keys(std::vector<KeySpec>& to) {
    using M = MetricsSection;
    Rows<&Settings::metrics> metrics(to, "metrics");
    metrics
        .add<&M::bind_address>("bind-address", "",
                               "address:port of /metrics, with /healthz, /livez and /readyz; empty: none.")
        .flag("metrics-bind-address");
    metrics.add<&M::ovn_metrics_bind_address>("ovn-metrics-bind-address", "",
                                              "address:port of OVN's and Open vSwitch's metrics; empty: none.");
    metrics.add<&M::export_ovs_metrics>("export-ovs-metrics", "false", "Open vSwitch's metrics on that address too.");
    metrics.add<&M::enable_pprof>("enable-pprof", "false", "Accepted; weft has no Go profiles to show.")
        .flag("metrics-enable-pprof");
    metrics.add<&M::node_server_privkey>("node-server-privkey", "",
                                         "Private key file: both servers speak HTTPS with it.");
    metrics.add<&M::node_server_cert>("node-server-cert", "",
                                      "Certificate file; both are read again when they change.");
    metrics
        .add<&M::enable_config_duration>("enable-config-duration", "false",
                                         "Metrics of how long a change takes to reach all nodes.")
        .flag("metrics-enable-config-duration");
    metrics.add<&M::enable_scale_metrics>("enable-scale-metrics", "false", "Metrics of single events, for scale tests.")
        .flag("metrics-enable-scale");
}

}  // namespace

void add_host_keys(std::vector<KeySpec>& to) {
    using L = LoggingSection;
    Rows<&Settings::logging> logging(to, "logging");
    logging.add<&L::logfile>("logfile", "", "File to log to besides standard error.");
    logging.add<&L::cnilogfile>("cnilogfile", "/var/log/ovn-kubernetes/ovn-k8s-cni-overlay.log",
                                "File that the CNI program logs to; empty: none.");
    logging.add<&L::libovsdblogfile>("libovsdblogfile", "", "Accepted; weft logs its databases with everything else.");
    logging.add<&L::loglevel>("loglevel", "4", "Up to 4: information, 5: debug, above: everything.")
        .check(check_log_level)
        .live();
    logging.add<&L::logfile_maxsize>("logfile-maxsize", "100", "MB at which the file is rotated.");
    logging.add<&L::logfile_maxbackups>("logfile-maxbackups", "5", "Old files that are kept.");
    logging.add<&L::logfile_maxage>("logfile-maxage", "5", "Days that old files of the CNI program are kept.");
    logging
        .add<&L::acl_logging_rate_limit>("acl-logging-rate-limit", "20", "Packets a second that logged policies log.")
        .check(check_rate)
        .live();

    add_metrics_keys(to);

    Rows<&Settings::tls> tls(to, "tls");
    tls.add<&TlsSection::tls_min_version>("tls-min-version", "", "VersionTLS10 to VersionTLS13; empty: VersionTLS12.")
        .check(check_tls_version);
    tls.add<&TlsSection::tls_cipher_suites>("tls-cipher-suites", "",
                                            "IANA names with commas; empty: OpenSSL's choice.");

    using M = MonitoringSection;
    Rows<&Settings::monitoring> monitoring(to, "monitoring");
    monitoring.add<&M::netflow_targets>("netflow-targets", "", "NetFlow collectors, ip:port or :port, with commas.");
    monitoring.add<&M::sflow_targets>("sflow-targets", "", "sFlow collectors.");
    monitoring.add<&M::ipfix_targets>("ipfix-targets", "", "IPFIX collectors.");

    Rows<&Settings::ipfix> ipfix(to, "ipfix");
    ipfix.add<&IpfixSection::sampling>("sampling", "400", "One packet in so many.").flag("ipfix-sampling");
    ipfix.add<&IpfixSection::cache_active_timeout>("cache-active-timeout", "60", "Seconds.")
        .flag("ipfix-cache-active-timeout");
    ipfix.add<&IpfixSection::cache_max_flows>("cache-max-flows", "0", "Flows; 0: no cache.")
        .flag("ipfix-cache-max-flows");
}

}  // namespace weft::config
