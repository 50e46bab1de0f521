#pragma once

#include "base/row_blocks.hpp"

#include <cstdint>
#include <cstring>
#include <new>
#include <type_traits>
#include <utility>

namespace weft::engine {

/// A vector of small plain values in 16 bytes; a single one lives inside. Most instances read a handful of rows and
/// most rows have one reader, so the usual vector would spend more on itself than on what it holds. What does not fit
/// lies with the rows: it stays as long as they do.
template <class T>
class SmallVector {
    static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= sizeof(void*));

  public:
    SmallVector() = default;
    SmallVector(const SmallVector&) = delete;
    SmallVector& operator=(const SmallVector&) = delete;
    SmallVector(SmallVector&& other) noexcept { swap(other); }
    SmallVector& operator=(SmallVector&& other) noexcept {
        swap(other);
        return *this;
    }
    ~SmallVector() {
        if (capacity_ > 1) RowBlocks::give_back(many(), capacity_ * sizeof(T));
    }

    std::uint32_t size() const { return size_; }
    bool empty() const { return size_ == 0; }
    T* begin() { return data(); }
    T* end() { return data() + size_; }
    const T* begin() const { return data(); }
    const T* end() const { return data() + size_; }
    T& operator[](std::uint32_t i) { return data()[i]; }
    const T& operator[](std::uint32_t i) const { return data()[i]; }
    T& back() { return data()[size_ - 1]; }

    void push_back(T value) {
        if (size_ == capacity_) resize_to(capacity_ * 2 + 1);
        data()[size_++] = value;
    }
    /// Room for exactly so many, where the number is known.
    void reserve(std::uint32_t size) {
        if (size > capacity_) resize_to(size);
    }
    void insert(std::uint32_t at, T value) {
        push_back(value);
        std::memmove(data() + at + 1, data() + at, (size_ - 1 - at) * sizeof(T));
        data()[at] = value;
    }
    void erase(std::uint32_t at) {
        std::memmove(data() + at, data() + at + 1, (size_ - 1 - at) * sizeof(T));
        truncate(size_ - 1);
    }
    void pop_back() { truncate(size_ - 1); }
    void truncate(std::uint32_t size) {
        size_ = size;
        if (capacity_ > 1 && size <= capacity_ / 4) resize_to(size <= 1 ? 1 : size * 2 - 1);
    }
    void swap(SmallVector& other) noexcept {
        std::swap(bytes_, other.bytes_);
        std::swap(size_, other.size_);
        std::swap(capacity_, other.capacity_);
    }

  private:
    T* many() const {
        T* at = nullptr;
        std::memcpy(&at, bytes_, sizeof(at));  // NOLINT(bugprone-sizeof-expression): the pointer is what is kept
        return at;
    }
    T* data() { return capacity_ > 1 ? many() : reinterpret_cast<T*>(bytes_); }
    const T* data() const { return capacity_ > 1 ? many() : reinterpret_cast<const T*>(bytes_); }

    void resize_to(std::uint32_t capacity) {
        T* old = capacity_ > 1 ? many() : nullptr;
        if (capacity == 1) {
            if (size_ == 1) std::memcpy(bytes_, old, sizeof(T));
        } else {
            void* memory = RowBlocks::take(capacity * sizeof(T));
            if (size_ > 0) std::memcpy(memory, data(), size_ * sizeof(T));
            std::memcpy(bytes_, &memory, sizeof(memory));
        }
        if (old != nullptr) RowBlocks::give_back(old, capacity_ * sizeof(T));
        capacity_ = capacity;
    }

    // Either one T or a pointer to `capacity_` of them.
    alignas(8) unsigned char bytes_[8] = {};
    std::uint32_t size_ = 0;
    std::uint32_t capacity_ = 1;
};

}  // namespace weft::engine
