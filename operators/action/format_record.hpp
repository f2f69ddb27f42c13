// A record as a line of text: what print and save_as_text_files write.
#pragma once

#include <weir/runtime/record_traits.hpp>

#include <boost/pfr/core.hpp>
#include <fmt/core.h>

#include <ranges>
#include <string>
#include <utility>

namespace weir {

/// Appends `value` to `out`: text as it is; what fmt can format, by fmt; pairs, tuples and plain
/// aggregates as `(a,b)`; ranges as `[a, b]`; an empty optional as `null`; times, durations and
/// enumerations as their number. Specialise `fmt::formatter` for other types.
template <class T>
void format_record(const T& value, std::string& out);

namespace detail {

/// Appends what fmt makes of the only argument. Apart from the record's type, so that fmt's code
/// for numbers is not compiled into every program.
void append_formatted(std::string& out, fmt::format_args one);

template <class T>
void format_fields(const T& fields, std::string& out) {
  const char* before = "(";
  const auto one = [&](const auto& field) {
    out += std::exchange(before, ",");
    format_record(field, out);
  };
  if constexpr (requires { std::tuple_size<T>::value; })
    std::apply([&](const auto&... field) { (one(field), ...); }, fields);
  else
    boost::pfr::for_each_field(fields, one);
  out += ")";
}

} // namespace detail

template <class T>
void format_record(const T& value, std::string& out) {
  if constexpr (std::is_convertible_v<const T&, std::string_view>) {
    out += std::string_view(value);
  } else if constexpr (fmt::is_formattable<T>::value) {
    detail::append_formatted(out, fmt::make_format_args(value));
  } else if constexpr (detail::is_chrono<T>) {
    if constexpr (requires { value.time_since_epoch(); })
      format_record(value.time_since_epoch().count(), out);
    else
      format_record(value.count(), out);
  } else if constexpr (std::is_enum_v<T>) {
    format_record(std::to_underlying(value), out);
  } else if constexpr (requires {
                         value.has_value();
                         *value;
                       }) {
    if (value.has_value())
      format_record(*value, out);
    else
      out += "null";
  } else if constexpr (std::ranges::input_range<const T>) {
    const char* before = "[";
    for (const auto& element : value) {
      out += std::exchange(before, ", ");
      format_record(element, out);
    }
    out += std::ranges::empty(value) ? "[]" : "]";
  } else {
    static_assert(
        requires { std::tuple_size<T>::value; } || std::is_aggregate_v<T>,
        "weir does not know how to print this type: specialise fmt::formatter for it");
    detail::format_fields(value, out);
  }
}

} // namespace weir
