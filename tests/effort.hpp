#pragma once

#if defined(__SANITIZE_ADDRESS__)
#define WEFT_UNDER_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WEFT_UNDER_ASAN 1
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define WEFT_UNDER_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define WEFT_UNDER_TSAN 1
#endif
#endif

namespace weft::test {

/// How much a test does of what it does many times. Sanitizers make each time several times to twenty times as dear and
/// look at every access by themselves, so they need fewer; the counts of a plain build (stage dev of tests/check) are
/// those that look for rare combinations, and are never reduced.
struct Effort {
    int plain = 0;
    int under_asan = 0;
    int under_tsan = 0;

    constexpr int count() const {
#if defined(WEFT_UNDER_ASAN)
        return under_asan;
#elif defined(WEFT_UNDER_TSAN)
        return under_tsan;
#else
        return plain;
#endif
    }
};

}  // namespace weft::test
