#include "anonymous.hpp"

namespace weft::apiserver {

bool open_to_anybody(const RequestInfo& info) {
    for (std::string_view open : {"/healthz", "/livez", "/readyz", "/version"}) {
        if (info.path.starts_with(open)) return true;
    }
    return false;
}

ApiError forbidden_to_anonymous(std::string_view method, const RequestInfo& info) {
    const auto label = request_label(method, info);
    const auto cannot = "forbidden: User \"system:anonymous\" cannot " + label.substr(0, label.find(' '));
    if (!info.about_resource) return {403, "Forbidden", cannot + " path \"" + info.path + '"', Json::object(), {}, 0};
    auto resource = info.plural;
    if (!info.subresource.empty()) resource += "/" + info.subresource;
    const auto where = info.space.empty() ? "at the cluster scope" : "in the namespace \"" + info.space + '"';
    auto error = forbidden({info.group, info.plural, ""}, info.name, "");
    const auto what =
        Names{info.group, info.plural, ""}.qualified() + (info.name.empty() ? "" : " \"" + info.name + '"');
    error.message =
        what + " is " + cannot + " resource \"" + resource + "\" in API group \"" + info.group + "\" " + where;
    return error;
}

}  // namespace weft::apiserver
