#!/usr/bin/env python3
"""Makes C++ row types from an OVSDB schema.

usage: generate.py SCHEMA BASELINE HEADER SOURCE

Writes HEADER (the structs, part of the SDK) and SOURCE (their type-erased descriptions, part of libweft). What is in
SCHEMA but not in BASELINE is optional: a server may lack it. databases.py holds what schemas don't say.
"""

import json
import pathlib
import sys

from databases import DATABASES

KEYWORDS = {
    "and", "auto", "bool", "break", "case", "catch", "char", "class", "const", "continue", "default", "delete", "do",
    "double", "else", "enum", "explicit", "export", "extern", "false", "float", "for", "friend", "goto", "if", "inline",
    "int", "long", "mutable", "namespace", "new", "not", "operator", "or", "private", "protected", "public", "register",
    "return", "short", "signed", "sizeof", "static", "struct", "switch", "template", "this", "throw", "true", "try",
    "typedef", "typename", "union", "unsigned", "using", "virtual", "void", "volatile", "while", "xor",
}
# Names that every row struct has besides its columns.
RESERVED = {"key", "parent", "after", "uuid", "columns", "fields", "settle_key"}
ATOMS = {"integer": "std::int64_t", "real": "double", "boolean": "bool", "string": "std::string", "uuid": "Uuid"}


def type_name(table):
    return "".join(part[:1].upper() + part[1:] for part in table.split("_"))


def member_name(column):
    if column in RESERVED:
        sys.exit(f"column {column!r} has the name of a member that every row has; choose another name for that member")
    return column + "_" if column in KEYWORDS else column


class Base:
    """A base type: the key or the value of a column."""

    def __init__(self, spec):
        spec = {"type": spec} if isinstance(spec, str) else spec
        self.atom = spec["type"]
        self.ref_table = spec.get("refTable", "")
        self.weak = spec.get("refType", "strong") == "weak"

    def cpp(self):
        return f"ovsdb::Ref<{type_name(self.ref_table)}>" if self.ref_table else ATOMS[self.atom]


class Column:
    def __init__(self, name, spec, large, optional):
        self.name = name
        self.member = member_name(name)
        self.large = large
        self.optional = optional
        self.ephemeral = spec.get("ephemeral", False)
        self.mutable = spec.get("mutable", True)
        kind = spec["type"]
        kind = {"key": kind} if isinstance(kind, str) else kind
        self.key = Base(kind["key"])
        self.value = Base(kind["value"]) if "value" in kind else None
        self.min = kind.get("min", 1)
        self.max = kind.get("max", 1)
        if large and (self.value or self.max != "unlimited"):
            sys.exit(f"large column {name} is no unlimited set")

    def cpp(self):
        if self.value:
            return f"ovsdb::Map<{self.key.cpp()}, {self.value.cpp()}>"
        if self.max != 1:
            return f"ovsdb::Set<{self.key.cpp()}>"
        return f"std::optional<{self.key.cpp()}>" if self.min == 0 else self.key.cpp()

    def remark(self):
        words = []
        if self.key.ref_table and self.key.weak:
            words.append("weak")
        if self.large:
            words.append("large: undeclared in rows from a database")
        if self.optional:
            words.append("optional: older servers lack it")
        return f"  ///< {'; '.join(words)}" if words else ""


class Table:
    def __init__(self, name, spec, facts, baseline):
        self.name = name
        self.type = type_name(name)
        self.root = spec.get("isRoot", False)
        self.max_rows = spec.get("maxRows")
        self.indexes = spec.get("indexes", [])
        self.required = name in facts["required"]
        self.optional = name not in baseline
        self.natural_key = facts["natural_key"].get(name, [])
        large = set(facts["large"].get(name, []))
        known = baseline.get(name, spec)["columns"]
        self.columns = [Column(c, s, c in large, c not in known) for c, s in sorted(spec["columns"].items())]
        missing = (large | set(self.natural_key) - {"."}) - {c.name for c in self.columns}
        if missing:
            sys.exit(f"databases.py names columns that {name} doesn't have: {', '.join(sorted(missing))}")
        if self.natural_key == ["."] and self.max_rows != 1:
            sys.exit(f"databases.py calls {name} a table of one row")

    def key_expression(self):
        """C++ for the natural key of `*this`: an empty text where there is none."""
        parts = []
        for name in self.natural_key:
            if name == ".":
                return '"."'
            column = next(c for c in self.columns if c.name == name)
            get = f"{column.member}.get()"
            parts.append(get if column.key.atom == "string" else f"std::to_string({get})")
        return " + '/' + ".join(parts) if parts else "{}"


class Database:
    def __init__(self, schema, baseline):
        self.name = schema["name"]
        self.version = schema["version"]
        facts = DATABASES[self.name]
        self.namespace = facts["namespace"]
        self.tag = facts["tag"]
        self.prefix = facts["prefix"]
        self.member = facts["member"]
        base = baseline["tables"]
        self.tables = [Table(t, s, facts, base) for t, s in sorted(schema["tables"].items())]
        unknown = (set(facts["natural_key"]) | set(facts["large"]) | set(facts["required"])) - {t.name for t in self.tables}
        if unknown:
            sys.exit(f"databases.py names tables that {self.name} doesn't have: {', '.join(sorted(unknown))}")


def struct(db, table):
    name = table.type
    out = []
    if table.optional:
        out.append("/// Optional: older servers lack this table.")
    out.append(f"struct {name} {{")
    out.append(f"    using Database = {db.tag};")
    out.append(f'    static constexpr std::string_view table_name = "{db.prefix}/{table.name}";')
    out.append(f'    static constexpr std::string_view replica_table = "replica/{db.prefix}/{table.name}";')
    out.append(f'    static constexpr std::string_view ovsdb_table = "{table.name}";')
    out.append("")
    out.append(f"    Key<{name}> key;")
    out.append("    ovsdb::Parent parent;")
    out.append("    std::vector<ovsdb::After> after;")
    out.append("    Uuid uuid;")
    for c in table.columns:
        out.append(f"    ovsdb::Column<{c.cpp()}> {c.member};{c.remark()}")
    out.append("")
    if table.natural_key:
        out.append(f"    /// From the columns {', '.join(table.natural_key)}." if table.natural_key != ["."] else
                   "    /// The table holds one row.")
    else:
        out.append("    /// None: a rule chooses the key.")
    out.append(f"    std::string natural_key() const {{ return {table.key_expression()}; }}")
    out.append("    void settle_key() {")
    out.append("        if (key.empty()) key.text = natural_key();")
    out.append("    }")
    # Templates whose bodies depend on their parameter, so that a program pays only for the tables it uses.
    columns = [f'field("{c.name}", &Self::{c.member})' for c in table.columns]
    own = [f'field("{member}", &Self::{member})' for member in ("key", "parent", "after", "uuid")]
    for function, fields in (("columns", columns), ("fields", own + columns)):
        out.append(f"    template <class Self = {name}>")
        out.append(f"    static constexpr auto {function}() {{")
        out.append("        return std::tuple{" + ",\n                          ".join(fields) + "};")
        out.append("    }")
    out.append(f"    WEFT_FIELDS_EQUAL({name})")
    out.append("};")
    return "\n".join(out)


def header(db):
    rows = "\n\n".join(struct(db, t) for t in db.tables)
    forward = "\n".join(f"struct {t.type};" for t in db.tables)
    return f"""// Generated from the {db.name} schema, version {db.version}. Change core/ovsdb/generate instead.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include <weft/ovsdb/column.hpp>

namespace weft::{db.namespace} {{

/// The database {db.name}.
struct {db.tag} {{
    static constexpr std::string_view name = "{db.name}";
    static constexpr std::string_view prefix = "{db.prefix}";
    static constexpr std::string_view member_table = "{db.member}Member";
    static constexpr std::string_view foreign_column_table = "{db.member}ForeignColumn";
}};

using Member = ovsdb::Member<{db.tag}>;
using ForeignColumn = ovsdb::ForeignColumn<{db.tag}>;

{forward}

{rows}

}}  // namespace weft::{db.namespace}
"""


def boolean(flag):
    return "true" if flag else "false"


def text_list(names):
    return "{" + ", ".join(f'"{n}"' for n in names) + "}"


def description(db, table):
    ns = f"{db.namespace}::{table.type}"
    out = [f"    made.push_back(TableMaker<{ns}>({{.is_root = {boolean(table.root)},"]
    out.append(f"                                .one_row = {boolean(table.max_rows == 1)},")
    out.append(f"                                .required = {boolean(table.required)},")
    out.append(f"                                .optional = {boolean(table.optional)},")
    out.append(f"                                .natural_key = {text_list(table.natural_key)},")
    indexes = "{" + ", ".join(text_list(i) for i in table.indexes) + "}"
    out.append(f"                                .indexes = {indexes}}})")
    for c in table.columns:
        top = "unlimited" if c.max == "unlimited" else c.max
        facts = [f".min = {c.min}", f".max = {top}"]
        for flag, value in (("optional", c.optional), ("large", c.large), ("ephemeral", c.ephemeral),
                            ("immutable", not c.mutable)):
            if value:
                facts.append(f".{flag} = true")
        out.append(f"                       .column(&{ns}::{c.member}, \"{c.name}\", {base(c.key)}, {base(c.value)},")
        out.append(f"                               {{{', '.join(facts)}}})")
    out.append("                       .take());")
    return "\n".join(out)


def base(b):
    if b is None:
        return "{}"
    ref = f', "{b.ref_table}"' if b.ref_table else ""
    weak = ", true" if b.ref_table and b.weak else ""
    return f"{{Atom::{b.atom}{ref}{weak}}}"


def source(db, header_name):
    parts = "\n\n".join(
        f"void describe_{t.type}(std::vector<std::unique_ptr<TableInfo>>& made) {{\n{description(db, t)}\n}}" for t in db.tables)
    calls = "\n".join(f"    describe_{t.type}(made);" for t in db.tables)
    return f"""// Generated from the {db.name} schema, version {db.version}. Change core/ovsdb/generate instead.
#include "ovsdb/table_maker.hpp"

#include <weft/ovsdb/{header_name}>

namespace weft::ovsdb {{

namespace {{

{parts}

}}  // namespace

const DatabaseInfo& {db.namespace}_database() {{
    static const DatabaseInfo info = [] {{
        std::vector<std::unique_ptr<TableInfo>> made;
{calls.replace('    ', '        ')}
        return DatabaseInfo("{db.name}", "{db.version}", std::move(made));
    }}();
    return info;
}}

}}  // namespace weft::ovsdb
"""


def write(path, text):
    """Leaves an equal file alone, so that nothing is compiled again for it."""
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


def main():
    schema, baseline, header_path, source_path = sys.argv[1:]
    db = Database(json.loads(pathlib.Path(schema).read_text()), json.loads(pathlib.Path(baseline).read_text()))
    write(header_path, header(db))
    write(source_path, source(db, pathlib.Path(header_path).name))


if __name__ == "__main__":
    main()
