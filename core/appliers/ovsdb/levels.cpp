#include "appliers/ovsdb/levels.hpp"

#include <algorithm>

namespace weft::appliers::ovsdb {

using weft::ovsdb::Level;

bool Levels::reached(Mark mark, Level level) const {
    switch (level) {
        case Level::committed: return true;
        case Level::southbound: return mark <= southbound_;
        case Level::installed: return mark <= installed_;
    }
    return false;
}

Levels::Mark Levels::send(TimePoint now) {
    raises_.push_back({++sent_, 0, now});
    return sent_;
}

void Levels::committed(Mark mark, std::int64_t number) {
    for (Raise& raise : raises_) {
        if (raise.mark == mark) raise.number = number;
    }
    advance();
}

void Levels::failed(Mark mark, TimePoint not_before) {
    std::erase_if(raises_, [&](const Raise& raise) { return raise.mark == mark; });
    if (mark > installed_) next();
    not_before_ = std::max(not_before_, not_before);
}

bool Levels::told(const std::optional<Numbers>& numbers) {
    present_ = numbers.has_value();
    numbers_ = numbers.value_or(Numbers{});
    // A database that has been emptied or replaced counts from the start: what was raised before is void.
    const auto is_void = [&](const Raise& raise) { return raise.number > numbers_.raised; };
    if (std::any_of(raises_.begin(), raises_.end(), is_void)) {
        std::erase_if(raises_, is_void);
        next();
    }
    return advance();
}

bool Levels::advance() {
    const Mark southbound = southbound_;
    const Mark installed = installed_;
    for (const Raise& raise : raises_) {
        if (raise.number == 0) break;
        if (raise.number <= numbers_.southbound) southbound_ = std::max(southbound_, raise.mark);
        if (raise.number <= numbers_.installed) installed_ = std::max(installed_, raise.mark);
    }
    southbound_ = std::max(southbound_, installed_);
    while (!raises_.empty() && raises_.front().mark <= installed_)
        raises_.pop_front();
    return southbound_ != southbound || installed_ != installed;
}

bool Levels::silent(TimePoint now) const {
    return !raises_.empty() && now - raises_.front().sent >= patience_;
}

std::optional<TimePoint> Levels::next_deadline(TimePoint now) const {
    std::optional<TimePoint> next;
    if (!raises_.empty() && !silent(now)) next = raises_.front().sent + patience_;
    if (wanted_ > sent_ && not_before_ > now && (!next || not_before_ < *next)) next = not_before_;
    return next;
}

}  // namespace weft::appliers::ovsdb
