// Whether a type can be kept as bytes, asked without instantiating what would not compile.
#pragma once

#include <weir/runtime/codec.hpp>

namespace weir::detail {

template <class T>
consteval bool is_encodable();

/// Of a class template's arguments; policies such as allocators hold nothing.
template <class T>
inline constexpr bool parts_encodable = true;
template <template <class...> class C, class... Parts>
inline constexpr bool parts_encodable<C<Parts...>> =
    ((std::is_empty_v<Parts> || is_encodable<Parts>()) && ...);
template <class T, std::size_t N>
inline constexpr bool parts_encodable<std::array<T, N>> = is_encodable<T>();

template <class T>
consteval bool is_encodable() {
  if constexpr (!requires(const T& value, std::string& out, std::string_view& in) {
                  codec<T>::encode(value, out);
                  codec<T>::decode(in);
                })
    return false;
  else if constexpr (std::is_aggregate_v<T> && std::is_class_v<T> && !is_array<T>)
    return []<std::size_t... I>(std::index_sequence<I...>) {
      return (is_encodable<boost::pfr::tuple_element_t<I, T>>() && ...);
    }(std::make_index_sequence<boost::pfr::tuple_size_v<T>>{});
  else
    return parts_encodable<T>;
}

/// `T` has a codec, and so have its parts.
template <class T>
concept encodable = is_encodable<T>();

} // namespace weir::detail
