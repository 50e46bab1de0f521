#include "services/build_facts.hpp"

#include "services/revision.hpp"

namespace weft::services {

BuildFacts own_build() {
    return {WEFT_VERSION, WEFT_REVISION, "", ""};
}

std::string BuildFacts::text() const {
    return revision.empty() || revision == version ? version : version + " (" + revision + ")";
}

}  // namespace weft::services
