#pragma once

#include <weft/plugin/plugin.hpp>
#include <weft/testing/row_set.hpp>

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weft::testing {

/// What is read besides the fields that weft itself keeps of Node, Pod and Namespace.
struct ObjectKinds {
    std::vector<ResourceSpec> resources;
    std::vector<std::string> annotation_prefixes;

    /// What these plugins declare.
    static ObjectKinds of(const std::vector<PluginHandle*>& plugins);
};

/// Rows of objects, and the objects that can't be read.
struct ReadObjects {
    RowSet rows;
    std::vector<std::pair<ObjectRef, Error>> malformed;
    std::vector<ObjectRef> objects;  ///< all that were read, good or not
};

/// Reads Kubernetes objects, as YAML documents or JSON (a List is its items), into rows of their tables. Kinds that
/// nobody declares are passed over. An object without a uid gets one made of its name. Text that is no YAML throws
/// std::runtime_error.
ReadObjects read_objects(std::string_view text, const ObjectKinds& kinds = {});
/// The rows alone; an object that can't be read throws std::runtime_error.
RowSet objects_from_text(std::string_view text, const ObjectKinds& kinds = {});
RowSet objects_from_file(const std::string& path, const ObjectKinds& kinds = {});

/// The objects as JSON texts, of any kind; a List is its items. Throws std::runtime_error for what is no YAML.
std::vector<std::string> json_objects_from_file(const std::string& path);

/// Puts annotations that rules want (rows of tables::Annotation) on the nodes and pods of `objects`, as the kernel
/// would.
void apply_annotations(RowSet& objects, const std::vector<RowPtr>& annotations);

}  // namespace weft::testing
