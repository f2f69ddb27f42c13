// Numbers of CSV and JSON: both formats have the same bounds. Used by csv.hpp and json.hpp.
#pragma once

#include <charconv>
#include <concepts>

namespace weir::detail {

/// As std::from_chars, but that a number too small for its type is its zero, as the nearest value
/// that there is. What is too large, rounded to the nearest, is std::errc::result_out_of_range.
std::from_chars_result read_number(const char* begin, const char* end, float& out) noexcept;
std::from_chars_result read_number(const char* begin, const char* end, double& out) noexcept;
std::from_chars_result read_number(const char* begin, const char* end, long double& out) noexcept;

template <std::integral Number>
std::from_chars_result read_number(const char* begin, const char* end, Number& out) noexcept {
  return std::from_chars(begin, end, out);
}

} // namespace weir::detail
