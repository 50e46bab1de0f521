#include "cases.hpp"
#include "pods.hpp"

#include <thread>

namespace weft::bench {

namespace {

kube::Request delete_request(const std::string& name) {
    kube::Request request;
    request.method = kube::Method::del;
    request.path = pods_path() + "/" + name;
    request.body = R"({"kind":"DeleteOptions","apiVersion":"v1","gracePeriodSeconds":0})";
    return request;
}

std::string newcomer(std::size_t number) {
    return "new-" + pod_name(number);
}

}  // namespace

Result<Churn> measure_churn(Bed& bed, std::size_t pods, std::chrono::seconds during) {
    // A tenth of all in a minute: each one that goes makes room for another.
    const auto replaced =
        static_cast<std::size_t>(static_cast<double>(pods) / 10 * static_cast<double>(during.count()) / 60);
    if (replaced == 0) return invalid("too few pods to churn");
    const auto pace = std::chrono::duration_cast<std::chrono::nanoseconds>(during) / replaced;
    wait_quiet(bed.weftd());
    // What passes without an event is not theirs.
    const double rest_began = cpu_seconds(bed.weftd());
    std::this_thread::sleep_for(std::chrono::seconds(3));
    const double at_rest = (cpu_seconds(bed.weftd()) - rest_began) / 3;

    Churn churn;
    churn.events = static_cast<double>(2 * replaced);
    churn.before_mib = anonymous_mib(bed.weftd());
    const auto page = bed.metrics();
    if (!page) return page.error();
    const double cpu = cpu_seconds(bed.weftd());
    const TimePoint began = SteadyClock::now();
    for (std::size_t i = 0; i < replaced; ++i) {
        std::this_thread::sleep_until(began + pace * i);
        if (const auto gone = bed.client().call(delete_request(pod_name(i))); !gone.ok()) return gone.error("delete");
        const auto made = bed.client().call(create_request(pods_path(), pod_json(newcomer(i))));
        if (!made.ok()) return made.error("create");
    }
    wait_quiet(bed.weftd());
    const double took = seconds_since(began);
    churn.cpu = (cpu_seconds(bed.weftd()) - cpu - at_rest * took) / churn.events;
    const auto after = bed.metrics();
    if (!after) return after.error();
    churn.transactions = (sum_of(*after, "weft_applier_requests_total", "\"ovn-nb\"") -
                          sum_of(*page, "weft_applier_requests_total", "\"ovn-nb\"")) /
                         churn.events;
    churn.runs = (sum_of(*after, "weft_rule_runs_total") - sum_of(*page, "weft_rule_runs_total")) / churn.events;
    wait_settled(bed.weftd());
    churn.after_mib = anonymous_mib(bed.weftd());
    return churn;
}

void report_churn(const Churn& churn, const Floor& floor, std::size_t pods, Report& report) {
    report.section("(h) a tenth of the pods replaced in a minute, one by one");
    report.add({"churn_events", "events: a pod that goes or comes", churn.events, "", "", ""});
    report.add({"churn_cpu_us", "CPU an event", churn.cpu * 1e6, "us", "6.5 ms (idle)", ""});
    const double least = floor.cpu() / static_cast<double>(pods);
    report.add({"floor_churn_cpu_us", "floor B a pod, all at once", least * 1e6, "us", "", ""});
    report.add(
        {"churn_cpu_ratio", "CPU of a pod that goes and one that comes / floor B", 2 * churn.cpu / least, "", "", ""});
    report.add({"churn_transactions", "northbound transactions an event", churn.transactions, "", "", "<= 1"});
    report.add({"churn_runs", "rule runs an event", churn.runs, "", "", "<= 5"});
    report.add({"churn_grown_mib", "RssAnon afterwards, more than before", churn.after_mib - churn.before_mib, "MiB",
                "", "0"});
}

}  // namespace weft::bench
