#pragma once

/// Marks what libweft exports to plugins; everything else is hidden.
#define WEFT_API __attribute__((visibility("default")))
