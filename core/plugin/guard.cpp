#include "plugin/guard.hpp"

#include <weft/base/json.hpp>

#include <exception>

namespace weft::plugin {

namespace {

template <class Call>
auto without_exceptions(const std::string& who, Call&& call) -> decltype(call()) {
    try {
        return call();
    } catch (const std::exception& e) {
        return broken(who + " threw: " + e.what());
    } catch (...) {
        return broken(who + " threw something that is no std::exception");
    }
}

}  // namespace

void guard_declared(Declared& declared, const std::string& plugin, containment::RunBoard* board) {
    const auto label = [&](const std::string& part) {
        return board == nullptr ? std::uint16_t{0} : board->label(plugin, part);
    };
    for (auto& resource : declared.resources) {
        if (!resource.spec.parse) continue;
        const std::string part = "resource " + resource.spec.resource;
        resource.spec.parse = [parse = std::move(resource.spec.parse), board, label = label(part),
                               who = "plugin " + json_quote(plugin) + ", " + part](JsonView object) -> Result<RowPtr> {
            // Objects are read on several threads, so each call has a place of its own.
            const containment::RunLanes lane(board, 1);
            const containment::RunMark mark(lane.at(0), label, object["metadata"]["name"].string_or(""));
            return without_exceptions(who, [&] { return parse(object); });
        };
    }
    for (auto& setting : declared.settings) {
        if (!setting.check) continue;
        const std::string part = "setting " + setting.key;
        setting.check = [check = std::move(setting.check), board, label = label(part),
                         who = "plugin " + json_quote(plugin) + ", " + part](std::string_view value) -> Result<void> {
            const containment::RunLanes lane(board, 1);
            const containment::RunMark mark(lane.at(0), label, value);
            return without_exceptions(who, [&] { return check(value); });
        };
    }
}

}  // namespace weft::plugin
