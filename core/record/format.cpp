#include "record/format.hpp"

#include "record/checked.hpp"

#include <weft/base/hash.hpp>
#include <weft/base/pack.hpp>

#include <algorithm>
#include <array>
#include <exception>

namespace weft::record {

namespace {

constexpr std::size_t frame_head = 8;  // length and checksum
constexpr std::size_t longest_row = 16 << 20;

void put_u32(std::string& out, std::uint32_t value) {
    for (unsigned shift = 0; shift < 32; shift += 8)
        out += static_cast<char>(value >> shift & 0xff);
}

std::uint32_t get_u32(std::string_view bytes) {
    std::uint32_t value = 0;
    for (unsigned i = 0; i < 4; ++i)
        value |= static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[i])) << (8 * i);
    return value;
}

/// Eight bytes a step: a recording is checked at the speed of memory, more or less.
std::uint32_t checksum(std::string_view bytes) {
    std::uint64_t hash = 0x7765667472656331ULL ^ bytes.size();
    for (; bytes.size() >= 8; bytes.remove_prefix(8)) {
        const std::uint64_t word = get_u32(bytes) | static_cast<std::uint64_t>(get_u32(bytes.substr(4))) << 32;
        hash = hash_mix(hash, word);
    }
    hash = hash_mix(hash, fnv1a64(bytes));
    return static_cast<std::uint32_t>(hash ^ hash >> 32);
}

Error bad(std::size_t offset, std::string what) {
    return Error{ErrorKind::invalid, std::move(what), "byte " + std::to_string(offset), ""};
}

/// Times of which sums and differences are times again.
constexpr std::int64_t latest = std::int64_t{1} << 62;

bool makes_sense(const Time& time) {
    return time.now_ns >= 0 && time.now_ns < latest && time.wall_ns >= 0 && time.wall_ns < latest;
}

bool makes_sense(const Content& content) {
    if (const auto* begin = std::get_if<Begin>(&content)) return makes_sense(begin->time);
    const auto* base = std::get_if<Base>(&content);
    return base == nullptr || makes_sense(base->time);
}

/// Reads the parts of a payload.
class Parts {
  public:
    explicit Parts(std::string_view bytes) : in_(bytes) {}

    Checked& in() { return in_; }
    Time time() {
        Time time;
        time.tick = in_.number();
        time.now_ns = static_cast<std::int64_t>(in_.number());
        time.wall_ns = static_cast<std::int64_t>(in_.number());
        return time;
    }
    std::vector<std::string_view> texts() {
        std::vector<std::string_view> out(in_.count());
        for (auto& text : out)
            text = in_.text();
        return out;
    }
    std::vector<std::uint64_t> numbers() {
        std::vector<std::uint64_t> out(in_.count());
        for (auto& number : out)
            number = in_.number();
        return out;
    }
    std::vector<Rows> tables() {
        std::vector<Rows> out;
        for (std::uint64_t n = in_.count(); n > 0 && !in_.failed(); --n) {
            Rows& rows = out.emplace_back();
            rows.table = in_.number();
            const auto flags = in_.number();
            rows.replaces = (flags & 1) != 0;
            rows.completes = (flags & 2) != 0;
            for (std::uint64_t left = in_.count(); left > 0 && !in_.failed(); --left) {
                const bool gone = in_.number() != 0;
                rows.rows.push_back({gone, in_.text()});
            }
        }
        return out;
    }

  private:
    Checked in_;
};

Content read(Kind kind, Parts& parts) {
    switch (kind) {
        case Kind::header: return Header{parts.in().text()};
        case Kind::table: {
            Table table;
            table.number = parts.in().number();
            const auto flags = parts.in().number();
            table.input = (flags & 1) != 0;
            table.merge = static_cast<Merge>(std::min<std::uint64_t>(flags >> 1, 2));
            table.schema = parts.in().fixed64();
            table.name = parts.in().text();
            table.type = parts.in().text();
            return table;
        }
        case Kind::graph: {
            Graph graph;
            graph.added = parts.texts();
            graph.removed = parts.texts();
            graph.inputs = parts.numbers();
            return graph;
        }
        case Kind::slice: return Slice{parts.tables()};
        case Kind::base: {
            Base base;
            base.time = parts.time();
            base.modules = parts.texts();
            base.inputs = parts.numbers();
            base.complete = parts.numbers();
            return base;
        }
        case Kind::begin: {
            Begin begin;
            begin.time = parts.time();
            begin.tables = parts.tables();
            return begin;
        }
        case Kind::end: return End{parts.tables()};
        case Kind::note: return Note{parts.in().text()};
        case Kind::closed: break;
    }
    return Closed{parts.in().text()};
}

}  // namespace

// Writing -------------------------------------------------------------------------------------------------------------

Bytes& Bytes::number(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7)
        data_ += static_cast<char>(value | 0x80);
    data_ += static_cast<char>(value);
    return *this;
}

Bytes& Bytes::fixed64(std::uint64_t value) {
    for (unsigned shift = 0; shift < 64; shift += 8)
        data_ += static_cast<char>(value >> shift & 0xff);
    return *this;
}

Bytes& Bytes::text(std::string_view value) {
    number(value.size() << 1);
    data_ += value;
    return *this;
}

Bytes& Bytes::time(const Time& time) {
    return number(time.tick)
        .number(static_cast<std::uint64_t>(time.now_ns))
        .number(static_cast<std::uint64_t>(time.wall_ns));
}

std::string framed(std::string_view payload) {
    std::string out;
    put_u32(out, static_cast<std::uint32_t>(payload.size()));
    put_u32(out, checksum(payload));
    out += payload;
    return out;
}

Encoder::Encoder() : out_(magic) {
    Bytes version;
    version.number(format_version);
    out_ += version.data();
}

void Encoder::frame(Kind kind, std::string_view payload) {
    std::string whole(1, static_cast<char>(kind));
    whole += payload;
    out_ += framed(whole);
}

void Encoder::text_frame(Kind kind, std::string_view text) {
    Bytes bytes;
    frame(kind, bytes.text(text).data());
}

void Encoder::header(std::string_view json) {
    text_frame(Kind::header, json);
}

/// A table is made known by the first frame that needs it.
std::uint64_t Encoder::number_of(const TableSpec& table, bool input) {
    const auto [at, fresh] =
        numbers_.try_emplace({std::string(table.name), table.type->schema}, std::uint64_t{numbers_.size()});
    if (!fresh) return at->second;
    Bytes bytes;
    bytes.number(at->second).number((static_cast<std::uint64_t>(table.merge) << 1) | (input ? 1 : 0));
    bytes.fixed64(table.type->schema).text(table.name).text(table.type->name);
    frame(Kind::table, bytes.data());
    return at->second;
}

void Encoder::graph(const std::vector<std::string>& added, const std::vector<std::string>& removed,
                    std::span<const TableSpec> inputs) {
    Bytes bytes;
    for (const auto* names : {&added, &removed}) {
        bytes.number(names->size());
        for (const auto& name : *names)
            bytes.text(name);
    }
    bytes.number(inputs.size());
    for (const auto& input : inputs)
        bytes.number(number_of(input, true));
    frame(Kind::graph, bytes.data());
}

void Encoder::base(const Time& time, std::span<const std::string> modules, std::span<const TableSpec> inputs,
                   std::span<const TableSpec> complete) {
    Bytes bytes;
    bytes.time(time).number(modules.size());
    for (const auto& name : modules)
        bytes.text(name);
    for (const auto& tables : {inputs, complete}) {
        bytes.number(tables.size());
        for (const auto& table : tables)
            bytes.number(number_of(table, true));
    }
    frame(Kind::base, bytes.data());
}

void Encoder::open(Kind kind, const Time* time, std::size_t tables) {
    kind_ = kind;
    rows_.clear();
    if (time != nullptr) rows_.time(*time);
    rows_.number(tables);
}

void Encoder::table(const TableSpec& table, bool input, bool replaces, bool completes, std::size_t rows) {
    rows_.number(number_of(table, input)).number((replaces ? 1 : 0) | (completes ? 2 : 0)).number(rows);
}

void Encoder::row(std::string_view bytes) {
    rows_.number(0).text(bytes);
}

void Encoder::gone(std::string_view key) {
    rows_.number(1).text(key);
}

void Encoder::close() {
    frame(kind_, rows_.data());
}

std::string Encoder::take() {
    return std::exchange(out_, {});
}

// Reading -------------------------------------------------------------------------------------------------------------

Result<FrameReader> FrameReader::open(std::string_view bytes) {
    if (!bytes.starts_with(magic)) return bad(0, "this is no recording of weft");
    Checked in(bytes.substr(magic.size(), 10));
    const auto version = in.number();
    if (in.failed()) return bad(magic.size(), "the recording ends before its version");
    if (version != format_version) {
        return Error{ErrorKind::invalid,
                     "the recording has format " + std::to_string(version) + ", this weftctl reads format " +
                         std::to_string(format_version),
                     "byte " + std::to_string(magic.size()), "use the weftctl of the weftd that made it"};
    }
    FrameReader reader(bytes);
    reader.at_ = magic.size() + 1;
    return reader;
}

std::optional<Frame> FrameReader::stop(std::string why) {
    end_ = std::move(why);
    closed_ = true;
    return std::nullopt;
}

Result<std::optional<Frame>> FrameReader::next() {
    if (closed_) return std::optional<Frame>();
    const auto rest = bytes_.substr(at_);
    const std::string here = "byte " + std::to_string(at_);
    if (rest.empty()) return stop("it was not closed: weftd was killed, or writes it still");
    const auto torn = [&] { return stop("at " + here + ", in the middle of a write"); };
    if (rest.size() < frame_head) return torn();
    const std::size_t size = get_u32(rest);
    if (size == 0 && rest.find_first_not_of('\0') == std::string_view::npos) return torn();
    if (size > rest.size() - frame_head) return torn();
    const auto payload = rest.substr(frame_head, size);
    if (get_u32(rest.substr(4)) != checksum(payload)) {
        // The last write, of which not everything has reached the disk.
        if (rest.find_first_not_of('\0', frame_head + size) == std::string_view::npos) return torn();
        return bad(at_, "the recording is damaged: the checksum of what begins here is another");
    }
    auto content = decode(payload, at_ + frame_head);
    if (!content) return std::move(content).error();
    Frame frame{at_, *std::move(content)};
    at_ += frame_head + size;
    if (std::holds_alternative<Closed>(frame.content)) closed_ = true;
    return std::optional(std::move(frame));
}

Result<Content> decode(std::string_view payload, std::size_t offset) {
    if (payload.empty()) return bad(offset, "a frame without content");
    const auto kind = static_cast<unsigned char>(payload.front());
    if (kind < static_cast<unsigned char>(Kind::header) || kind > static_cast<unsigned char>(Kind::closed))
        return bad(offset, "a frame of unknown kind " + std::to_string(kind));
    Parts parts(payload.substr(1));
    Content content = read(static_cast<Kind>(kind), parts);
    if (!parts.in().done() || !makes_sense(content))
        return bad(offset, "a frame of kind " + std::to_string(kind) + " that is no such frame");
    return content;
}

Result<RowPtr> row_from(const RowType& type, std::string_view bytes) {
    const auto wrong = [&](const std::string& why) {
        return invalid("bytes that are no row of type " + std::string(type.name) + why);
    };
    if (bytes.size() > longest_row) return wrong(": too many");
    try {
        OpenRow row(type);
        Unpacker in(bytes);
        type.unpack(in, row.get());
        if (!in.done()) return wrong("");
        RowPtr made = RowPtr::make(type, row.get());
        if (made.key().empty()) return wrong(": without a key");
        return made;
    } catch (const std::exception& e) {
        return wrong(std::string(": ") + e.what());
    }
}

}  // namespace weft::record
