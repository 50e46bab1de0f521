#include "containment/run_board.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace weft::containment {

namespace {

constexpr std::uint64_t magic = 0x3130'6e75'7274'6677;  // "wftrun01"

// Read by the handler of a crash, so it must not be allocated when first touched.
[[gnu::tls_model("initial-exec")]] thread_local RunSlot* running_on = nullptr;

void copy_text(char* to, std::size_t size, std::string_view from) {
    const std::size_t n = std::min(size - 1, from.size());
    std::copy_n(from.data(), n, to);
    to[n] = '\0';
}

std::string text_of(const char* from, std::size_t size) {
    return {from, ::strnlen(from, size)};
}

std::string key_of(const RunSlot& slot) {
    std::array<std::uint64_t, RunSlot::most_key / sizeof(std::uint64_t)> words{};
    const auto size = std::min<std::size_t>(slot.key_size.load(std::memory_order_relaxed), RunSlot::most_key);
    for (std::size_t i = 0; i * sizeof(std::uint64_t) < size; ++i)
        words[i] = slot.key[i].load(std::memory_order_relaxed);
    return {reinterpret_cast<const char*>(words.data()), size};
}

}  // namespace

struct RunBoard::Label {
    char plugin[64];
    char part[64];
};

struct RunBoard::Sheet {
    std::uint64_t magic;
    std::atomic<std::uint32_t> clean;
    std::atomic<std::uint32_t> settled;
    std::atomic<std::int32_t> signal;
    std::atomic<std::int32_t> crashed;  ///< slot + 1
    std::array<RunSlot, RunBoard::slots> slots;
    std::array<Label, RunBoard::labels> labels;
};

static_assert(std::atomic<std::uint32_t>::is_always_lock_free && std::atomic<std::uint16_t>::is_always_lock_free);

void RunSlot::begin(std::uint16_t what, std::string_view on) noexcept {
    const std::size_t n = std::min(on.size(), most_key);
    label.store(what, std::memory_order_relaxed);
    key_size.store(static_cast<std::uint16_t>(n), std::memory_order_relaxed);
    for (std::size_t at = 0; at < n; at += sizeof(std::uint64_t)) {
        std::uint64_t word = 0;
        std::memcpy(&word, on.data() + at, std::min(sizeof(word), n - at));
        key[at / sizeof(word)].store(word, std::memory_order_relaxed);
    }
    // Only this thread changes it, so no read-modify-write is needed.
    turn.store(turn.load(std::memory_order_relaxed) + 1, std::memory_order_release);
}

void RunSlot::end() noexcept {
    turn.store(turn.load(std::memory_order_relaxed) + 1, std::memory_order_release);
}

RunSlot* running_slot() noexcept {
    return running_on;
}

RunMark::RunMark(RunSlot* slot, std::uint16_t label, std::string_view key) noexcept : slot_(slot) {
    if (slot_ == nullptr) return;
    outer_ = running_on;
    slot_->begin(label, key);
    running_on = slot_;
}

RunMark::~RunMark() {
    if (slot_ == nullptr) return;
    running_on = outer_;
    slot_->end();
}

std::string Running::text() const {
    return part + (key.empty() ? "" : " on " + key);
}

Running RunBoard::running_of(const Sheet& sheet, std::size_t at) {
    Running found;
    const RunSlot& slot = sheet.slots[at];
    found.slot = at;
    found.turn = slot.turn.load(std::memory_order_acquire);
    const Label& label = sheet.labels[slot.label.load(std::memory_order_relaxed) % labels];
    found.plugin = text_of(label.plugin, sizeof(label.plugin));
    found.part = text_of(label.part, sizeof(label.part));
    found.key = key_of(slot);
    return found;
}

std::optional<RunBoard::Left> RunBoard::read(const std::string& file) {
    const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) return std::nullopt;
    struct stat facts {};
    void* at = MAP_FAILED;
    if (::fstat(fd, &facts) == 0 && facts.st_size == static_cast<off_t>(sizeof(Sheet)))
        at = ::mmap(nullptr, sizeof(Sheet), PROT_READ, MAP_SHARED, fd, 0);
    ::close(fd);
    if (at == MAP_FAILED) return std::nullopt;
    const Sheet& sheet = *static_cast<const Sheet*>(at);
    std::optional<Left> left;
    if (sheet.magic == magic) {
        left.emplace();
        left->clean = sheet.clean.load() != 0;
        left->settled = sheet.settled.load() != 0;
        left->signal = sheet.signal.load();
        for (std::size_t i = 0; i < slots; ++i) {
            if (sheet.slots[i].turn.load() % 2 == 1) left->running.push_back(running_of(sheet, i));
        }
        const auto crashed = sheet.crashed.load();
        if (crashed > 0 && static_cast<std::size_t>(crashed) <= slots)
            left->crashed = running_of(sheet, static_cast<std::size_t>(crashed - 1));
    }
    ::munmap(at, sizeof(Sheet));
    return left;
}

Result<std::unique_ptr<RunBoard>> RunBoard::make(const std::string& file) {
    void* at = MAP_FAILED;
    if (file.empty()) {
        at = ::mmap(nullptr, sizeof(Sheet), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    } else {
        // Another file than before: who still reads the old one is not confused.
        ::unlink(file.c_str());
        const int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        // The blocks are asked for at once: on a full disk a store into a hole would be a SIGBUS.
        if (fd >= 0 && ::posix_fallocate(fd, 0, sizeof(Sheet)) == 0)
            at = ::mmap(nullptr, sizeof(Sheet), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        const int why = errno;
        if (fd >= 0) ::close(fd);
        errno = why;
    }
    if (at == MAP_FAILED) {
        return Error{ErrorKind::invalid,
                     "can't make the file that tells which rule runs: " + std::generic_category().message(errno), file,
                     "check [weft] run-dir"};
    }
    auto* sheet = new (at) Sheet{};
    sheet->magic = magic;
    return std::unique_ptr<RunBoard>(new RunBoard(sheet));
}

RunBoard::~RunBoard() {
    ::munmap(static_cast<void*>(sheet_), sizeof(Sheet));
}

RunSlot* RunBoard::take_slots(std::size_t n) {
    const std::lock_guard lock(mutex_);
    std::size_t free = 0;
    for (std::size_t i = 0; i < slots; ++i) {
        free = taken_[i] ? 0 : free + 1;
        if (free < n) continue;
        std::fill(taken_.begin() + static_cast<std::ptrdiff_t>(i + 1 - n),
                  taken_.begin() + static_cast<std::ptrdiff_t>(i + 1), true);
        return &sheet_->slots[i + 1 - n];
    }
    return nullptr;
}

void RunBoard::give_back(RunSlot* first, std::size_t n) {
    const std::lock_guard lock(mutex_);
    const auto at = taken_.begin() + (first - sheet_->slots.data());
    std::fill(at, at + static_cast<std::ptrdiff_t>(n), false);
}

std::uint16_t RunBoard::label(std::string_view plugin, std::string_view part) {
    const std::lock_guard lock(mutex_);
    std::string name(plugin);
    name.append("/").append(part);
    const auto next = static_cast<std::uint16_t>(numbers_.size() + 1);  // 0 has no name
    const auto [at, fresh] = numbers_.try_emplace(std::move(name), next);
    if (!fresh) return at->second;
    if (next >= labels) return at->second = 0;
    Label& label = sheet_->labels[next];
    copy_text(label.plugin, sizeof(label.plugin), plugin);
    copy_text(label.part, sizeof(label.part), part);
    return next;
}

std::vector<Running> RunBoard::running() const {
    std::vector<Running> found;
    for (std::size_t i = 0; i < slots; ++i) {
        auto& turn = sheet_->slots[i].turn;
        const auto before = turn.load(std::memory_order_acquire);
        if (before % 2 == 0) continue;
        Running running = running_of(*sheet_, i);
        // A write that changes nothing, so that what was read before it can't be newer than what it sees.
        if (turn.fetch_add(0, std::memory_order_acq_rel) == before) found.push_back(std::move(running));
    }
    return found;
}

void RunBoard::set_clean() {
    sheet_->clean = 1;
}
void RunBoard::set_settled() {
    sheet_->settled = 1;
}

void RunBoard::crashed(int signal) noexcept {
    const RunSlot* slot = running_slot();
    if (slot != nullptr && slot >= sheet_->slots.data() && slot < sheet_->slots.data() + slots)
        sheet_->crashed = static_cast<std::int32_t>(slot - sheet_->slots.data()) + 1;
    sheet_->signal = signal;
}

RunLanes::RunLanes(RunBoard* board, std::size_t n)
    : board_(board),
      first_(board == nullptr ? nullptr : board->take_slots(n)),
      n_(n) {}

RunLanes::~RunLanes() {
    if (first_ != nullptr) board_->give_back(first_, n_);
}

}  // namespace weft::containment
