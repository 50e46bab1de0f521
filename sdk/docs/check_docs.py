#!/usr/bin/env python3
"""check_docs.py DOXYGEN FOLDER: runs FOLDER/Doxyfile and fails, with a list, when a public symbol has no docstring.

Symbols are types, functions, members, constants, enumerators and type aliases in the headers that plugins include.
What means the same everywhere needs no words of its own (MEANS_THE_SAME), and the docstring of an enum may speak for
its enumerators.
"""
import pathlib
import subprocess
import sys
import xml.etree.ElementTree as tree

# Members whose meaning is that of a concept (a row, an index, a container, a value), told where the concept is.
MEANS_THE_SAME = {
    "fields", "columns", "pack", "unpack", "skip", "table_name", "replica_table", "ovsdb_table", "index_name", "merge", "object", "precedence",
    "settle_key", "key", "value_type", "Value", "Database", "Table", "Row", "is_transparent",
    "begin", "end", "size", "empty", "contains", "find", "insert", "erase", "clear", "has_value", "ok", "error", "value",
    "text", "hash", "type_hash_of", "family", "name", "ns", "uid", "node", "labels",
}


def is_documented(element):
    return any((element.findtext(kind) or "").strip() or len(element.find(kind) if element.find(kind) is not None else ())
               for kind in ("briefdescription", "detaileddescription"))


def is_plain(name, scope):
    """Constructors, destructors, operators, and what means the same everywhere."""
    last = scope.split("::")[-1].split("<")[0].strip()
    return name.startswith("operator") or name.lstrip("~") == last or name in MEANS_THE_SAME


def main(doxygen, folder):
    missing, said, count = [], set(), 0
    subprocess.run([doxygen, f"{folder}/Doxyfile"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for file in sorted(pathlib.Path(folder, "xml").glob("*.xml")):
        for compound in tree.parse(file).getroot().iter("compounddef"):
            kind, scope = compound.get("kind"), compound.findtext("compoundname")
            if kind not in ("class", "struct", "union", "concept", "namespace") or "detail" in scope.split("::"):
                continue
            if compound.get("prot", "public") != "public":
                continue
            place = compound.find("location")
            if kind != "namespace":
                count += 1
                if not is_documented(compound):
                    missing.append((place.get("file"), place.get("line"), scope))
            for member in compound.iter("memberdef"):
                name = member.findtext("name")
                if member.get("prot") != "public" or member.get("kind") == "friend" or is_plain(name, scope):
                    continue
                count += 1
                where = member.find("location")
                if is_documented(member):
                    said.add((where.get("file"), where.get("line")))  # speaks for others on its line, too
                else:
                    missing.append((where.get("file"), where.get("line"), f"{scope}::{name}"))
                values = list(member.iter("enumvalue"))
                some = any(is_documented(one) for one in values)
                for one in values:
                    count += 1
                    if some and not is_documented(one):
                        missing.append((where.get("file"), where.get("line"), f"{scope}::{name}::{one.findtext('name')}"))
    missing = [m for m in missing if m[:2] not in said]
    for file, line, symbol in sorted(set(missing), key=lambda m: (m[0], int(m[1]))):
        print(f"{file}:{line}: {symbol} has no docstring")
    print(f"{count} public symbols, {len(set(missing))} without a docstring")
    if count < 300:
        sys.exit("that is not the SDK: too few symbols")
    return 1 if missing else 0


sys.exit(main(*sys.argv[1:]))
