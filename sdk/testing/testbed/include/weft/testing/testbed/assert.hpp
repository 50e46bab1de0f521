#pragma once

/// For GoogleTest: the Result must hold a value; otherwise the test ends with the error's text.
#define WEFT_ASSERT_OK(expression)                                                    \
    do {                                                                              \
        const auto& checked_ = (expression);                                          \
        ASSERT_TRUE(checked_.ok()) << #expression << ": " << checked_.error().text(); \
    } while (false)

/// The same, but the test goes on.
#define WEFT_EXPECT_OK(expression)                                                    \
    do {                                                                              \
        const auto& checked_ = (expression);                                          \
        EXPECT_TRUE(checked_.ok()) << #expression << ": " << checked_.error().text(); \
    } while (false)
