#pragma once

#include "object.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace weft::apiserver {

/// "app=web,tier in (a,b),!canary": all requirements must hold.
class LabelSelector {
  public:
    static Outcome<LabelSelector> parse(std::string_view text);
    bool matches(const Object&) const;
    bool everything() const { return requirements_.empty(); }

  private:
    enum class Op { in, not_in, exists, absent, greater, less };
    struct Requirement {
        std::string key;
        Op op = Op::exists;
        std::vector<std::string> values;
        bool holds(const std::string* value) const;
    };
    class Parser;
    std::vector<Requirement> requirements_;
};

/// "spec.nodeName=n1,status.phase!=Running" over the fields that the resource offers.
class FieldSelector {
  public:
    static Outcome<FieldSelector> parse(std::string_view text, const Resource&);
    bool matches(const Object&) const;
    bool everything() const { return requirements_.empty(); }

  private:
    static constexpr int by_name = -1, by_namespace = -2;
    struct Requirement {
        int field = 0;  ///< index into Resource::fields, or one of the two above
        bool equal = true;
        std::string value;
    };
    std::vector<Requirement> requirements_;
};

/// Which objects of a resource a request is about.
struct Selection {
    std::string space;  ///< empty for all namespaces
    LabelSelector labels;
    FieldSelector fields;

    bool matches(const Object& object) const {
        return (space.empty() || object.space == space) && labels.matches(object) && fields.matches(object);
    }
    bool everything() const { return labels.everything() && fields.everything(); }
};

}  // namespace weft::apiserver
