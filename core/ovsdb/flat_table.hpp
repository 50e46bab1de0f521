#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace weft::ovsdb {

/// A hash table in one block of memory: linear probing, no tombstones. Several slots may have one hash, so it serves as
/// set, map and multimap. `Traits` says what a slot's hash is and which slot is free:
///   static std::uint64_t hash(const Slot&);   static bool is_free(const Slot&);   // Slot{} must be free
/// Inserting and erasing move slots: pointers to them live until the next change.
template <class Slot, class Traits>
class FlatTable {
  public:
    std::size_t size() const { return size_; }
    bool empty() const { return size_ == 0; }
    std::size_t capacity() const { return slots_.size(); }

    /// The slot with this hash for which `is` says true, or null.
    template <class Is>
    Slot* find(std::uint64_t hash, Is&& is) {
        if (size_ == 0) return nullptr;
        for (std::size_t i = home(hash); !Traits::is_free(slots_[i]); i = next(i)) {
            if (is(slots_[i])) return &slots_[i];
        }
        return nullptr;
    }
    template <class Is>
    const Slot* find(std::uint64_t hash, Is&& is) const {
        return const_cast<FlatTable*>(this)->find(hash, std::forward<Is>(is));
    }

    /// Adds a slot without looking whether an equal one is there.
    Slot& insert(Slot slot) {
        if ((size_ + 1) * 4 > slots_.size() * 3) resize(slots_.empty() ? 8 : slots_.size() * 2);
        ++size_;
        return place(std::move(slot));
    }

    /// Frees a slot that find() gave; the slots after it move up.
    void erase(Slot* slot) {
        std::size_t hole = static_cast<std::size_t>(slot - slots_.data());
        for (std::size_t i = next(hole); !Traits::is_free(slots_[i]); i = next(i)) {
            const std::size_t at = home(Traits::hash(slots_[i]));
            // Slot i may fill the hole unless its home lies cyclically in (hole, i].
            const bool stays = hole <= i ? (hole < at && at <= i) : (hole < at || at <= i);
            if (stays) continue;
            slots_[hole] = std::move(slots_[i]);
            hole = i;
        }
        slots_[hole] = Slot{};
        --size_;
        if (slots_.size() > 64 && size_ * 8 < slots_.size()) resize(slots_.size() / 2);
    }

    void clear() {
        slots_ = {};
        size_ = 0;
    }

    template <class Visit>
    void each(Visit&& visit) const {
        for (const auto& slot : slots_) {
            if (!Traits::is_free(slot)) visit(slot);
        }
    }

  private:
    std::size_t home(std::uint64_t hash) const { return (hash ^ (hash >> 32)) & (slots_.size() - 1); }
    std::size_t next(std::size_t i) const { return (i + 1) & (slots_.size() - 1); }

    Slot& place(Slot slot) {
        std::size_t i = home(Traits::hash(slot));
        while (!Traits::is_free(slots_[i]))
            i = next(i);
        slots_[i] = std::move(slot);
        return slots_[i];
    }

    void resize(std::size_t capacity) {
        std::vector<Slot> old(capacity);
        old.swap(slots_);
        for (auto& slot : old) {
            if (!Traits::is_free(slot)) place(std::move(slot));
        }
    }

    std::vector<Slot> slots_;
    std::size_t size_ = 0;
};

}  // namespace weft::ovsdb
