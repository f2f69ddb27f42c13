// Two inputs, or an input and a table: cogroup, joins, transform. A part of stream_operators.hpp.
#pragma once

#include <weir/operators/detail/compose.hpp>

#include <source_location>

namespace weir {

/// See stream_operators.hpp.
template <class Derived, class T>
class join_operators {
public:
  using here = std::source_location;

private:
  [[nodiscard]] const Derived& self() const { return static_cast<const Derived&>(*this); }
};

} // namespace weir
