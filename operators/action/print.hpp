// Shows the first records of each batch on standard output.
#pragma once

#include <weir/operators/detail/line_sink.hpp>
#include <weir/operators/stream_operators.hpp>

namespace weir {

template <class Derived, class T>
void stream_operators<Derived, T>::print(std::size_t n, here where) const {
  add_sink({.traits = {.name = "print", .diagnostic = true},
            .make = [n] { return std::make_unique<detail::line_sink<T>>(make_console_sink(n)); }},
           "print", false, where);
}

} // namespace weir
