#pragma once

#include "store.hpp"

#include <memory>
#include <string>

namespace weft::apiserver {

/// The form of an answer, as the Accept header asks for it.
enum class Form { whole, metadata, table };
/// What rows of a table carry besides their cells.
enum class RowObject { none, metadata, whole };

/// Nothing when none of the accepted types is served.
std::optional<Form> negotiate(std::string_view accept);

/// Writes stored objects in one version and form. Immutable.
class Encoder {
  public:
    Encoder(std::shared_ptr<const Resource> resource, const Version& version, Form form, RowObject rows);

    /// One object as an answer, told with `revision`.
    std::string object(const Object& object, std::uint64_t revision) const;
    std::string list(const ListAnswer& answer) const;
    /// One line of a watch; `type` is ADDED, MODIFIED or DELETED.
    void event(std::string& out, std::string_view type, const Object& object, std::uint64_t revision) const;
    void bookmark(std::string& out, std::uint64_t revision, bool initial_events_end) const;

  private:
    void item(std::string& out, const Object& object, std::uint64_t revision) const;
    std::string table(const std::vector<ObjectPtr>& objects, Json metadata) const;

    std::shared_ptr<const Resource> resource_;
    std::string version_;
    Form form_;
    RowObject rows_;
    std::string head_;       ///< {"kind":"Pod","apiVersion":"v1",
    std::string list_head_;  ///< the same within a list: just '{' for built-in kinds
};

/// The line that ends a watch whose history is gone.
std::string error_event(const ApiError& error);

}  // namespace weft::apiserver
