#pragma once

#include <weft/testing/row_set.hpp>

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace weft::testing {

/// Reads Kubernetes objects, as YAML documents or JSON (a List is its items), into rows of tables::Node, tables::Pod
/// and tables::Namespace. Other kinds are passed over. An object without a uid gets one made of its name. An object
/// that can't be read throws std::runtime_error.
RowSet objects_from_text(std::string_view text);
RowSet objects_from_file(const std::string& path);

/// The objects as JSON texts, of any kind; a List is its items. Throws std::runtime_error for what is no YAML.
std::vector<std::string> json_objects_from_file(const std::string& path);

/// Puts annotations that rules want (rows of tables::Annotation) on the nodes and pods of `objects`, as the kernel
/// would.
void apply_annotations(RowSet& objects, const std::vector<RowPtr>& annotations);

}  // namespace weft::testing
