#pragma once

#include "resource.hpp"

#include <functional>
#include <string>
#include <vector>

namespace weft::apiserver {

/// What `kubectl get` shows of an object.
class Columns {
  public:
    Columns(const Resource& resource, std::string_view version);

    Json definitions() const;
    Json cells(const Json& object) const;

  private:
    struct Column {
        std::string name;
        std::string type = "string";
        int priority = 0;
        std::string format;
        std::function<Json(const Json&)> cell;
    };
    void add_builtin(const Resource& resource);
    void add_custom(const Json& printer_columns);

    std::vector<Column> columns_;
};

/// The first value that a simple JSONPath (.spec.x, [0], [?(@.type=="Ready")], escaped dots) finds; null for none.
Json json_path(const Json& object, std::string_view path);

/// "5m", "3h20m", "12d": how long ago an RFC 3339 time was.
std::string age_of(std::string_view rfc3339);

}  // namespace weft::apiserver
