#pragma once

#include "cni/server/operation.hpp"
#include "cni/server/pod_link.hpp"

#include <optional>
#include <string>
#include <vector>

namespace weft::cni {

/// ADD: waits for the pod's interface row, makes the link, asks Open vSwitch for the port and meanwhile sets the pod's
/// end up, and is done when both that is done and the port is bound. Driven by events only; on failure it removes what
/// it made.
class AddOperation final : public Operation {
  public:
    AddOperation(Hub& hub, Request request, NetConf conf, PodArgs pod);

    bool join(Operation& later) override;
    void pod_interface_changed(const std::string& key) override;
    void switch_changed(const std::string* name) override;

    const std::string& pod_key() const { return pod_key_; }

  protected:
    void begin() override;
    void abort(CniError why) override { fail(std::move(why)); }
    void abandoned() override { fail({Code::io_failure, "the runtime gave up waiting", {}}); }

  private:
    // Finding out what the pod should get.
    bool make_room();
    void look_for_interface();
    void ask_about_pod();
    void pod_known(const Result<std::optional<PodFacts>>& facts);
    bool is_for(const tables::PodInterface& interface) const;
    void take(const RowPtr& row);

    // Making it.
    void link_made(const Result<PodLink>& made);
    void proceed();
    void ask_for_port();
    void port_taken(const Result<void>& taken);
    void configure();
    void configured(const Result<void>& done);
    void note_port();
    void look_at_binding();
    void finish_when_done();

    // Not making it.
    void late();
    void fail(CniError why);
    /// A step came back: true when it must not go on, because the operation failed meanwhile.
    bool over();
    void roll_back();
    std::string what_is_late() const;

    void stage_done(const char* stage);
    void stage_took(const char* stage, Duration took);
    AddResult result() const;

    const PodArgs pod_;
    const std::string pod_key_;
    const std::string host_if_;
    Loop::TimerId deadline_ = 0;
    TimePoint stage_since_;

    bool asking_ = false;
    std::string ask_problem_;
    std::optional<PodFacts> facts_;
    RowPtr row_;
    std::optional<TimePoint> row_since_;
    PodLinkSpec spec_;
    PodPort port_;
    PodLink link_;
    int outstanding_ = 0;  ///< steps on workers or at Open vSwitch
    bool linked_ = false;
    bool port_asked_ = false;
    bool port_there_before_ = false;
    bool port_taken_ = false;
    bool port_seen_ = false;
    bool configured_ = false;
    bool bound_ = false;
    std::optional<CniError> failed_;
};

}  // namespace weft::cni
