#include "record/file.hpp"

#include <array>
#include <cerrno>
#include <map>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace weft::record {

namespace {

constexpr std::size_t largest = std::size_t{4} << 30;

struct Descriptor {
    int fd = -1;
    ~Descriptor() {
        if (fd >= 0) ::close(fd);
    }
};

Error trouble(const std::string& what, const std::string& path) {
    return Error{ErrorKind::invalid, what + ": " + std::generic_category().message(errno), path, ""};
}

}  // namespace

Result<std::string> read_file(const std::string& path) {
    const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
    struct stat facts {};
    if (file.fd < 0 || ::fstat(file.fd, &facts) != 0) return trouble("can't be read", path);
    if (!S_ISREG(facts.st_mode)) return Error{ErrorKind::invalid, "is no ordinary file", path, ""};
    std::string bytes;
    bytes.reserve(static_cast<std::size_t>(facts.st_size));
    std::array<char, 65536> buffer;
    for (;;) {
        const ssize_t got = ::read(file.fd, buffer.data(), buffer.size());
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return trouble("can't be read", path);
        if (got == 0) return bytes;
        bytes.append(buffer.data(), static_cast<std::size_t>(got));
        if (bytes.size() > largest) return Error{ErrorKind::invalid, "is too large for a recording", path, ""};
    }
}

namespace {

/// Shows the texts of a frame that may hold secrets. The views look into `bytes`, which is ours to change.
class Cleaner {
  public:
    Cleaner(std::string& bytes, const Clean& clean) : bytes_(bytes), clean_(clean) {}

    void text(std::string_view view, const Table* table = nullptr) {
        if (!view.empty()) clean_(table, bytes_.data() + (view.data() - bytes_.data()), view.size());
    }
    void rows(const std::vector<Rows>& tables) {
        for (const Rows& table : tables) {
            for (const RowBytes& row : table.rows)
                text(row.bytes, row.gone ? nullptr : &tables_[table.table]);
        }
    }
    void operator()(const Header& header) { text(header.json); }
    void operator()(const Table& table) { tables_[table.number] = table; }
    void operator()(const Slice& slice) { rows(slice.tables); }
    void operator()(const Begin& begin) { rows(begin.tables); }
    void operator()(const End& end) { rows(end.tables); }
    void operator()(const Note& note) { text(note.text); }
    template <class T>
    void operator()(const T&) {}

  private:
    std::string& bytes_;
    const Clean& clean_;
    std::map<std::uint64_t, Table> tables_;
};

}  // namespace

Result<std::string> cleaned(std::string bytes, const Clean& clean) {
    auto reader = FrameReader::open(bytes);
    if (!reader) return std::move(reader).error();
    std::string out = bytes.substr(0, reader->offset());
    Cleaner cleaner(bytes, clean);
    for (;;) {
        const auto frame = reader->next();
        if (!frame || !*frame) return out;  // what comes behind can't be cleaned
        std::visit(cleaner, (*frame)->content);
        // Same length as before, so that everything still stands where it stood.
        constexpr std::size_t head = 8;
        out +=
            framed(std::string_view(bytes).substr((*frame)->offset + head, reader->offset() - (*frame)->offset - head));
    }
}

}  // namespace weft::record
