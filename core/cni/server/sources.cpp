#include "cni/server/sources.hpp"

namespace weft::cni {

std::string lateness(const Progress& progress, TimePoint now) {
    struct Words {
        const char* late;
        const char* reached;
    };
    const Words words = [&]() -> Words {
        switch (progress.stage) {
            case Stage::nothing: return {"weft has not seen the pod (its watch of the API server is late)", ""};
            case Stage::pod: return {"the pod has no address yet (no lease, no PodInterface)", "it was created"};
            case Stage::interface:
                return {"its switch port is not committed to the OVN northbound database", "its address was leased"};
            case Stage::northbound:
                return {"ovn-northd has made no Port_Binding for it", "its switch port was committed"};
            case Stage::southbound:
                return {"ovn-controller has not bound its port (no ovn-installed)", "its switch port was committed"};
            case Stage::installed:
                return {"its port is bound, but Open vSwitch does not say so here", "its switch port was committed"};
        }
        return {"?", ""};
    }();
    std::string out = words.late;
    if (progress.since && *words.reached != '\0') {
        const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now - *progress.since).count();
        out += ", " + std::to_string(seconds) + " s after " + words.reached;
    }
    if (!progress.note.empty()) out += " (" + progress.note + ")";
    return out;
}

}  // namespace weft::cni
