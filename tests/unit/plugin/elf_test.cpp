#include "plugin/elf.hpp"

#include <fstream>
#include <random>
#include <sstream>

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

}  // namespace
}  // namespace weft::plugin
