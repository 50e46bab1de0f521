#pragma once

#include <cstdint>
#include <vector>

namespace weft::engine {

/// A hash set of 32-bit numbers whose texts live elsewhere (in rows): open addressing, the hash beside the number, so
/// that a probe looks at the text only when the hash agrees. Shrinks when it empties.
class IdSet {
  public:
    /// The number for which `same(id)` holds, or 0.
    template <class Same>
    std::uint32_t find(std::uint32_t hash, Same&& same) const {
        if (slots_.empty()) return 0;
        for (std::size_t at = hash & mask();; at = (at + 1) & mask()) {
            const Slot& slot = slots_[at];
            if (slot.id == 0) return 0;
            if (slot.hash == hash && same(slot.id)) return slot.id;
        }
    }

    /// `id` must not be in the set.
    void insert(std::uint32_t hash, std::uint32_t id) {
        if ((size_ + 1) * 4 > slots_.size() * 3) resize(slots_.empty() ? 8 : slots_.size() * 2);
        place({hash, id});
        ++size_;
    }

    void erase(std::uint32_t hash, std::uint32_t id) {
        std::size_t hole = hash & mask();
        while (slots_[hole].id != id)
            hole = (hole + 1) & mask();
        for (std::size_t at = (hole + 1) & mask(); slots_[at].id != 0; at = (at + 1) & mask()) {
            // Move back what was displaced past the hole, so that no probe stops early.
            const std::size_t home = slots_[at].hash & mask();
            if (((at - home) & mask()) >= ((at - hole) & mask())) {
                slots_[hole] = slots_[at];
                hole = at;
            }
        }
        slots_[hole] = {};
        --size_;
        if (slots_.size() > 8 && size_ * 8 < slots_.size()) resize(slots_.size() / 2);
    }

    std::size_t size() const { return size_; }

    template <class Visit>
    void each(Visit&& visit) const {
        for (const Slot& slot : slots_) {
            if (slot.id != 0) visit(slot.id);
        }
    }

  private:
    struct Slot {
        std::uint32_t hash = 0;
        std::uint32_t id = 0;
    };

    std::size_t mask() const { return slots_.size() - 1; }
    void place(Slot slot) {
        std::size_t at = slot.hash & mask();
        while (slots_[at].id != 0)
            at = (at + 1) & mask();
        slots_[at] = slot;
    }
    void resize(std::size_t size) {
        std::vector<Slot> old(size);
        old.swap(slots_);
        for (const Slot& slot : old) {
            if (slot.id != 0) place(slot);
        }
    }

    std::vector<Slot> slots_;
    std::size_t size_ = 0;
};

}  // namespace weft::engine
