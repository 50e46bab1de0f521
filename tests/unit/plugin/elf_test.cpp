#include "plugin/elf.hpp"

#include <cstring>
#include <fstream>
#include <random>
#include <sstream>

#include <elf.h>
#include <gtest/gtest.h>

namespace weft::plugin {
namespace {

std::string read_file(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
}

TEST(Elf, ReadsAPluginWithoutRunningIt) {
    const auto facts = read_elf(read_file(TEST_PLUGINS "/good/alpha.so"));
    ASSERT_TRUE(facts.ok()) << facts.error().text();
    EXPECT_EQ(facts->manifest.substr(0, 8), "weftplg1");
    EXPECT_EQ(facts->exports,
              (std::vector<std::string>{"weft_plugin_create", "weft_plugin_destroy", "weft_plugin_manifest"}));
    EXPECT_FALSE(facts->has_search_path);
}

TEST(Elf, RefusesWhatIsNone) {
    EXPECT_FALSE(read_elf("").ok());
    EXPECT_FALSE(read_elf("#!/bin/sh\n").ok());
    EXPECT_FALSE(read_elf(std::string(4096, '\0')).ok());
}

TEST(Elf, SurvivesDamage) {
    // Every truncation and thousands of random byte changes: an answer or an error, never a crash (run under ASan in
    // CI).
    const std::string good = read_file(TEST_PLUGINS "/good/alpha.so");
    for (std::size_t size = 0; size < good.size(); size += 97)
        (void)read_elf(std::string_view(good).substr(0, size));
    std::mt19937 random(7);  // NOLINT(cert-msc51-cpp): the same damage every time
    int answered = 0;
    for (int round = 0; round < 2000; ++round) {
        std::string bad = good;
        for (int i = 0; i < 8; ++i) {
            // The headers at both ends are where damage hurts.
            const std::size_t at = random() % 2 == 0 ? random() % 4096 : bad.size() - 1 - random() % 4096;
            bad[at % bad.size()] = static_cast<char>(random());
        }
        answered += read_elf(bad).ok() ? 1 : 0;
    }
    EXPECT_LT(answered, 2000);
}

void append(std::string& to, const auto& value) {
    to.append(reinterpret_cast<const char*>(&value), sizeof(value));
}

TEST(Elf, NamesThatOverlapTakeNoMemory) {
    // A thousand symbols whose names are the same megabyte: a gigabyte of names in a file of one.
    constexpr std::size_t symbols = 1000;
    const std::string names = std::string(1, '\0') + std::string(1 << 20, 'a') + std::string(1, '\0');
    Elf64_Ehdr header{};
    std::memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS64;
    header.e_ident[EI_DATA] = ELFDATA2LSB;
    header.e_type = ET_DYN;
    header.e_shentsize = sizeof(Elf64_Shdr);
    header.e_shnum = 2;
    header.e_shoff = sizeof(Elf64_Ehdr);
    Elf64_Shdr strings{
        .sh_type = SHT_STRTAB, .sh_offset = sizeof(header) + 2 * sizeof(Elf64_Shdr), .sh_size = names.size()};
    Elf64_Shdr table{
        .sh_type = SHT_DYNSYM, .sh_offset = strings.sh_offset + names.size(), .sh_size = symbols * sizeof(Elf64_Sym)};
    std::string file;
    append(file, header);
    append(file, strings);
    append(file, table);
    file += names;
    Elf64_Sym symbol{.st_name = 1, .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC), .st_shndx = 1};
    for (std::size_t i = 0; i < symbols; ++i)
        append(file, symbol);
    const auto facts = read_elf(file);
    ASSERT_FALSE(facts.ok());
    EXPECT_NE(facts.error().text().find("too many symbols"), std::string::npos) << facts.error().text();
}

}  // namespace
}  // namespace weft::plugin
