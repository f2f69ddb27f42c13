// What weir must know about a record's type: does it own its bytes, how to copy it, what it weighs.
#pragma once

#include <weir/runtime/arena.hpp>

#include <boost/pfr/core.hpp>

#include <array>
#include <chrono>
#include <concepts>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <variant>
#include <vector>

namespace weir {

/// Says how records of type `T` are kept. The primary template serves types that own all they refer
/// to and aggregates of such types; a class with constructors or private members that owns its
/// bytes opts in by `template <> struct weir::record_traits<my_class> :
/// weir::owning_record_traits<my_class> {};`.
///
/// - `self_contained`: no part of a value is a view into foreign bytes.
/// - `owned`: the twin that owns its bytes; `to_owned(value)` makes it.
/// - `relocate(value, arena)`: the same value with its viewed bytes copied into the arena; field by
///   field for plain aggregates.
/// - `heap_bytes(value)`: bytes it holds beyond `sizeof`.
template <class T>
struct record_traits;

/// Traits of a type that owns all it refers to, except that its heap bytes are not counted.
template <class T>
struct owning_record_traits {
  static constexpr bool self_contained = true;
  using owned = T;
  static const T& to_owned(const T& value) { return value; }
  static const T& relocate(const T& value, arena&) { return value; }
  static constexpr std::size_t heap_bytes(const T&) { return 0; }
};

namespace detail {

template <class T>
inline constexpr bool is_chrono = false;
template <class R, class P>
inline constexpr bool is_chrono<std::chrono::duration<R, P>> = true;
template <class C, class D>
inline constexpr bool is_chrono<std::chrono::time_point<C, D>> = true;

template <class T>
inline constexpr bool is_array = false;
template <class T, std::size_t N>
inline constexpr bool is_array<std::array<T, N>> = true;

/// A plain aggregate, whose fields Boost.PFR finds.
template <class T>
concept has_fields = std::is_aggregate_v<T> && std::is_class_v<T> && !is_array<T>;

template <class T>
consteval bool fields_self_contained();
template <class T>
consteval bool fields_relocatable();
template <class T>
T relocate_fields(const T& value, arena& to);
template <class T>
constexpr std::size_t heap_bytes_of_fields(const T& value);

} // namespace detail

/// No part of a `T` is a view into foreign bytes.
template <class T>
inline constexpr bool self_contained = record_traits<std::remove_cvref_t<T>>::self_contained;

/// Whether `record_traits<T>::relocate` may be used: it is known where the views in a `T` are, if
/// it has any.
template <class T>
inline constexpr bool relocatable = [] {
  using traits = record_traits<std::remove_cvref_t<T>>;
  if constexpr (requires { traits::relocatable; })
    return traits::relocatable;
  else
    return true; // specialised by the type's author
}();

/// The owning twin of `T`; `T` itself when it is self-contained.
template <class T>
using owned_t = typename record_traits<std::remove_cvref_t<T>>::owned;

template <class T>
struct record_traits {
  static constexpr bool self_contained = [] {
    if constexpr (std::is_arithmetic_v<T> || std::is_enum_v<T> || detail::is_chrono<T> ||
                  std::is_empty_v<T>)
      return true;
    else if constexpr (std::is_pointer_v<T> || !std::is_aggregate_v<T> || std::is_array_v<T>)
      return false; // unknown: treated as a view until its author opts in
    else
      return detail::fields_self_contained<T>();
  }();
  static constexpr bool relocatable = [] {
    if constexpr (!self_contained && detail::has_fields<T>)
      return detail::fields_relocatable<T>();
    else
      return self_contained;
  }();
  using owned = T;
  static const T& to_owned(const T& value) {
    static_assert(
        self_contained,
        "weir keeps this value beyond its batch, but the type is, holds or may hold a view "
        "(string_view, pointer, span): use an owning type such as std::string. A class with "
        "constructors or private members that owns its bytes says so by `template <> struct "
        "weir::record_traits<my_class> : weir::owning_record_traits<my_class> {};`");
    return value;
  }
  static decltype(auto) relocate(const T& value, arena& to) {
    if constexpr (!self_contained && detail::has_fields<T>)
      return detail::relocate_fields(value, to); // an aggregate with views
    else
      return to_owned(value);
  }
  static constexpr std::size_t heap_bytes(const T& value) {
    if constexpr (detail::has_fields<T> && !std::is_trivially_copyable_v<T>)
      return detail::heap_bytes_of_fields(value);
    else
      return 0;
  }
};

template <>
struct record_traits<std::string> : owning_record_traits<std::string> {
  static std::size_t heap_bytes(const std::string& s) {
    return s.capacity() > 15 ? s.capacity() + 1 : 0;
  }
};

template <>
struct record_traits<std::string_view> {
  static constexpr bool self_contained = false;
  using owned = std::string;
  static std::string to_owned(std::string_view s) { return std::string(s); }
  static std::string_view relocate(std::string_view s, arena& to) { return to.copy(s); }
  static constexpr std::size_t heap_bytes(std::string_view) { return 0; }
};

template <class A, class B>
struct record_traits<std::pair<A, B>> {
  static constexpr bool self_contained = weir::self_contained<A> && weir::self_contained<B>;
  static constexpr bool relocatable = weir::relocatable<A> && weir::relocatable<B>;
  using owned = std::pair<owned_t<A>, owned_t<B>>;
  static owned to_owned(const std::pair<A, B>& p) {
    return {record_traits<A>::to_owned(p.first), record_traits<B>::to_owned(p.second)};
  }
  static std::pair<A, B> relocate(const std::pair<A, B>& p, arena& to) {
    return {record_traits<A>::relocate(p.first, to), record_traits<B>::relocate(p.second, to)};
  }
  static std::size_t heap_bytes(const std::pair<A, B>& p) {
    return record_traits<A>::heap_bytes(p.first) + record_traits<B>::heap_bytes(p.second);
  }
};

template <class... Ts>
struct record_traits<std::tuple<Ts...>> {
  static constexpr bool self_contained = (weir::self_contained<Ts> && ...);
  static constexpr bool relocatable = (weir::relocatable<Ts> && ...);
  using owned = std::tuple<owned_t<Ts>...>;
  static owned to_owned(const std::tuple<Ts...>& t) {
    return std::apply([](const auto&... v) { return owned(record_traits<Ts>::to_owned(v)...); }, t);
  }
  static std::tuple<Ts...> relocate(const std::tuple<Ts...>& t, arena& to) {
    return std::apply(
        [&](const auto&... v) { return std::tuple<Ts...>(record_traits<Ts>::relocate(v, to)...); },
        t);
  }
  static std::size_t heap_bytes(const std::tuple<Ts...>& t) {
    return std::apply(
        [](const auto&... v) { return (std::size_t{0} + ... + record_traits<Ts>::heap_bytes(v)); },
        t);
  }
};

template <class T>
struct record_traits<std::optional<T>> {
  static constexpr bool self_contained = weir::self_contained<T>;
  static constexpr bool relocatable = weir::relocatable<T>;
  using owned = std::optional<owned_t<T>>;
  static owned to_owned(const std::optional<T>& o) {
    return o ? owned(record_traits<T>::to_owned(*o)) : owned();
  }
  static std::optional<T> relocate(const std::optional<T>& o, arena& to) {
    return o ? std::optional<T>(record_traits<T>::relocate(*o, to)) : std::nullopt;
  }
  static std::size_t heap_bytes(const std::optional<T>& o) {
    return o ? record_traits<T>::heap_bytes(*o) : 0;
  }
};

namespace detail {

/// Traits of a container: it owns its elements; whether those own theirs is up to them.
template <class Container, class Element>
struct container_record_traits {
  static constexpr bool self_contained = weir::self_contained<Element>;
  static constexpr bool relocatable = self_contained;
  using owned = Container;
  static const Container& to_owned(const Container& c) {
    static_assert(self_contained,
                  "weir keeps this container beyond its batch, but its elements are or hold views");
    return c;
  }
  static const Container& relocate(const Container& c, arena&) { return to_owned(c); }
  static std::size_t heap_bytes(const Container& c) {
    std::size_t bytes = c.size() * sizeof(Element);
    for (const auto& element : c)
      bytes += record_traits<std::remove_cvref_t<decltype(element)>>::heap_bytes(element);
    return bytes;
  }
};

template <class T>
consteval bool fields_self_contained() {
  return []<std::size_t... I>(std::index_sequence<I...>) {
    return (self_contained<boost::pfr::tuple_element_t<I, T>> && ...);
  }(std::make_index_sequence<boost::pfr::tuple_size_v<T>>{});
}

template <class T>
consteval bool fields_relocatable() {
  return []<std::size_t... I>(std::index_sequence<I...>) {
    return (relocatable<boost::pfr::tuple_element_t<I, T>> && ...);
  }(std::make_index_sequence<boost::pfr::tuple_size_v<T>>{});
}

template <class T>
T relocate_fields(const T& value, arena& to) {
  return [&]<std::size_t... I>(std::index_sequence<I...>) {
    return T{record_traits<boost::pfr::tuple_element_t<I, T>>::relocate(boost::pfr::get<I>(value),
                                                                        to)...};
  }(std::make_index_sequence<boost::pfr::tuple_size_v<T>>{});
}

template <class T>
constexpr std::size_t heap_bytes_of_fields(const T& value) {
  std::size_t bytes = 0;
  boost::pfr::for_each_field(value, [&](const auto& field) {
    bytes += record_traits<std::remove_cvref_t<decltype(field)>>::heap_bytes(field);
  });
  return bytes;
}

} // namespace detail

template <class T>
struct record_traits<std::vector<T>> : detail::container_record_traits<std::vector<T>, T> {};
template <class T, std::size_t N>
struct record_traits<std::array<T, N>> : detail::container_record_traits<std::array<T, N>, T> {};
template <class T>
struct record_traits<std::set<T>> : detail::container_record_traits<std::set<T>, T> {};
template <class K, class V>
struct record_traits<std::map<K, V>>
    : detail::container_record_traits<std::map<K, V>, std::pair<const K, V>> {};
template <class T>
struct record_traits<std::unordered_set<T>>
    : detail::container_record_traits<std::unordered_set<T>, T> {};
template <class K, class V>
struct record_traits<std::unordered_map<K, V>>
    : detail::container_record_traits<std::unordered_map<K, V>, std::pair<const K, V>> {};
template <class A, class B>
struct record_traits<std::pair<const A, B>> : record_traits<std::pair<A, B>> {};

template <class... Ts>
struct record_traits<std::variant<Ts...>> : owning_record_traits<std::variant<Ts...>> {
  static constexpr bool self_contained = (weir::self_contained<Ts> && ...);
  static constexpr bool relocatable = self_contained;
};

/// Bytes that one record adds to the charge of its block.
template <class T>
[[nodiscard]] constexpr std::size_t charge_of(const T& value) {
  return sizeof(T) + record_traits<T>::heap_bytes(value);
}

/// A record that knows the offset it was read from.
template <class T>
concept has_origin = requires(const T& record) {
  { record.offset } -> std::convertible_to<std::int64_t>;
  { record.partition } -> std::convertible_to<std::int32_t>;
};

} // namespace weir
