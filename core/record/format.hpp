#pragma once

#include <weft/base/result.hpp>
#include <weft/engine/table.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

/// The bytes of a recording. README.md has the format.
namespace weft::record {

inline constexpr std::string_view magic = "weftrec\n";
inline constexpr std::uint64_t format_version = 1;

enum class Kind : std::uint8_t { header = 1, table, graph, slice, base, begin, end, note, closed };

struct Time {
    std::uint64_t tick = 0;
    std::int64_t now_ns = 0;   ///< of the monotonic clock that rules see
    std::int64_t wall_ns = 0;  ///< since the epoch
};

/// A row as it rests in memory; of one that is gone just the key.
struct RowBytes {
    bool gone = false;
    std::string_view bytes;
};

/// Rows of one table.
struct Rows {
    std::uint64_t table = 0;  ///< number, as a Table frame gave it
    bool replaces = false;    ///< these are all there are
    bool completes = false;   ///< from now on absence means something
    std::vector<RowBytes> rows;
};

// The frames ----------------------------------------------------------------------------------------------------------

/// Who wrote it: JSON.
struct Header {
    std::string_view json;
};
/// A number for a table.
struct Table {
    std::uint64_t number = 0;
    std::string_view name;
    std::string_view type;
    std::uint64_t schema = 0;
    Merge merge = Merge::exclusive;
    bool input = false;
};
/// Modules came and went.
struct Graph {
    std::vector<std::string_view> added, removed;
    std::vector<std::uint64_t> inputs;  ///< all tables that are filled from outside now
};
/// Rows that were there, of inputs and of desired tables; ticks may stand between two slices.
struct Slice {
    std::vector<Rows> tables;
};
/// The base is whole: all slices, changed by the ticks between them, are what was there at this moment.
struct Base {
    Time time;
    std::vector<std::string_view> modules;
    std::vector<std::uint64_t> inputs, complete;
};
/// A tick begins, with what it took from outside.
struct Begin {
    Time time;
    std::vector<Rows> tables;
};
/// Its rules have run, and changed these rows.
struct End {
    std::vector<Rows> tables;
};
/// Something worth knowing for people.
struct Note {
    std::string_view text;
};
/// Nothing comes after this, and why.
struct Closed {
    std::string_view text;
};
using Content = std::variant<Header, Table, Graph, Slice, Base, Begin, End, Note, Closed>;

struct Frame {
    std::size_t offset = 0;  ///< of its first byte in the file
    Content content;
};

// ---------------------------------------------------------------------------------------------------------------------

/// Writes numbers and texts.
class Bytes {
  public:
    Bytes& number(std::uint64_t value);
    Bytes& fixed64(std::uint64_t value);
    Bytes& text(std::string_view value);
    Bytes& time(const Time& time);
    const std::string& data() const { return data_; }
    void clear() { data_.clear(); }

  private:
    std::string data_;
};

/// Makes the frames of one file.
class Encoder {
  public:
    /// The first bytes of a file.
    Encoder();

    void header(std::string_view json);
    void graph(const std::vector<std::string>& added, const std::vector<std::string>& removed,
               std::span<const TableSpec> inputs);
    void base(const Time& time, std::span<const std::string> modules, std::span<const TableSpec> inputs,
              std::span<const TableSpec> complete);
    void note(std::string_view text) { text_frame(Kind::note, text); }
    void closed(std::string_view text) { text_frame(Kind::closed, text); }

    /// Rows of a frame: open(), then for each table table() and row() or gone() so often as said, then close().
    void open(Kind kind, const Time* time, std::size_t tables);
    void table(const TableSpec& table, bool input, bool replaces, bool completes, std::size_t rows);
    void row(std::string_view bytes);
    void gone(std::string_view key);
    void close();

    /// The frames that were made since the last call.
    std::string take();

  private:
    std::uint64_t number_of(const TableSpec& table, bool input);
    void text_frame(Kind kind, std::string_view text);
    void frame(Kind kind, std::string_view payload);

    std::string out_;
    Bytes rows_;
    Kind kind_ = Kind::slice;
    std::map<std::pair<std::string, std::uint64_t>, std::uint64_t, std::less<>> numbers_;
};

/// A frame with its length and checksum around it.
std::string framed(std::string_view payload);

/// Takes a recording apart. Views look into the bytes, which must live as long.
class FrameReader {
  public:
    /// Fails when this is no recording, or one of another format.
    static Result<FrameReader> open(std::string_view bytes);

    /// The next frame; nothing at the end, of which end() tells more. An error says at which byte the recording is no
    /// recording any more; there is no going on after it.
    Result<std::optional<Frame>> next();
    /// How the recording ends: "" when it was closed.
    const std::string& end() const { return end_; }
    std::size_t offset() const { return at_; }

  private:
    explicit FrameReader(std::string_view bytes) : bytes_(bytes) {}
    std::optional<Frame> stop(std::string why);

    std::string_view bytes_;
    std::size_t at_ = 0;
    bool closed_ = false;
    std::string end_;
};

/// What a payload means; `offset` is for the error.
Result<Content> decode(std::string_view payload, std::size_t offset);

/// The row that these bytes are, or what is wrong with them.
Result<RowPtr> row_from(const RowType& type, std::string_view bytes);

}  // namespace weft::record
