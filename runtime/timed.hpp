// A record with the time at which it happened: what assign_timestamps makes of every record.
#pragma once

#include <weir/runtime/record_traits.hpp>
#include <weir/runtime/time.hpp>

#include <compare>
#include <type_traits>
#include <utility>

namespace weir {

/// A record and its event time. Steps such as `map` and `filter` see the value; the time stays with
/// it.
template <class T>
struct timed {
  event_time time{};
  T value{};

  friend auto operator<=>(const timed&, const timed&) = default;
};

template <class T>
inline constexpr bool is_timed = false;
template <class T>
inline constexpr bool is_timed<timed<T>> = true;

namespace detail {

template <class T>
struct without_time {
  using type = T;
  template <class U>
  using with = U;
};
template <class T>
struct without_time<timed<T>> {
  using type = T;
  template <class U>
  using with = timed<U>;
};

} // namespace detail

/// What functions of steps see of a record: the value of a timed one, any other as it is.
template <class T>
using untimed_t = typename detail::without_time<T>::type;

/// `U` with the event time that `T` has, if it has one.
template <class T, class U>
using as_timed_as = typename detail::without_time<T>::template with<U>;

/// The value of a timed record; any other record as it is.
template <class Record>
[[nodiscard]] decltype(auto) value_of(Record&& record) noexcept {
  if constexpr (is_timed<std::remove_cvref_t<Record>>)
    return (std::forward<Record>(record).value);
  else
    return std::forward<Record>(record);
}

/// `value` with the event time of `record`, if it has one.
template <class Record, class Value>
[[nodiscard]] decltype(auto) with_time_of(const Record& record, Value&& value) {
  if constexpr (is_timed<Record>)
    return timed<std::remove_cvref_t<Value>>{record.time, std::forward<Value>(value)};
  else
    return std::forward<Value>(value);
}

template <class T>
struct record_traits<timed<T>> {
  static constexpr bool self_contained = weir::self_contained<T>;
  static constexpr bool relocatable = weir::relocatable<T>;
  using owned = timed<owned_t<T>>;
  static owned to_owned(const timed<T>& record) {
    return {record.time, record_traits<T>::to_owned(record.value)};
  }
  static timed<T> relocate(const timed<T>& record, arena& to) {
    return {record.time, record_traits<T>::relocate(record.value, to)};
  }
  static std::size_t heap_bytes(const timed<T>& record) {
    return record_traits<T>::heap_bytes(record.value);
  }
};

} // namespace weir
