#pragma once

#include <weft/base/clock.hpp>
#include <weft/base/result.hpp>

#include <functional>
#include <optional>
#include <set>
#include <string>

/// What the CNI server asks the rest of weftd about pods. Answers may come at once or later, on any thread, exactly
/// once.
namespace weft::cni {

/// What the cluster says of a pod.
struct PodFacts {
    std::string uid;
    /// Made from a file on the node (annotation kubernetes.io/config.source is there and not "api"): the runtime knows
    /// it under another uid.
    bool static_pod = false;
};

class PodSource {
  public:
    virtual ~PodSource() = default;
    /// From the engine's tables; when it isn't there, from the API server. No value: there is no such pod. An error: it
    /// could not be found out.
    virtual void find(const std::string& ns, const std::string& name,
                      std::function<void(Result<std::optional<PodFacts>>)> answer) = 0;
    /// The uids of all pods of this node that are not on the host's network. An error while that isn't known for sure:
    /// nothing is scrubbed then.
    virtual void local_pods(std::function<void(Result<std::set<std::string>>)> answer) = 0;
};

/// How far a pod's port has come on its way through weft and OVN.
enum class Stage {
    nothing,     ///< weft has not seen the pod
    pod,         ///< seen, but no interface is derived: it has no address yet
    interface,   ///< derived, but the switch port is not committed
    northbound,  ///< committed, but ovn-northd has made no Port_Binding
    southbound,  ///< a Port_Binding is there, but ovn-controller has not bound it
    installed,   ///< bound and its flows are in place
};

struct Progress {
    Stage stage = Stage::nothing;  ///< the furthest one reached
    /// If known: when the pod was created (stage pod), its interface derived (interface), its port committed (later
    /// ones).
    std::optional<TimePoint> since;
    std::string note;  ///< what is known about why it goes no further
};

class ProgressProbe {
  public:
    virtual ~ProgressProbe() = default;
    /// `iface_id` is empty while no interface is derived. Asked only when an ADD is late.
    virtual void stage(const std::string& ns, const std::string& name, const std::string& iface_id,
                       std::function<void(Progress)> answer) = 0;
};

/// "ovn-northd has made no Port_Binding, 118 s after the switch port was committed (note)"
std::string lateness(const Progress& progress, TimePoint now);

}  // namespace weft::cni
