#include "engine/id_set.hpp"
#include "engine/slab.hpp"
#include "engine/small_vector.hpp"

#include <algorithm>
#include <map>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace weft::engine {
namespace {

TEST(SmallVector, BehavesLikeAVectorThroughRandomEdits) {
    std::mt19937 random(7);
    SmallVector<std::uint32_t> small;
    std::vector<std::uint32_t> model;
    for (std::uint32_t step = 0; step < 20000; ++step) {
        const auto op = random() % 8;
        const auto at = model.empty() ? 0 : static_cast<std::uint32_t>(random() % model.size());
        if (op < 3) {
            small.push_back(step);
            model.push_back(step);
        } else if (op == 3) {
            small.insert(at, step);
            model.insert(model.begin() + at, step);
        } else if (op == 4 && !model.empty()) {
            small.erase(at);
            model.erase(model.begin() + at);
        } else if (op == 5 && !model.empty()) {
            small.pop_back();
            model.pop_back();
        } else if (op == 6 && step % 50 == 0) {
            small.truncate(at);
            model.resize(at);
        } else if (op == 7) {
            SmallVector<std::uint32_t> moved = std::move(small);
            small = std::move(moved);
        }
        ASSERT_TRUE(std::equal(small.begin(), small.end(), model.begin(), model.end())) << "step " << step;
    }
}

TEST(Slab, KeepsObjectsUnderTheirNumbersAndReusesThem) {
    std::mt19937 random(11);
    Slab<std::string> slab;
    std::map<std::uint32_t, std::string> model;
    for (int step = 0; step < 50000; ++step) {
        // Grows to some thousands, then shrinks to few, several times over.
        const bool grow = (step / 5000) % 2 == 0;
        if (model.empty() || random() % 10 < (grow ? 8u : 2u)) {
            const std::string text = std::to_string(step);
            const std::uint32_t id = slab.make(text);
            ASSERT_NE(id, 0u);
            ASSERT_TRUE(model.emplace(id, text).second) << "a number in use was given out again";
        } else {
            const auto at = std::next(model.begin(),
                                      static_cast<std::ptrdiff_t>(random() % std::min<std::size_t>(model.size(), 50)));
            slab.free(at->first);
            EXPECT_FALSE(slab.alive(at->first));
            model.erase(at);
        }
        if (step % 499 == 0) slab.give_back_memory();
        ASSERT_EQ(slab.size(), model.size());
    }
    for (const auto& [id, text] : model)
        EXPECT_EQ(slab[id], text);
    std::size_t seen = 0;
    slab.each([&](std::uint32_t id, const std::string& text) {
        ++seen;
        EXPECT_EQ(model.at(id), text);
    });
    EXPECT_EQ(seen, model.size());
}

TEST(IdSet, FindsWhatIsThereAndNothingElse) {
    std::mt19937 random(3);
    IdSet set;
    std::map<std::uint32_t, std::uint32_t> hash_of;  // few hashes, so that they collide
    for (std::uint32_t id = 1; id < 5000; ++id) {
        if (random() % 3 != 0 || hash_of.empty()) {
            hash_of[id] = static_cast<std::uint32_t>(random() % 700);
            set.insert(hash_of[id], id);
        } else {
            const auto at = std::next(hash_of.begin(), static_cast<std::ptrdiff_t>(random() % hash_of.size()));
            set.erase(at->second, at->first);
            hash_of.erase(at);
        }
        ASSERT_EQ(set.size(), hash_of.size());
    }
    for (std::uint32_t id = 1; id < 5000; ++id) {
        const auto at = hash_of.find(id);
        const std::uint32_t hash = at == hash_of.end() ? id % 700 : at->second;
        EXPECT_EQ(set.find(hash, [&](std::uint32_t other) { return other == id; }), at == hash_of.end() ? 0 : id);
    }
}

}  // namespace
}  // namespace weft::engine
