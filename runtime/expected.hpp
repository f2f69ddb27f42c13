// A value or the error that stands in its place: what every fallible call of weir returns.
#pragma once

#include <weir/runtime/error.hpp>

#include <expected>
#include <utility>

namespace weir {

/// `std::expected<T, error>` that must be looked at, and that an `error` converts to.
template <class T>
class [[nodiscard]] expected : public std::expected<T, error> {
public:
  using std::expected<T, error>::expected;
  expected() = default;
  expected(error e) : std::expected<T, error>(std::unexpected(std::move(e))) {}
};

} // namespace weir
