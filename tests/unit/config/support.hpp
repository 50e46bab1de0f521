#pragma once

#include "config/config.hpp"

#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

namespace weft::config {

/// A folder that goes away with the test.
class TempDir {
  public:
    TempDir() {
        std::string name = (std::filesystem::temp_directory_path() / "weft-config-XXXXXX").string();
        if (!::mkdtemp(name.data())) throw std::runtime_error("mkdtemp failed");
        path_ = name;
    }
    ~TempDir() { std::filesystem::remove_all(path_); }
    TempDir(const TempDir&) = delete;
    TempDir& operator=(const TempDir&) = delete;

    std::string path(const std::string& name = {}) const { return name.empty() ? path_ : path_ + "/" + name; }
    std::string write(const std::string& name, const std::string& text) const {
        const std::filesystem::path file = path(name);
        std::filesystem::create_directories(file.parent_path());
        std::ofstream(file, std::ios::binary) << text;
        return file.string();
    }

  private:
    std::string path_;
};

/// Config::load in a world of its own: no files, environment or service account but those the test makes.
class LoadTest : public ::testing::Test {
  protected:
    LoadOptions options(std::vector<std::string> args = {}) {
        LoadOptions o;
        o.args = std::move(args);
        o.default_files = {dir_.path("weft.conf"), dir_.path("ovn_k8s.conf")};
        o.default_dir = dir_.path("conf.d");
        o.service_account_dir = dir_.path("sa");
        o.host_name = "Host-1";
        o.environment = [this](const std::string& name) -> std::optional<std::string> {
            const auto at = environment_.find(name);
            return at == environment_.end() ? std::nullopt : std::optional(at->second);
        };
        return o;
    }
    Result<Config> load(const std::string& file, std::vector<std::string> args = {}) {
        dir_.write("weft.conf", file);
        return Config::load(options(std::move(args)));
    }
    /// What loading this complains about; "no error" when it works.
    std::string error_of(const std::string& file, std::vector<std::string> args = {}) {
        auto config = load(file, std::move(args));
        return config ? "no error" : config.error().what;
    }
    std::string error_of_flags(std::vector<std::string> args) { return error_of("", std::move(args)); }

    TempDir dir_;
    std::map<std::string, std::string> environment_;
};

}  // namespace weft::config
