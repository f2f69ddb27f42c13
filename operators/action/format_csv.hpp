// A record as a line of comma-separated values. Lines: docs/formats/text.md.
#pragma once

#include <weir/operators/action/format_record.hpp>
#include <weir/runtime/described.hpp>
#include <weir/runtime/utf8.hpp>

#include <string>
#include <string_view>
#include <utility>

namespace weir {

namespace detail {

/// Appends text as a column: in quotes when it would be read as something else without them.
inline void append_csv_text(std::string_view text, std::string& out, char separator) {
  const bool plain = !text.empty() && text.find_first_of("\"\r\n") == std::string_view::npos &&
                     text.find(separator) == std::string_view::npos &&
                     without_mark(text).size() == text.size();
  if (plain) {
    out += text;
    return;
  }
  out += '"';
  for (const char c : text)
    out.append(c == '"' ? 2 : 1, c);
  out += '"';
}

template <class T>
void append_csv(const T& value, std::string& out, char separator) {
  if constexpr (std::is_convertible_v<const T&, std::string_view>) {
    append_csv_text(std::string_view(value), out, separator);
  } else if constexpr (requires {
                         value.has_value();
                         *value;
                       }) {
    if (value)
      append_csv(*value, out, separator);
  } else if constexpr (std::is_enum_v<T>) {
    format_record(std::to_underlying(value), out);
  } else {
    static_assert(std::is_arithmetic_v<T> || is_chrono<T>,
                  "a column of CSV is text, a number, a truth value, a time or an enumeration, or "
                  "an optional of these");
    format_record(value, out);
  }
}

} // namespace detail

/// Appends the line of `value`, without a line end: the members of a described struct, or the
/// fields of a plain aggregate, pair or tuple, in order. Anything else is the only column.
template <class T>
void format_csv(const T& value, std::string& out, char separator = ',') {
  bool first = true;
  const auto column = [&](const auto& member) {
    if (!std::exchange(first, false))
      out += separator;
    detail::append_csv(member, out, separator);
  };
  if constexpr (described<T>)
    for_each_member(value, [&](std::string_view, const auto& member) { column(member); });
  else if constexpr (requires { std::tuple_size<T>::value; })
    std::apply([&](const auto&... member) { (column(member), ...); }, value);
  else if constexpr (std::is_aggregate_v<T> && std::is_class_v<T>)
    boost::pfr::for_each_field(value, column);
  else
    column(value);
}

/// The line of `value`.
template <class T>
[[nodiscard]] std::string to_csv(const T& value, char separator = ',') {
  std::string line;
  format_csv(value, line, separator);
  return line;
}

/// The names of the columns as a line; empty when they have none.
template <class T>
[[nodiscard]] std::string csv_header(char separator = ',') {
  std::string line;
  if constexpr (described<T>)
    for (const auto name : member_names<T>) {
      if (!line.empty())
        line += separator;
      detail::append_csv_text(name, line, separator);
    }
  return line;
}

} // namespace weir
