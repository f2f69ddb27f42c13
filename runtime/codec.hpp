// Values as bytes: what keys are hashed by and what crosses a process boundary.
#pragma once

#include <weir/runtime/expected.hpp>
#include <weir/runtime/record_traits.hpp>

#include <algorithm>
#include <bit>
#include <concepts>
#include <cstring>
#include <limits>
#include <string>
#include <unordered_map>
#include <unordered_set>

namespace weir {

/// Turns a `T` into bytes and back. The encoding is fixed (docs/formats/codec.md): it decides where
/// keys live and what checkpoints hold. Equal values have equal bytes, and so have all NaNs.
/// Specialise it for your own classes with the two functions below, and keep that rule.
///
/// - `void encode(const T& value, std::string& out)` appends.
/// - `expected<T> decode(std::string_view& in)` takes from the front; errc::decode when bytes are
/// missing or wrong.
template <class T>
struct codec;

/// The bytes of one value.
template <class T>
[[nodiscard]] std::string encoded(const T& value) {
  std::string out;
  codec<T>::encode(value, out);
  return out;
}

/// The value of all of `bytes`. @returns errc::decode, also when bytes are left over.
template <class T>
expected<T> decoded(std::string_view bytes) {
  auto value = codec<T>::decode(bytes);
  if (value && !bytes.empty())
    return error(errc::decode,
                 std::to_string(bytes.size()) + " bytes are left over behind the value");
  return value;
}

namespace detail {

inline error cut_short(std::size_t wanted, std::size_t left) {
  return error(errc::decode, "the value needs " + std::to_string(wanted) + " bytes, but " +
                                 std::to_string(left) + " are left");
}

/// `long double` has bits that no value fills.
template <class T>
concept encoded_as_bits =
    (std::is_arithmetic_v<T> && !std::is_same_v<T, long double>) || std::is_enum_v<T>;

/// How deep values may be nested in containers: damaged bytes of a recursive type must not exhaust
/// the stack.
inline constexpr int max_depth = 64;

/// One level of nesting while it lives.
class nesting {
public:
  nesting() noexcept { ++depth; }
  ~nesting() { --depth; }
  nesting(const nesting&) = delete;
  nesting& operator=(const nesting&) = delete;

  [[nodiscard]] static expected<void> check() {
    if (depth > max_depth)
      return error(errc::decode,
                   "the value is nested more than " + std::to_string(max_depth) + " levels deep");
    return {};
  }

private:
  static inline thread_local int depth = 0;
};

/// Decodes the parts of a product in order; stops at the first error.
template <class... Parts, class Make>
auto decode_parts(std::string_view& in, Make make)
    -> expected<std::invoke_result_t<Make, Parts...>> {
  std::optional<error> failed;
  [[maybe_unused]] const auto part = [&]<class P>(std::type_identity<P>) -> std::optional<P> {
    if (failed)
      return std::nullopt;
    auto value = codec<P>::decode(in);
    if (!value) {
      failed = std::move(value).error();
      return std::nullopt;
    }
    return std::move(*value);
  };
  std::tuple<std::optional<Parts>...> parts{
      part(std::type_identity<Parts>{})...}; // braces: left to right
  if (failed)
    return std::move(*failed);
  return std::apply([&](auto&&... p) { return make(std::move(*p)...); }, std::move(parts));
}

/// The value of which a number's bits are taken: 0.0 for -0.0, which it equals, and one NaN for
/// all.
template <std::floating_point T>
[[nodiscard]] constexpr T canonical_number(T value) noexcept {
  if (value != value)
    return std::numeric_limits<T>::quiet_NaN();
  return value == T{} ? T{} : value;
}

} // namespace detail

/// Numbers and enumerations: their bits, least significant byte first; -0.0 as 0.0, NaNs as one.
template <detail::encoded_as_bits T>
struct codec<T> {
  static_assert(std::endian::native == std::endian::little, "the codec copies little-endian bits");
  static void encode(const T& value, std::string& out) {
    T canonical = value;
    if constexpr (std::is_floating_point_v<T>)
      canonical = detail::canonical_number(value);
    char bits[sizeof(T)];
    std::memcpy(bits, &canonical, sizeof(T));
    out.append(bits, sizeof(T));
  }
  static expected<T> decode(std::string_view& in) {
    if (in.size() < sizeof(T))
      return detail::cut_short(sizeof(T), in.size());
    if constexpr (std::is_same_v<T, bool>)
      if (static_cast<unsigned char>(in.front()) > 1)
        return error(errc::decode, "a truth value must be the byte 0 or 1, but is " +
                                       std::to_string(static_cast<unsigned char>(in.front())));
    T value;
    std::memcpy(&value, in.data(), sizeof(T));
    in.remove_prefix(sizeof(T));
    return value;
  }
};

namespace detail {

inline void encode_size(std::size_t size, std::string& out) {
  codec<std::uint32_t>::encode(static_cast<std::uint32_t>(size), out);
}

/// Number of elements as 32 bits, then each in the order of iteration.
template <class Element, class Container>
void encode_elements(const Container& values, std::string& out) {
  encode_size(values.size(), out);
  for (const auto& element : values)
    codec<Element>::encode(element, out);
}

/// The same in the order of the elements' bytes: a container without an order has one encoding.
template <class Element, class Container>
void encode_unordered(const Container& values, std::string& out) {
  std::vector<std::string> each;
  each.reserve(values.size());
  for (const auto& element : values)
    codec<Element>::encode(element, each.emplace_back());
  std::sort(each.begin(), each.end());
  encode_size(each.size(), out);
  for (const auto& element : each)
    out += element;
}

/// Gives `take` each decoded element; it returns whether it wanted it. Allocates nothing by the
/// declared number: an element has at least one byte, so what is left bounds them.
template <class Element, class Take>
expected<void> decode_elements(std::string_view& in, Take take) {
  static_assert(!std::is_empty_v<Element>, "elements without a byte cannot be counted safely");
  const auto size = codec<std::uint32_t>::decode(in);
  if (!size)
    return size.error();
  const nesting level;
  if (auto shallow = nesting::check(); !shallow)
    return shallow;
  for (std::uint32_t i = 0; i < *size; ++i) {
    const auto before = in.size();
    if (before == 0)
      return cut_short(1, 0);
    auto element = codec<Element>::decode(in);
    if (!element)
      return std::move(element).error();
    if (in.size() == before)
      return error(errc::decode, "an element of a container has no byte");
    if (!take(std::move(*element)))
      return error(errc::decode, "a key or element that must be unique is there twice");
  }
  return {};
}

/// Containers that grow by insertion and refuse what they have.
template <class Container, class Element>
expected<Container> decode_unique(std::string_view& in) {
  Container values;
  auto done = decode_elements<Element>(
      in, [&](Element&& element) { return values.insert(std::move(element)).second; });
  if (!done)
    return std::move(done).error();
  return values;
}

} // namespace detail

/// Strings and views: length as 32 bits, then the bytes. Both encode alike.
template <>
struct codec<std::string_view> {
  static void encode(std::string_view value, std::string& out) {
    detail::encode_size(value.size(), out);
    out.append(value);
  }
};

template <>
struct codec<std::string> {
  static void encode(const std::string& value, std::string& out) {
    codec<std::string_view>::encode(value, out);
  }
  static expected<std::string> decode(std::string_view& in) {
    const auto size = codec<std::uint32_t>::decode(in);
    if (!size)
      return size.error();
    if (in.size() < *size)
      return detail::cut_short(*size, in.size());
    std::string value(in.substr(0, *size));
    in.remove_prefix(*size);
    return value;
  }
};

/// Durations and times: their count.
template <class T>
  requires detail::is_chrono<T>
struct codec<T> {
  static void encode(const T& value, std::string& out) {
    if constexpr (requires { value.time_since_epoch(); })
      codec<typename T::rep>::encode(value.time_since_epoch().count(), out);
    else
      codec<typename T::rep>::encode(value.count(), out);
  }
  static expected<T> decode(std::string_view& in) {
    const auto count = codec<typename T::rep>::decode(in);
    if (!count)
      return count.error();
    if constexpr (requires(T t) { t.time_since_epoch(); })
      return T(typename T::duration(*count));
    else
      return T(*count);
  }
};

template <class A, class B>
struct codec<std::pair<A, B>> {
  static void encode(const std::pair<A, B>& value, std::string& out) {
    codec<A>::encode(value.first, out);
    codec<B>::encode(value.second, out);
  }
  static expected<std::pair<A, B>> decode(std::string_view& in) {
    return detail::decode_parts<A, B>(
        in, [](A a, B b) { return std::pair<A, B>(std::move(a), std::move(b)); });
  }
};

/// An entry of a map.
template <class A, class B>
struct codec<std::pair<const A, B>> {
  static void encode(const std::pair<const A, B>& value, std::string& out) {
    codec<A>::encode(value.first, out);
    codec<B>::encode(value.second, out);
  }
};

template <class... Ts>
struct codec<std::tuple<Ts...>> {
  static void encode(const std::tuple<Ts...>& value, std::string& out) {
    std::apply([&](const Ts&... part) { (codec<Ts>::encode(part, out), ...); }, value);
  }
  static expected<std::tuple<Ts...>> decode(std::string_view& in) {
    return detail::decode_parts<Ts...>(
        in, [](Ts... part) { return std::tuple<Ts...>(std::move(part)...); });
  }
};

/// One byte, 1 if there is a value, then the value.
template <class T>
struct codec<std::optional<T>> {
  static void encode(const std::optional<T>& value, std::string& out) {
    codec<bool>::encode(value.has_value(), out);
    if (value)
      codec<T>::encode(*value, out);
  }
  static expected<std::optional<T>> decode(std::string_view& in) {
    const auto present = codec<std::uint8_t>::decode(in);
    if (!present)
      return present.error();
    if (*present > 1)
      return error(errc::decode, "the byte before an optional value must be 0 or 1, but is " +
                                     std::to_string(*present));
    if (*present == 0)
      return std::optional<T>();
    const detail::nesting level;
    if (auto shallow = detail::nesting::check(); !shallow)
      return std::move(shallow).error();
    auto value = codec<T>::decode(in);
    if (!value)
      return std::move(value).error();
    return std::optional<T>(std::move(*value));
  }
};

/// Sequences: number of elements as 32 bits, then each.
template <class T>
struct codec<std::vector<T>> {
  static void encode(const std::vector<T>& value, std::string& out) {
    detail::encode_elements<T>(value, out);
  }
  static expected<std::vector<T>> decode(std::string_view& in) {
    std::vector<T> values;
    auto done = detail::decode_elements<T>(in, [&](T&& element) {
      values.push_back(std::move(element));
      return true;
    });
    if (!done)
      return std::move(done).error();
    return values;
  }
};

/// A fixed number of elements: each, nothing before them.
template <class T, std::size_t N>
struct codec<std::array<T, N>> {
  static void encode(const std::array<T, N>& value, std::string& out) {
    for (const auto& element : value)
      codec<T>::encode(element, out);
  }
  static expected<std::array<T, N>> decode(std::string_view& in) {
    return []<std::size_t... I>(std::index_sequence<I...>, std::string_view& from) {
      return detail::decode_parts<std::enable_if_t<(I < N), T>...>(
          from, [](std::enable_if_t<(I < N), T>... element) {
            return std::array<T, N>{std::move(element)...};
          });
    }(std::make_index_sequence<N>{}, in);
  }
};

/// Ordered sets and maps: as a sequence of elements, or of pairs, in their order.
template <class T, class Less>
struct codec<std::set<T, Less>> {
  static void encode(const std::set<T, Less>& value, std::string& out) {
    detail::encode_elements<T>(value, out);
  }
  static expected<std::set<T, Less>> decode(std::string_view& in) {
    return detail::decode_unique<std::set<T, Less>, T>(in);
  }
};

template <class K, class V, class Less>
struct codec<std::map<K, V, Less>> {
  static void encode(const std::map<K, V, Less>& value, std::string& out) {
    detail::encode_elements<std::pair<const K, V>>(value, out);
  }
  static expected<std::map<K, V, Less>> decode(std::string_view& in) {
    return detail::decode_unique<std::map<K, V, Less>, std::pair<K, V>>(in);
  }
};

/// Unordered sets and maps: the same in the order of their elements' bytes.
template <class T, class Hash, class Equal>
struct codec<std::unordered_set<T, Hash, Equal>> {
  using value_type = std::unordered_set<T, Hash, Equal>;
  static void encode(const value_type& value, std::string& out) {
    detail::encode_unordered<T>(value, out);
  }
  static expected<value_type> decode(std::string_view& in) {
    return detail::decode_unique<value_type, T>(in);
  }
};

template <class K, class V, class Hash, class Equal>
struct codec<std::unordered_map<K, V, Hash, Equal>> {
  using value_type = std::unordered_map<K, V, Hash, Equal>;
  static void encode(const value_type& value, std::string& out) {
    detail::encode_unordered<std::pair<const K, V>>(value, out);
  }
  static expected<value_type> decode(std::string_view& in) {
    return detail::decode_unique<value_type, std::pair<K, V>>(in);
  }
};

/// One byte, the index of the alternative, then its value.
template <class... Ts>
struct codec<std::variant<Ts...>> {
  static_assert(sizeof...(Ts) < 255, "the index of an alternative is one byte");
  static void encode(const std::variant<Ts...>& value, std::string& out) {
    codec<std::uint8_t>::encode(static_cast<std::uint8_t>(value.index()), out);
    std::visit([&]<class T>(const T& held) { codec<T>::encode(held, out); }, value);
  }
  static expected<std::variant<Ts...>> decode(std::string_view& in) {
    const auto index = codec<std::uint8_t>::decode(in);
    if (!index)
      return index.error();
    const detail::nesting level;
    if (auto shallow = detail::nesting::check(); !shallow)
      return std::move(shallow).error();
    return alternative<0>(*index, in);
  }

private:
  template <std::size_t I>
  static expected<std::variant<Ts...>> alternative(std::size_t index, std::string_view& in) {
    if constexpr (I == sizeof...(Ts)) {
      return error(errc::decode, "a variant of " + std::to_string(I) +
                                     " alternatives has none of index " + std::to_string(index));
    } else {
      if (index != I)
        return alternative<I + 1>(index, in);
      auto held = codec<std::variant_alternative_t<I, std::variant<Ts...>>>::decode(in);
      if (!held)
        return std::move(held).error();
      return std::variant<Ts...>(std::in_place_index<I>, std::move(*held));
    }
  }
};

/// Plain aggregates: their fields in order.
template <class T>
  requires(std::is_aggregate_v<T> && std::is_class_v<T> && !detail::is_array<T>)
struct codec<T> {
  static void encode(const T& value, std::string& out) {
    boost::pfr::for_each_field(value, [&](const auto& field) {
      codec<std::remove_cvref_t<decltype(field)>>::encode(field, out);
    });
  }
  static expected<T> decode(std::string_view& in) {
    return []<std::size_t... I>(std::index_sequence<I...>, std::string_view& from) {
      return detail::decode_parts<boost::pfr::tuple_element_t<I, T>...>(
          from, [](boost::pfr::tuple_element_t<I, T>... field) { return T{std::move(field)...}; });
    }(std::make_index_sequence<boost::pfr::tuple_size_v<T>>{}, in);
  }
};

} // namespace weir
