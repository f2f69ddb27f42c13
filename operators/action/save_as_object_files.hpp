// Writes each batch as a directory of object files.
#pragma once

#include <weir/operators/detail/compose.hpp>
#include <weir/operators/detail/line_sink.hpp>
#include <weir/operators/stream_operators.hpp>
#include <weir/runtime/paths.hpp>

namespace weir {

template <class Derived, class T>
void stream_operators<Derived, T>::save_as_object_files(std::string prefix, std::string suffix,
                                                        here where) const {
  detail::check_suffix(*composed(), suffix, where);
  using sink_type = detail::line_sink<T, detail::as_object>;
  auto valid = check_path("save_as_object_files: the prefix", prefix);
  add_sink({.traits = {.name = "save_as_object_files", .blocking = true},
            .make =
                [prefix = std::move(prefix), suffix = std::move(suffix)] {
                  return std::make_unique<sink_type>(
                      make_object_file_sink({.prefix = prefix, .suffix = suffix}));
                },
            .valid = std::move(valid)},
           "save_as_object_files", false, where);
}

} // namespace weir
