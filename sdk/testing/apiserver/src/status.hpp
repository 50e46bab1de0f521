#pragma once

#include "json.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace weft::apiserver {

/// One field that is wrong, as the causes of an Invalid status name it.
struct FieldError {
    enum class Type { invalid, required, forbidden, unsupported, duplicate, too_long };
    Type type = Type::invalid;
    std::string field;
    std::string value;
    std::string detail;

    std::string message() const;
    std::string_view reason() const;
};

/// What a refused request is answered with: the real server's codes, reasons and messages.
struct ApiError {
    int code = 500;
    std::string reason;
    std::string message;
    Json details;                ///< null when there are none
    std::string continue_token;  ///< for an expired list: where a new one could go on
    int retry_after = 0;         ///< seconds; 0 for none

    /// The Status object.
    Json status() const;
};

/// The names of a resource that error messages carry.
struct Names {
    std::string group;
    std::string plural;
    std::string kind;
    /// "pods", "networkpolicies.networking.k8s.io"
    std::string qualified() const { return group.empty() ? plural : plural + "." + group; }
    /// "Pod", "NetworkPolicy.networking.k8s.io"
    std::string qualified_kind() const { return group.empty() ? kind : kind + "." + group; }
};

ApiError bad_request(std::string message);
ApiError unauthorized();
ApiError forbidden(const Names&, std::string_view name, std::string_view why);
ApiError not_found(const Names&, std::string_view name);
ApiError no_such_resource();
ApiError already_exists(const Names&, std::string_view name);
ApiError conflict(const Names&, std::string_view name, std::string_view why);
/// The resource version that the client wrote against is no longer the current one.
ApiError modified(const Names&, std::string_view name);
ApiError invalid_object(const Names&, std::string_view name, const std::vector<FieldError>& errors);
/// A JSON patch that can't be applied, one whose `test` fails for example.
ApiError unprocessable();
ApiError method_not_allowed();
ApiError not_acceptable();
ApiError unsupported_media_type(std::string_view accepted);
ApiError expired(std::string message);
ApiError version_from_the_future(std::uint64_t asked, std::uint64_t current);
ApiError too_large();
ApiError internal_error(const std::string& message);

/// A value or the answer that refuses it.
template <class T>
class [[nodiscard]] Outcome {
  public:
    Outcome(T value) : state_(std::in_place_index<0>, std::move(value)) {}
    Outcome(ApiError error) : state_(std::in_place_index<1>, std::move(error)) {}
    explicit operator bool() const { return state_.index() == 0; }
    T& operator*() { return std::get<0>(state_); }
    const T& operator*() const { return std::get<0>(state_); }
    T* operator->() { return &std::get<0>(state_); }
    const ApiError& error() const { return std::get<1>(state_); }
    ApiError take_error() { return std::move(std::get<1>(state_)); }

  private:
    std::variant<T, ApiError> state_;
};

using Problem = std::optional<ApiError>;

}  // namespace weft::apiserver
