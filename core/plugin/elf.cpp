#include "plugin/elf.hpp"

#include <algorithm>
#include <cstring>
#include <optional>

#include <elf.h>

namespace weft::plugin {

namespace {

/// Bounds-checked reading of structs and texts out of the file.
class Bytes {
  public:
    explicit Bytes(std::string_view all) : all_(all) {}

    template <class T>
    std::optional<T> at(std::uint64_t offset) const {
        T value;
        if (offset > all_.size() || all_.size() - offset < sizeof(T)) return std::nullopt;
        std::memcpy(&value, all_.data() + offset, sizeof(T));
        return value;
    }
    std::optional<std::string_view> range(std::uint64_t offset, std::uint64_t size) const {
        if (offset > all_.size() || all_.size() - offset < size) return std::nullopt;
        return all_.substr(offset, size);
    }

  private:
    std::string_view all_;
};

std::optional<std::string_view> text_in(std::string_view table, std::uint64_t offset) {
    if (offset >= table.size()) return std::nullopt;
    const auto rest = table.substr(offset);
    const auto end = rest.find('\0');
    if (end == std::string_view::npos) return std::nullopt;
    return rest.substr(0, end);
}

/// Names may overlap in the file, so they can be far more than the file is long.
constexpr std::size_t most_name_bytes = 4U << 20;

/// Keeps a name, as long as all of them together stay within reason.
class Names {
  public:
    bool keep(std::string_view name, std::vector<std::string>& in) {
        if (name.size() > left_) return false;
        left_ -= name.size();
        in.emplace_back(name);
        return true;
    }

  private:
    std::size_t left_ = most_name_bytes;
};

Error damaged(std::string_view what) {
    return invalid("damaged ELF file: " + std::string(what));
}

struct Section {
    Elf64_Shdr header;
    std::string_view name;
    std::string_view content;
};

Result<std::vector<Section>> read_sections(const Bytes& bytes, const Elf64_Ehdr& file) {
    constexpr unsigned most = 4096;
    if (file.e_shentsize != sizeof(Elf64_Shdr) || file.e_shnum > most) return damaged("section headers");
    std::vector<Section> sections;
    for (unsigned i = 0; i < file.e_shnum; ++i) {
        const auto header = bytes.at<Elf64_Shdr>(file.e_shoff + std::uint64_t{i} * sizeof(Elf64_Shdr));
        if (!header) return damaged("section header " + std::to_string(i));
        std::string_view content;
        if (header->sh_type != SHT_NOBITS && header->sh_type != SHT_NULL) {
            const auto range = bytes.range(header->sh_offset, header->sh_size);
            if (!range) return damaged("section " + std::to_string(i) + " lies outside the file");
            content = *range;
        }
        sections.push_back({*header, {}, content});
    }
    if (file.e_shstrndx >= sections.size()) return damaged("no section names");
    for (auto& section : sections) {
        const auto name = text_in(sections[file.e_shstrndx].content, section.header.sh_name);
        if (!name) return damaged("section name");
        section.name = *name;
    }
    return sections;
}

Result<void> read_dynamic(const Section& dynamic, std::string_view strings, Names& names, ElfFacts& facts) {
    const Bytes entries(dynamic.content);
    for (std::uint64_t offset = 0;; offset += sizeof(Elf64_Dyn)) {
        const auto entry = entries.at<Elf64_Dyn>(offset);
        if (!entry || entry->d_tag == DT_NULL) return {};
        switch (entry->d_tag) {
            case DT_NEEDED: {
                const auto name = text_in(strings, entry->d_un.d_val);
                if (!name || !names.keep(*name, facts.needed)) return damaged("name of a needed library");
                break;
            }
            case DT_RPATH:
            case DT_RUNPATH: facts.has_search_path = true; break;
            case DT_TEXTREL: facts.has_text_relocations = true; break;
            case DT_FLAGS:
                facts.has_text_relocations |= (entry->d_un.d_val & DF_TEXTREL) != 0;
                facts.has_static_tls |= (entry->d_un.d_val & DF_STATIC_TLS) != 0;
                break;
            case DT_INIT_ARRAY: facts.has_init_array = true; break;
            default: break;
        }
    }
}

Result<void> read_symbols(const Section& symbols, std::string_view strings, Names& names, ElfFacts& facts) {
    const Bytes entries(symbols.content);
    for (std::uint64_t offset = 0;; offset += sizeof(Elf64_Sym)) {
        const auto symbol = entries.at<Elf64_Sym>(offset);
        if (!symbol) break;
        const auto visibility = ELF64_ST_VISIBILITY(symbol->st_other);
        const auto binding = ELF64_ST_BIND(symbol->st_info);
        if (symbol->st_shndx == SHN_UNDEF || symbol->st_shndx == SHN_ABS || binding == STB_LOCAL) continue;
        if (visibility == STV_HIDDEN || visibility == STV_INTERNAL) continue;
        const auto name = text_in(strings, symbol->st_name);
        if (!name) return damaged("symbol name");
        if (!name->empty() && !names.keep(*name, facts.exports)) return damaged("too many symbols");
    }
    std::sort(facts.exports.begin(), facts.exports.end());
    return {};
}

}  // namespace

Result<ElfFacts> read_elf(std::string_view all) {
    const Bytes bytes(all);
    const auto file = bytes.at<Elf64_Ehdr>(0);
    if (!file || std::memcmp(file->e_ident, ELFMAG, SELFMAG) != 0) return invalid("not an ELF file");
    if (file->e_ident[EI_CLASS] != ELFCLASS64 || file->e_ident[EI_DATA] != ELFDATA2LSB || file->e_type != ET_DYN) {
        return invalid("not a 64-bit little-endian shared object");
    }
    auto sections = read_sections(bytes, *file);
    if (!sections) return sections.error();
    ElfFacts facts;
    Names names;
    for (const Section& section : *sections) {
        if (section.name == ".weft_plugin") facts.manifest = section.content;
        if (section.header.sh_type != SHT_DYNAMIC && section.header.sh_type != SHT_DYNSYM) continue;
        if (section.header.sh_link >= sections->size()) return damaged("string table of " + std::string(section.name));
        const auto strings = (*sections)[section.header.sh_link].content;
        auto read = section.header.sh_type == SHT_DYNAMIC ? read_dynamic(section, strings, names, facts)
                                                          : read_symbols(section, strings, names, facts);
        if (!read) return read.error();
    }
    return facts;
}

}  // namespace weft::plugin
