#include <weft/base/json.hpp>
#include <weft/testing/testbed/images.hpp>
#include <weft/testing/testbed/process.hpp>

#include <fstream>

namespace weft::testing {

namespace {

namespace fs = std::filesystem;

Result<void> write_file(const fs::path& path, const std::string& text) {
    std::ofstream out(path, std::ios::binary);
    out << text;
    if (!out.flush()) return again("can't write " + path.string());
    return {};
}

/// All files of the folder, owned by root, as a tar file.
Result<void> pack(const fs::path& folder, const fs::path& archive) {
    auto packed = run_ok({"tar", "--create", "--file", archive.string(), "--directory", folder.string(), "--owner=0",
                          "--group=0", "--numeric-owner", "."});
    if (!packed) return packed.error();
    return {};
}

Result<void> fill(const ImageSpec& spec, const fs::path& root) {
    std::error_code failed;
    // What the runtime mounts things on.
    for (const char* folder : {"proc", "sys", "dev", "etc", "tmp"})
        fs::create_directories(root / folder, failed);
    for (const auto& [from, to] : spec.files) {
        const auto target = root / to.relative_path();
        fs::create_directories(target.parent_path(), failed);
        fs::copy_file(from, target, failed);
        if (failed) return again("can't copy " + from.string() + " to " + target.string() + ": " + failed.message());
    }
    for (const auto& [link, target] : spec.links) {
        const auto path = root / link.relative_path();
        fs::create_directories(path.parent_path(), failed);
        fs::create_symlink(target, path, failed);
        if (failed) return again("can't make the link " + path.string() + ": " + failed.message());
    }
    return {};
}

void list(JsonWriter& out, const char* name, const std::vector<std::string>& values) {
    out.key(name).array([&] {
        for (const auto& value : values)
            out.value(value);
    });
}

std::string config_of(const ImageSpec& spec, const std::string& layer_hash) {
    JsonWriter out;
    out.object([&] {
        out.member("architecture", "amd64");
        out.member("os", "linux");
        out.key("config").object([&] {
            list(out, "Entrypoint", spec.entrypoint);
            list(out, "Cmd", spec.command);
            list(out, "Env", spec.environment);
        });
        out.key("rootfs").object([&] {
            out.member("type", "layers");
            list(out, "diff_ids", {"sha256:" + layer_hash});
        });
    });
    return out.take();
}

std::string manifest_of(const ImageSpec& spec) {
    JsonWriter out;
    out.array([&] {
        out.object([&] {
            out.member("Config", "config.json");
            list(out, "RepoTags", spec.names);
            list(out, "Layers", {"layer.tar"});
        });
    });
    return out.take();
}

}  // namespace

Result<void> write_image(const ImageSpec& spec, const fs::path& archive) {
    const auto work = fs::path(archive.string() + ".d");
    const auto content = work / "image";
    std::error_code failed;
    fs::remove_all(work, failed);
    fs::create_directories(content, failed);
    if (failed) return again("can't make " + content.string() + ": " + failed.message());
    if (auto filled = fill(spec, work / "root"); !filled) return filled;
    if (auto packed = pack(work / "root", content / "layer.tar"); !packed) return packed;
    const auto hash = run_ok({"sha256sum", (content / "layer.tar").string()});
    if (!hash) return hash.error();
    const auto config = config_of(spec, hash->substr(0, hash->find(' ')));
    if (auto written = write_file(content / "config.json", config); !written) return written;
    if (auto written = write_file(content / "manifest.json", manifest_of(spec)); !written) return written;
    if (auto packed = pack(content, archive); !packed) return packed;
    fs::remove_all(work, failed);
    return {};
}

}  // namespace weft::testing
