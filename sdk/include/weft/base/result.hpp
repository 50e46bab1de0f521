#pragma once

#include <weft/base/api.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace weft {

/// What a caller can do about a failure. Chosen by the caller's next step, not by where it came from.
enum class ErrorKind {
    waiting,   ///< an input is missing: run again when it appears
    again,     ///< transient: try again later
    conflict,  ///< somebody else owns this
    invalid,   ///< user data is wrong: show it in the object's status
    broken,    ///< an invariant of weft does not hold
};

/// The name in lower case.
WEFT_API std::string_view to_string(ErrorKind kind);

/// One failure, told so that its reader can mend it: what is wrong, where, and what to do.
struct WEFT_API Error {
    ErrorKind kind = ErrorKind::invalid;  ///< what a caller can do
    std::string what;                     ///< what is wrong, with the offending value quoted
    std::string where;                    ///< file:line, object and field, or row and column; empty when `what` says it
    std::string mend;                     ///< what the reader can do; empty when obvious

    /// "where: what (mend)", leaving out the parts that are empty.
    std::string text() const;
    /// The same failure seen from further out: `prefix` goes before `where`.
    Error at(std::string_view prefix) &&;

    friend bool operator==(const Error&, const Error&) = default;
};

/// An error of that kind.
inline Error waiting(std::string what) {
    return {ErrorKind::waiting, std::move(what), {}, {}};
}
/// An error of that kind.
inline Error again(std::string what) {
    return {ErrorKind::again, std::move(what), {}, {}};
}
/// An error of that kind.
inline Error conflict(std::string what) {
    return {ErrorKind::conflict, std::move(what), {}, {}};
}
/// An error of that kind, with what its reader can do.
inline Error invalid(std::string what, std::string mend = {}) {
    return {ErrorKind::invalid, std::move(what), {}, std::move(mend)};
}
/// An error of that kind.
inline Error broken(std::string what) {
    return {ErrorKind::broken, std::move(what), {}, {}};
}

/// A value or an Error. `std::expected` is C++23; this is the part of it that weft uses.
template <class T>
class [[nodiscard]] Result {
  public:
    using Value = T;

    Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
    Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

    explicit operator bool() const { return state_.index() == 0; }
    bool ok() const { return state_.index() == 0; }

    T& operator*() & { return std::get<0>(state_); }
    const T& operator*() const& { return std::get<0>(state_); }
    T&& operator*() && { return std::get<0>(std::move(state_)); }
    T* operator->() { return &std::get<0>(state_); }
    const T* operator->() const { return &std::get<0>(state_); }
    /// The value, or `other`.
    T value_or(T other) && { return ok() ? std::get<0>(std::move(state_)) : std::move(other); }

    const Error& error() const& { return std::get<1>(state_); }
    Error&& error() && { return std::get<1>(std::move(state_)); }

  private:
    std::variant<T, Error> state_;
};

/// Nothing, or an Error.
template <>
class [[nodiscard]] Result<void> {
  public:
    using Value = void;

    Result() = default;
    Result(Error error) : error_(std::move(error)) {}

    explicit operator bool() const { return !error_; }
    bool ok() const { return !error_; }
    const Error& error() const& { return *error_; }
    Error&& error() && { return *std::move(error_); }

  private:
    std::optional<Error> error_;
};

}  // namespace weft
