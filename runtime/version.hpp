// The version of the library: macros for the preprocessor, a function for the linked binary.
#pragma once

#include <string_view>

#define WEIR_VERSION_MAJOR 0
#define WEIR_VERSION_MINOR 1
#define WEIR_VERSION_PATCH 0
#define WEIR_VERSION "0.1.0"

namespace weir {

/// Version of the library that is linked, as "major.minor.patch". Compare with `WEIR_VERSION`, the
/// version of the headers, to find a mismatch. Any thread.
[[nodiscard]] std::string_view version() noexcept;

} // namespace weir
