#include "config/ini.hpp"
#include "support.hpp"

#include <sstream>

namespace weft::config {
namespace {

std::string read(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    std::stringstream text;
    text << in.rdbuf();
    return text.str();
}

TEST_F(LoadTest, WeftConfIsWhatTheSchemaSays) {
    const std::string file = std::string(WEFT_SOURCE_DIR) + "/conf/weft.conf";
    EXPECT_EQ(read(file), reference_config()) << "run `weftctl config reference > conf/weft.conf`";
}

TEST_F(LoadTest, WeftConfChangesNothing) {
    auto plain = Config::load(options());
    auto with_file = load(reference_config());
    ASSERT_TRUE(plain);
    ASSERT_TRUE(with_file) << with_file.error().text();
    EXPECT_TRUE(with_file->warnings().empty());
    const auto a = plain->show();
    const auto b = with_file->show();
    ASSERT_EQ(a.size(), b.size());
    for (std::size_t i = 0; i < a.size(); ++i)
        EXPECT_EQ(a[i].value, b[i].value) << a[i].key;
}

/// With every comment sign of a "# key = value" line removed, the file still loads and means the defaults.
TEST_F(LoadTest, EveryDocumentedDefaultIsTheDefault) {
    std::istringstream in(reference_config());
    std::string active;
    std::size_t keys = 0;
    for (std::string line; std::getline(in, line);) {
        if (line.starts_with("# [plugin.<name>]")) break;
        active += line + "\n";
    }
    std::istringstream again(reference_config());
    std::string text, section;
    for (std::string line; std::getline(again, line);) {
        if (line.starts_with("[")) section = line.substr(1, line.size() - 2);
        const bool is_key = line.starts_with("# ") && line.find(" =") != std::string::npos && section != "plugins" &&
                            line.find(' ', 2) == line.find(" =") && line.find('.') > line.find(" =");
        if (line.starts_with("[")) text += line + "\n";
        if (!is_key) continue;
        const auto key = line.substr(2, line.find(" =") - 2);
        if (!find_key(section, lower_case(key))) continue;
        text += line.substr(2) + "\n";
        ++keys;
    }
    EXPECT_EQ(keys, schema().size());
    auto plain = Config::load(options());
    auto config = load(text);
    ASSERT_TRUE(plain);
    ASSERT_TRUE(config) << config.error().text();
    const auto a = plain->show();
    const auto b = config->show();
    ASSERT_EQ(a.size(), b.size());
    for (std::size_t i = 0; i < a.size(); ++i)
        EXPECT_EQ(a[i].value, b[i].value) << a[i].key;
}

}  // namespace
}  // namespace weft::config
