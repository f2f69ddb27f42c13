// A record as JSON text. Mapping: docs/formats/text.md.
#pragma once

#include <weir/runtime/described.hpp>
#include <weir/runtime/record_traits.hpp>

#include <concepts>
#include <cstdint>
#include <optional>
#include <ranges>
#include <string>
#include <string_view>
#include <utility>

namespace weir {

namespace detail {

/// Appends text in quotes, with what JSON forbids escaped. What is not UTF-8 becomes U+FFFD.
void append_json_text(std::string_view text, std::string& out);
/// Appends a number.
void append_json_number(std::int64_t number, std::string& out);
void append_json_number(std::uint64_t number, std::string& out);
/// The shortest text that reads back as the same number; NaN and infinity become null.
void append_json_number(float number, std::string& out);
void append_json_number(double number, std::string& out);
void append_json_number(long double number, std::string& out);

template <class T>
concept json_table = std::ranges::input_range<const T> && requires {
  typename T::mapped_type;
  requires std::convertible_to<const typename T::key_type&, std::string_view>;
};

} // namespace detail

/// Appends `value` as JSON: described structs and tables of text keys as objects, ranges, pairs and
/// tuples as arrays, text as strings, times as their count, enumerations as their number, no value
/// as null, NaN and infinity as null.
template <class T>
void format_json(const T& value, std::string& out) {
  const char* before = "";
  const auto element = [&](const auto& one) {
    out += std::exchange(before, ",");
    format_json(one, out);
  };
  const auto member = [&](std::string_view name, const auto& one) {
    out += std::exchange(before, ",");
    detail::append_json_text(name, out);
    out += ':';
    format_json(one, out);
  };
  if constexpr (std::is_convertible_v<const T&, std::string_view>) {
    detail::append_json_text(std::string_view(value), out);
  } else if constexpr (std::is_same_v<T, bool>) {
    out += value ? "true" : "false";
  } else if constexpr (std::is_integral_v<T>) {
    using widest = std::conditional_t<std::is_signed_v<T>, std::int64_t, std::uint64_t>;
    detail::append_json_number(static_cast<widest>(value), out);
  } else if constexpr (std::is_floating_point_v<T>) {
    detail::append_json_number(value, out);
  } else if constexpr (std::is_enum_v<T>) {
    format_json(std::to_underlying(value), out);
  } else if constexpr (requires { value.time_since_epoch().count(); }) {
    format_json(value.time_since_epoch().count(), out);
  } else if constexpr (detail::is_chrono<T>) {
    format_json(value.count(), out);
  } else if constexpr (requires {
                         value.has_value();
                         *value;
                       }) {
    if (value.has_value())
      format_json(*value, out);
    else
      out += "null";
  } else if constexpr (described<T>) {
    out += '{';
    for_each_member(value, member);
    out += '}';
  } else if constexpr (detail::json_table<T>) {
    out += '{';
    for (const auto& [key, mapped] : value)
      member(key, mapped);
    out += '}';
  } else if constexpr (std::ranges::input_range<const T>) {
    out += '[';
    for (const auto& one : value)
      element(one);
    out += ']';
  } else {
    static_assert(
        requires { std::tuple_size<T>::value; },
        "weir does not know this type's members: describe it with BOOST_DESCRIBE_STRUCT");
    out += '[';
    std::apply([&](const auto&... one) { (element(one), ...); }, value);
    out += ']';
  }
}

/// The JSON text of `value`.
template <class T>
[[nodiscard]] std::string to_json(const T& value) {
  std::string text;
  format_json(value, text);
  return text;
}

} // namespace weir
