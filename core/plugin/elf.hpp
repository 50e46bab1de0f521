#pragma once

#include <weft/base/result.hpp>

#include <cstdint>
#include <string>
#include <vector>

/// Reads what admission wants to know about a shared object, from its bytes, without running anything of it.
namespace weft::plugin {

struct ElfFacts {
    std::string manifest;              ///< bytes of section .weft_plugin; empty when there is none
    std::vector<std::string> needed;   ///< DT_NEEDED
    std::vector<std::string> exports;  ///< defined dynamic symbols with default or protected visibility, sorted
    bool has_search_path = false;      ///< DT_RPATH or DT_RUNPATH
    bool has_text_relocations = false;
    bool has_static_tls = false;
    bool has_init_array = false;
};

/// `bytes` is a whole 64-bit little-endian ELF file. Anything out of bounds is an Error, never a crash.
Result<ElfFacts> read_elf(std::string_view bytes);

}  // namespace weft::plugin
