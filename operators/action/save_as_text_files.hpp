// Writes each batch as a directory of text files.
#pragma once

#include <weir/operators/detail/line_sink.hpp>
#include <weir/operators/stream_operators.hpp>

namespace weir {

template <class Derived, class T>
void stream_operators<Derived, T>::save_as_text_files(std::string prefix, std::string suffix,
                                                      here where) const {
  add_sink({.traits = {.name = "save_as_text_files", .blocking = true},
            .make =
                [prefix = std::move(prefix), suffix = std::move(suffix)] {
                  return std::make_unique<detail::line_sink<T>>(
                      make_text_file_sink(prefix, suffix));
                }},
           "save_as_text_files", false, where);
}

} // namespace weir
