// Writes each batch as a directory of text, CSV or JSON files.
#pragma once

#include <weir/operators/detail/compose.hpp>
#include <weir/operators/detail/line_sink.hpp>
#include <weir/operators/stream_operators.hpp>
#include <weir/runtime/paths.hpp>

namespace weir {

namespace detail {

/// A sink of one directory per batch whose lines `Format` makes.
template <class T, auto Format>
sink_factory<T> line_files(std::string name, text_files where_to) {
  auto valid = check_path(name + ": the prefix", where_to.prefix);
  return {.traits = {.name = std::move(name), .blocking = true},
          .make = [where_to = std::move(where_to)]() -> std::unique_ptr<sink<T>> {
            return std::make_unique<line_sink<T, Format>>(make_text_file_sink(where_to));
          },
          .valid = std::move(valid)};
}

} // namespace detail

template <class Derived, class T>
void stream_operators<Derived, T>::save_as_text_files(std::string prefix, std::string suffix,
                                                      here where) const {
  detail::check_suffix(*composed(), suffix, where);
  add_sink(detail::line_files<T, detail::as_text>(
               "save_as_text_files", {.prefix = std::move(prefix), .suffix = std::move(suffix)}),
           "", false, where);
}

template <class Derived, class T>
void stream_operators<Derived, T>::save_as_csv_files(std::string prefix, std::string suffix,
                                                     here where) const {
  detail::check_suffix(*composed(), suffix, where);
  add_sink(
      detail::line_files<T, detail::as_csv>("save_as_csv_files", {.prefix = std::move(prefix),
                                                                  .suffix = std::move(suffix),
                                                                  .extension = ".csv",
                                                                  .first_line = csv_header<T>()}),
      "", false, where);
}

template <class Derived, class T>
void stream_operators<Derived, T>::save_as_json_files(std::string prefix, std::string suffix,
                                                      here where) const {
  detail::check_suffix(*composed(), suffix, where);
  add_sink(detail::line_files<T, detail::as_json>(
               "save_as_json_files",
               {.prefix = std::move(prefix), .suffix = std::move(suffix), .extension = ".jsonl"}),
           "", false, where);
}

} // namespace weir
