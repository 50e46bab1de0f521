#include "base/row_blocks.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace weft {
namespace {

/// Blocks of one thread, each filled with a byte of its own, so that two that overlap are seen.
class Holder {
  public:
    explicit Holder(unsigned seed) : random_(seed) {}
    ~Holder() {
        while (!blocks_.empty())
            give_one();
    }

    void take_one() {
        const std::size_t size = 1 + random_() % 1500;
        Block block{static_cast<unsigned char*>(RowBlocks::take(size)), size,
                    static_cast<unsigned char>(random_() & 0xff)};
        ASSERT_EQ(reinterpret_cast<std::uintptr_t>(block.memory) % alignof(std::max_align_t), 0U);
        std::memset(block.memory, block.fill, size);
        blocks_.push_back(block);
    }
    void give_one() {
        std::swap(blocks_[random_() % blocks_.size()], blocks_.back());
        const Block block = blocks_.back();
        blocks_.pop_back();
        for (std::size_t i = 0; i < block.size; ++i)
            ASSERT_EQ(block.memory[i], block.fill);
        RowBlocks::give_back(block.memory, block.size);
    }
    void churn(int steps) {
        for (int step = 0; step < steps; ++step) {
            if (blocks_.empty() || random_() % 2 == 0) {
                take_one();
            } else {
                give_one();
            }
        }
    }

  private:
    struct Block {
        unsigned char* memory;
        std::size_t size;
        unsigned char fill;
    };
    std::mt19937 random_;
    std::vector<Block> blocks_;
};

TEST(RowBlocks, NeverOverlap) {
    Holder holder(1);
    holder.churn(20000);
    RowBlocks::trim();
    holder.churn(20000);
}

TEST(RowBlocks, ThreadsShareThem) {
    std::vector<std::thread> threads;
    for (unsigned seed = 1; seed <= 4; ++seed)
        threads.emplace_back([seed] { Holder(seed).churn(20000); });
    for (auto& thread : threads)
        thread.join();
}

TEST(RowBlocks, OneMayBeGivenBackByAnotherThread) {
    std::vector<void*> blocks;
    for (int i = 0; i < 5000; ++i)
        blocks.push_back(RowBlocks::take(300));
    std::thread([&] {
        for (void* block : blocks)
            RowBlocks::give_back(block, 300);
    }).join();
    void* again = RowBlocks::take(300);
    std::memset(again, 1, 300);
    RowBlocks::give_back(again, 300);
    RowBlocks::trim();
}

/// What is out stays as it is when the pages behind it are given back, and these serve again.
TEST(RowBlocks, TrimmingKeepsWhatIsOut) {
    constexpr std::size_t size = 272;
    constexpr int count = 2000;
    std::vector<unsigned char*> blocks(count);
    const auto take = [&](int i) {
        blocks[i] = static_cast<unsigned char*>(RowBlocks::take(size));
        std::memset(blocks[i], i & 0xff, size);
    };
    for (int i = 0; i < count; ++i)
        take(i);
    const auto stays = [](int i) { return i % 97 == 3; };
    for (int i = 0; i < count; ++i) {
        if (!stays(i)) RowBlocks::give_back(blocks[i], size);
    }
    RowBlocks::trim();
    RowBlocks::trim();
    for (int i = 0; i < count; ++i) {
        if (!stays(i)) take(i);
    }
    for (int i = 0; i < count; ++i) {
        for (std::size_t at = 0; at < size; ++at)
            ASSERT_EQ(blocks[i][at], i & 0xff) << i;
        RowBlocks::give_back(blocks[i], size);
    }
}

}  // namespace
}  // namespace weft
