#include <weir/connectors/codec/number.hpp>

#include <algorithm>
#include <cstdint>

namespace weir::detail {
namespace {

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

/// Whether a decimal number is below 1, which the power of ten of its first digit other than 0
/// says.
bool is_small(const char* begin, const char* end) noexcept {
  if (begin != end && *begin == '-')
    ++begin;
  const auto* const exponent =
      std::find_if(begin, end, [](char c) { return c == 'e' || c == 'E'; });
  const auto* const point = std::find(begin, exponent, '.');
  const auto* const first =
      std::find_if(begin, exponent, [](char c) { return is_digit(c) && c != '0'; });
  std::int64_t power = first < point ? point - first - 1 : point - first;
  if (exponent == end)
    return power < 0;
  const auto* digits = exponent + 1;
  const bool negative = digits != end && *digits == '-';
  if (digits != end && (*digits == '-' || *digits == '+'))
    ++digits;
  std::int64_t shift = 0;
  for (; digits != end && is_digit(*digits); ++digits)
    shift =
        std::min(shift * 10 + (*digits - '0'), std::int64_t{1} << 56); // beyond any text's length
  power += negative ? -shift : shift;
  return power < 0;
}

template <class Number>
std::from_chars_result read(const char* begin, const char* end, Number& out) noexcept {
  auto read = std::from_chars(begin, end, out);
  if (read.ec == std::errc::result_out_of_range && is_small(begin, read.ptr)) {
    out = *begin == '-' ? -Number{0} : Number{0};
    read.ec = std::errc();
  }
  return read;
}

} // namespace

std::from_chars_result read_number(const char* begin, const char* end, float& out) noexcept {
  return read(begin, end, out);
}
std::from_chars_result read_number(const char* begin, const char* end, double& out) noexcept {
  return read(begin, end, out);
}
std::from_chars_result read_number(const char* begin, const char* end, long double& out) noexcept {
  return read(begin, end, out);
}

} // namespace weir::detail
