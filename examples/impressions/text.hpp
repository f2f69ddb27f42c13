// Figures as people read them.
#pragma once

#include <weir/runtime/time.hpp>

#include <fmt/format.h>

#include <cmath>
#include <cstdint>
#include <string>

namespace impressions {

/// 1234567 as "1,234,567".
inline std::string grouped(std::int64_t number) {
  const auto digits = fmt::format("{}", number);
  std::string text;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0 && digits[i - 1] != '-')
      text += ',';
    text += digits[i];
  }
  return text;
}

inline std::string grouped(double number) {
  return grouped(static_cast<std::int64_t>(std::llround(number)));
}

/// "0.31 s".
inline std::string seconds(weir::duration length) {
  return fmt::format("{:.2f} s", weir::seconds_of(length));
}

/// Whole milliseconds, without the unit.
inline std::string milliseconds(weir::duration length) {
  return grouped(weir::seconds_of(length) * 1000);
}

} // namespace impressions
