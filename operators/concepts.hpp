// What operators ask of functions and records.
#pragma once

#include <concepts>
#include <functional>
#include <type_traits>
#include <utility>

namespace weir {

/// A function that an operator can call with a record. Copied once per replica, so it need not be
/// thread-safe; one that cannot be copied comes from `per_replica(factory)`.
template <class F, class... Args>
concept operator_function = std::copy_constructible<F> && std::is_invocable_v<F&, const Args&...>;

/// A record with a key and a value.
template <class T>
concept keyed = requires {
  typename T::first_type;
  typename T::second_type;
} && std::same_as<T, std::pair<typename T::first_type, typename T::second_type>>;

} // namespace weir
