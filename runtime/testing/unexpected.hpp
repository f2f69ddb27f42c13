// How the kit says that a test has failed, and what differs. Used by testing/test_job.hpp.
#pragma once

#include <weir/operators/action/format_record.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <string>
#include <vector>

namespace weir::testing {

/// Something that a test expects did not happen. Thrown, unlike any error of weir itself: every
/// test framework ends the test at an exception and shows its text.
class unexpected : public std::runtime_error {
public:
  using std::runtime_error::runtime_error;
};

namespace detail {

/// One line per row, at most ten.
template <class T>
void list_rows(std::string& text, const char* what, const std::vector<T>& rows) {
  constexpr std::size_t shown = 10;
  for (std::size_t i = 0; i < std::min(rows.size(), shown); ++i) {
    text += fmt::format("\n  {} ", what);
    format_record(rows[i], text);
  }
  if (rows.size() > shown)
    text += fmt::format("\n  {} {} more", what, rows.size() - shown);
}

} // namespace detail

/// How two collections of rows differ, whatever their order; empty when they do not.
template <class T>
[[nodiscard]] std::string difference(const std::vector<T>& expected, std::vector<T> got) {
  std::vector<T> missing;
  for (const auto& row : expected) {
    const auto found = std::find(got.begin(), got.end(), row);
    if (found == got.end())
      missing.push_back(row);
    else
      got.erase(found);
  }
  if (missing.empty() && got.empty())
    return {};
  std::string text;
  detail::list_rows(text, "missing:   ", missing);
  detail::list_rows(text, "unexpected:", got);
  return text + fmt::format("\n  as expected: {} row(s)", expected.size() - missing.size());
}

} // namespace weir::testing
