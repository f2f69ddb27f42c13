// Values as bytes: what keys are hashed by and what crosses a process boundary.
#pragma once

#include <weir/runtime/expected.hpp>
#include <weir/runtime/record_traits.hpp>

#include <bit>
#include <concepts>
#include <cstring>
#include <string>

namespace weir {

/// Turns a `T` into bytes and back. The encoding is fixed (docs/formats/codec.md): it decides where
/// keys live and what checkpoints hold. Specialise it for your own classes with the two functions
/// below.
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

template <class T>
concept encoded_as_bits = std::is_arithmetic_v<T> || std::is_enum_v<T>;

/// Decodes the parts of a product in order; stops at the first error.
template <class... Parts, class Make>
auto decode_parts(std::string_view& in, Make make)
    -> expected<std::invoke_result_t<Make, Parts...>> {
  std::optional<error> failed;
  const auto part = [&]<class P>(std::type_identity<P>) -> std::optional<P> {
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

} // namespace detail

/// Numbers and enumerations: their bits, least significant byte first.
template <detail::encoded_as_bits T>
struct codec<T> {
  static_assert(std::endian::native == std::endian::little, "the codec copies little-endian bits");
  static void encode(const T& value, std::string& out) {
    char bits[sizeof(T)];
    std::memcpy(bits, &value, sizeof(T));
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
    auto value = codec<T>::decode(in);
    if (!value)
      return std::move(value).error();
    return std::optional<T>(std::move(*value));
  }
};

/// Sequences: number of elements as 32 bits, then each. Decoding allocates by what is left, never
/// by the number.
template <class T>
struct codec<std::vector<T>> {
  static void encode(const std::vector<T>& value, std::string& out) {
    detail::encode_size(value.size(), out);
    for (const auto& element : value)
      codec<T>::encode(element, out);
  }
  static expected<std::vector<T>> decode(std::string_view& in) {
    const auto size = codec<std::uint32_t>::decode(in);
    if (!size)
      return size.error();
    std::vector<T> value;
    for (std::uint32_t i = 0; i < *size; ++i) {
      if (in.empty())
        return detail::cut_short(1, 0);
      auto element = codec<T>::decode(in);
      if (!element)
        return std::move(element).error();
      value.push_back(std::move(*element));
    }
    return value;
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
