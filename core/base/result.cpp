#include <weft/base/result.hpp>

namespace weft {

std::string_view to_string(ErrorKind kind) {
    switch (kind) {
        case ErrorKind::waiting: return "waiting";
        case ErrorKind::again: return "again";
        case ErrorKind::conflict: return "conflict";
        case ErrorKind::invalid: return "invalid";
        case ErrorKind::broken: return "broken";
    }
    return "broken";
}

std::string Error::text() const {
    std::string out = where;
    if (!out.empty() && !what.empty()) out += ": ";
    out += what;
    if (!mend.empty()) out += " (" + mend + ")";
    return out;
}

Error Error::at(std::string_view prefix) && {
    where = where.empty() ? std::string(prefix) : std::string(prefix) + ": " + where;
    return std::move(*this);
}

}  // namespace weft
