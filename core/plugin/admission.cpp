#include "plugin/admission.hpp"

#include "plugin/elf.hpp"

#include <weft/base/json.hpp>
#include <weft/plugin/fingerprint.hpp>
#include <weft/plugin/plugin.hpp>

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <set>

#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

namespace weft::plugin {

namespace fs = std::filesystem;

File::File(File&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
File& File::operator=(File&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
}
File::~File() {
    if (fd_ >= 0) ::close(fd_);
}

std::string own_fingerprint() {
    return WEFT_FINGERPRINT;
}

namespace {

constexpr std::uint64_t largest_plugin = 256ULL << 20;
const std::array<std::string, 3> allowed_exports{"weft_plugin_create", "weft_plugin_destroy", "weft_plugin_manifest"};

Error refused(const std::string& path, std::string what, std::string mend) {
    return {ErrorKind::invalid, std::move(what), path, std::move(mend)};
}

Result<void> check_owner(const std::string& path, const struct stat& info, const AdmissionPolicy& policy) {
    const bool owner_ok = policy.owner ? info.st_uid == *policy.owner : info.st_uid == 0 || info.st_uid == ::geteuid();
    if (!owner_ok) {
        return refused(path,
                       "belongs to user " + std::to_string(info.st_uid) + ", who is not trusted with weft's rights",
                       "chown root the file after checking where it came from");
    }
    if ((info.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        return refused(path, "can be written by others than its owner",
                       "chmod go-w the file after checking its content");
    }
    return {};
}

Result<std::string> read_all(const std::string& path, int fd, std::uint64_t size) {
    std::string bytes(size, '\0');
    std::uint64_t have = 0;
    while (have < size) {
        const ssize_t got = ::pread(fd, bytes.data() + have, size - have, static_cast<off_t>(have));
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return refused(path, std::string("can't be read: ") + std::strerror(errno), "");
        have += static_cast<std::uint64_t>(got);
    }
    return bytes;
}

std::string sha256_hex(std::string_view bytes) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_sha256(), nullptr);
    static constexpr char digits[] = "0123456789abcdef";
    std::string out;
    for (unsigned i = 0; i < size; ++i) {
        out.push_back(digits[digest[i] >> 4]);
        out.push_back(digits[digest[i] & 15]);
    }
    return out;
}

template <std::size_t N>
std::optional<std::string> text_of(const char (&field)[N]) {
    const auto* end = static_cast<const char*>(std::memchr(field, '\0', N));
    if (!end) return std::nullopt;
    return std::string(field, end);
}

std::vector<std::string> words(const std::string& text) {
    std::vector<std::string> out;
    std::size_t from = 0;
    while (from < text.size()) {
        const auto end = std::min(text.find(' ', from), text.size());
        if (end > from) out.push_back(text.substr(from, end - from));
        from = end + 1;
    }
    return out;
}

bool good_name(const std::string& name) {
    return !name.empty() && name.front() != '-' && std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
    });
}

Result<void> read_manifest(const std::string& path, const std::string& bytes, const AdmissionPolicy& policy,
                           Candidate& into) {
    Manifest manifest{};
    if (bytes.empty())
        return refused(path, "is no weft plugin: it has no section .weft_plugin", "build it with weft_add_plugin()");
    if (bytes.size() < offsetof(Manifest, fingerprint))
        return refused(path, "its manifest is too short", "build it again");
    std::memcpy(&manifest, bytes.data(), std::min(bytes.size(), sizeof(manifest)));
    if (std::memcmp(manifest.magic, manifest_magic, sizeof(manifest.magic)) != 0) {
        return refused(path, "its manifest does not start with the magic of weft plugins", "build it with this SDK");
    }
    if (manifest.size != sizeof(Manifest) || bytes.size() < sizeof(Manifest) || manifest.abi_kind != 1) {
        return refused(path,
                       "its manifest is of another SDK: size " + std::to_string(manifest.size) + ", kind " +
                           std::to_string(manifest.abi_kind) + ", expected " + std::to_string(sizeof(Manifest)) +
                           ", kind 1",
                       "build it with the SDK of this weft");
    }
    const auto fingerprint = text_of(manifest.fingerprint);
    const auto name = text_of(manifest.name);
    const auto version = text_of(manifest.version);
    const auto needs = text_of(manifest.needs);
    const auto switches = text_of(manifest.switches);
    const auto gates = text_of(manifest.gates);
    if (!fingerprint || !name || !version || !needs || !switches || !gates || !good_name(*name)) {
        return refused(path, "its manifest has a text that is not terminated or a bad name", "build it again");
    }
    if (*fingerprint != policy.fingerprint) {
        return refused(path,
                       "was built for " + json_quote(*fingerprint) + ", this weft is " + json_quote(policy.fingerprint),
                       "build the plugin with the SDK package of this weft and the same compiler");
    }
    into.name = *name;
    into.version = *version;
    into.needs = words(*needs);
    into.switches = words(*switches);
    into.gates = *gates;
    return {};
}

Result<void> check_elf(const std::string& path, const ElfFacts& facts) {
    const std::string rebuild = "build it with weft_add_plugin()";
    const bool shared_runtime = std::any_of(facts.needed.begin(), facts.needed.end(),
                                            [](const auto& lib) { return lib.starts_with("libstdc++.so"); });
    if (!shared_runtime) {
        return refused(path,
                       "does not use the shared C++ runtime libstdc++.so, so an exception in it would end the process",
                       "link it without -static-libstdc++");
    }
    if (facts.has_search_path) return refused(path, "carries an RPATH or RUNPATH", rebuild);
    if (facts.has_text_relocations) return refused(path, "has text relocations", "compile it with -fPIC");
    if (facts.has_static_tls) return refused(path, "uses static thread-local storage", "compile it with -fPIC");
    for (const auto& name : facts.exports) {
        if (std::find(allowed_exports.begin(), allowed_exports.end(), name) == allowed_exports.end()) {
            return refused(path, "exports " + json_quote(name) + "; a plugin exports only its entry points", rebuild);
        }
    }
    for (const auto& name : allowed_exports) {
        if (!std::binary_search(facts.exports.begin(), facts.exports.end(), name)) {
            return refused(path, "does not export " + name, "export it with WEFT_PLUGIN()");
        }
    }
    return {};
}

}  // namespace

Result<Candidate> admit(const std::string& path, const AdmissionPolicy& policy) {
    Candidate candidate;
    candidate.path = path;
    candidate.file = File(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (candidate.file.fd() < 0) return refused(path, std::string("can't be opened: ") + std::strerror(errno), "");
    struct stat info {};
    if (::fstat(candidate.file.fd(), &info) != 0 || !S_ISREG(info.st_mode))
        return refused(path, "is no regular file", "");
    if (auto owner = check_owner(path, info, policy); !owner) return owner.error();
    const auto size = static_cast<std::uint64_t>(info.st_size);
    if (size > largest_plugin) return refused(path, "is larger than 256 MiB", "");
    auto bytes = read_all(path, candidate.file.fd(), size);
    if (!bytes) return bytes.error();
    auto facts = read_elf(*bytes);
    if (!facts) return Error(facts.error()).at(path);
    if (auto read = read_manifest(path, facts->manifest, policy, candidate); !read) return read.error();
    if (auto checked = check_elf(path, *facts); !checked) return checked.error();
    candidate.sha256 = sha256_hex(*bytes);
    if (const auto pin = policy.pins.find(candidate.name);
        pin != policy.pins.end() && pin->second != candidate.sha256) {
        return refused(path, "has sha256 " + candidate.sha256 + ", the configuration pins " + pin->second,
                       "install the pinned file, or change the pin in [plugins]");
    }
    return candidate;
}

Result<std::vector<Found>> admit_folder(const std::string& folder, const AdmissionPolicy& policy) {
    struct stat info {};
    if (::stat(folder.c_str(), &info) != 0) {
        return refused(folder, std::string("the plugin folder can't be read: ") + std::strerror(errno),
                       "set [weft] plugin-dir");
    }
    if (auto owner = check_owner(folder, info, policy); !owner) return owner.error();
    std::vector<std::string> paths;
    std::error_code code;
    for (const auto& entry : fs::directory_iterator(folder, code)) {
        if (entry.path().extension() == ".so") paths.push_back(entry.path().string());
    }
    std::sort(paths.begin(), paths.end());
    std::vector<Found> found;
    found.reserve(paths.size());
    for (const auto& path : paths)
        found.push_back({fs::path(path).stem().string(), admit(path, policy)});
    return found;
}

namespace {

/// Depth-first visit that knows the path it came by, so that a cycle can be told.
class Ordering {
  public:
    explicit Ordering(const std::map<std::string, std::vector<std::string>>& needs) : needs_(needs) {}

    void visit(const std::string& name) {
        if (done_.contains(name)) return;
        if (const auto at = std::find(path_.begin(), path_.end(), name); at != path_.end()) {
            std::string cycle;
            for (auto i = at; i != path_.end(); ++i)
                cycle += *i + " needs ";
            faults.push_back("plugins need each other in a circle: " + cycle + name);
            return;
        }
        path_.push_back(name);
        for (const auto& need : needs_.at(name)) {
            if (needs_.contains(need)) {
                visit(need);
            } else {
                faults.push_back("plugin " + json_quote(name) + " needs " + json_quote(need) +
                                 ", which is not enabled");
            }
        }
        path_.pop_back();
        done_.insert(name);
        order.push_back(name);
    }

    std::vector<std::string> order;
    std::vector<std::string> faults;

  private:
    const std::map<std::string, std::vector<std::string>>& needs_;
    std::set<std::string> done_;
    std::vector<std::string> path_;
};

}  // namespace

Result<std::vector<std::string>> load_order(const std::map<std::string, std::vector<std::string>>& needs) {
    Ordering ordering(needs);
    for (const auto& entry : needs)
        ordering.visit(entry.first);
    if (ordering.faults.empty()) return ordering.order;
    std::string all;
    for (const auto& fault : ordering.faults)
        all += (all.empty() ? "" : "; ") + fault;
    return invalid(all, "change [plugins] enable");
}

}  // namespace weft::plugin
