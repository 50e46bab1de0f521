#pragma once

#include "base/free_places.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <utility>
#include <vector>

#include <sys/mman.h>

namespace weft::engine {

/// Objects of one kind under 32-bit numbers: half the size of a pointer where millions of links are kept. Number 0
/// names nothing. Addresses are stable. Chunks lie outside the heap, where they would keep apart what comes and goes;
/// those that hold no object any more are given back.
template <class T>
class Slab {
  public:
    Slab() = default;
    Slab(const Slab&) = delete;
    Slab& operator=(const Slab&) = delete;
    ~Slab() {
        each([](std::uint32_t, T& object) { object.~T(); });
    }

    template <class... Args>
    std::uint32_t make(Args&&... args) {
        const std::uint32_t number = chunk_with_room();
        Chunk& chunk = *chunks_[number];
        const std::uint32_t place = chunk.places.take();
        new (chunk.at(place)) T{std::forward<Args>(args)...};
        if (++chunk.count == chunk_size) {
            roomy_.pop_back();
            chunk.listed = false;
        }
        ++size_;
        return number * chunk_size + place + 1;
    }

    void free(std::uint32_t id) {
        const std::uint32_t number = (id - 1) / chunk_size;
        Chunk& chunk = *chunks_[number];
        (*this)[id].~T();
        chunk.places.put_back((id - 1) % chunk_size);
        --size_;
        if (--chunk.count == 0 && size_ > 0) {
            drop(number);
        } else if (!chunk.listed) {
            chunk.listed = true;
            roomy_.push_back(number);
        }
    }

    T& operator[](std::uint32_t id) { return *std::launder(reinterpret_cast<T*>(raw(id))); }
    const T& operator[](std::uint32_t id) const { return *std::launder(reinterpret_cast<const T*>(raw(id))); }

    bool alive(std::uint32_t id) const {
        const Chunk* chunk = chunks_[(id - 1) / chunk_size].get();
        return chunk != nullptr && !chunk->places.is_free((id - 1) % chunk_size);
    }
    std::size_t size() const { return size_; }
    /// Gives the system the pages on which no object is.
    void give_back_memory() {
        for (const auto& chunk : chunks_) {
            if (chunk) chunk->give_back_pages();
        }
    }
    /// No number is greater.
    std::uint32_t greatest() const { return static_cast<std::uint32_t>(chunks_.size()) * chunk_size; }

    template <class Visit>
    void each(Visit&& visit) {
        for (std::uint32_t number = 0; number < chunks_.size(); ++number) {
            if (!chunks_[number]) continue;
            for (std::uint32_t place = 0; place < chunk_size; ++place) {
                const std::uint32_t id = number * chunk_size + place + 1;
                if (!chunks_[number]->places.is_free(place)) visit(id, (*this)[id]);
            }
        }
    }

  private:
    static constexpr std::uint32_t chunk_size = 1024;

    struct Chunk {
        std::byte* at(std::uint32_t place) { return memory + std::size_t{place} * sizeof(T); }
        void give_back_pages() {
            places.template give_back_pages<sizeof(Chunk)>(reinterpret_cast<std::byte*>(this), offsetof(Chunk, memory),
                                                           sizeof(T));
        }

        FreePlaces<chunk_size> places{chunk_size};
        std::uint32_t count = 0;
        bool listed = false;
        alignas(T) std::byte memory[chunk_size * sizeof(T)];
    };
    struct Unmap {
        void operator()(Chunk* chunk) const { ::munmap(chunk, sizeof(Chunk)); }
    };
    static Chunk* map_chunk() {
        void* memory = ::mmap(nullptr, sizeof(Chunk), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED) throw std::bad_alloc();
        return new (memory) Chunk;
    }

    std::byte* raw(std::uint32_t id) const { return chunks_[(id - 1) / chunk_size]->at((id - 1) % chunk_size); }

    std::uint32_t chunk_with_room() {
        if (!roomy_.empty()) return roomy_.back();
        std::uint32_t number = static_cast<std::uint32_t>(chunks_.size());
        if (unused_.empty()) {
            chunks_.emplace_back();
        } else {
            number = unused_.back();
            unused_.pop_back();
        }
        chunks_[number].reset(map_chunk());
        chunks_[number]->listed = true;
        roomy_.push_back(number);
        return number;
    }

    void drop(std::uint32_t number) {
        std::erase(roomy_, number);
        chunks_[number].reset();
        unused_.push_back(number);
    }

    std::vector<std::unique_ptr<Chunk, Unmap>> chunks_;
    std::vector<std::uint32_t> roomy_;   ///< chunks with free places
    std::vector<std::uint32_t> unused_;  ///< numbers of chunks that were given back
    std::size_t size_ = 0;
};

}  // namespace weft::engine
