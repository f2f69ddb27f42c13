// Windows of event time: their borders, and the form of their results. Next: windowed_stream.hpp,
// what can be done in them.
#pragma once

#include <weir/runtime/timed.hpp>

#include <chrono>
#include <compare>
#include <cstdint>
#include <utility>

namespace weir {

/// Event times `[start, end)`.
struct time_window {
  event_time start{};
  event_time end{};

  friend auto operator<=>(const time_window&, const time_window&) = default;
};

/// The result of one window and key.
template <class Key, class Value>
struct windowed {
  time_window window;
  Key key;
  Value value;

  friend auto operator<=>(const windowed&, const windowed&) = default;
};

/// The result of one window over all records.
template <class Value>
struct windowed<void, Value> {
  time_window window;
  Value value;

  friend auto operator<=>(const windowed&, const windowed&) = default;
};

template <class Key, class Value>
struct record_traits<windowed<Key, Value>> {
  static constexpr bool self_contained = weir::self_contained<Key> && weir::self_contained<Value>;
  static constexpr bool relocatable = weir::relocatable<Key> && weir::relocatable<Value>;
  using owned = windowed<owned_t<Key>, owned_t<Value>>;
  static owned to_owned(const windowed<Key, Value>& r) {
    return {r.window, record_traits<Key>::to_owned(r.key), record_traits<Value>::to_owned(r.value)};
  }
  static windowed<Key, Value> relocate(const windowed<Key, Value>& r, arena& to) {
    return {r.window, record_traits<Key>::relocate(r.key, to),
            record_traits<Value>::relocate(r.value, to)};
  }
  static std::size_t heap_bytes(const windowed<Key, Value>& r) {
    return record_traits<Key>::heap_bytes(r.key) + record_traits<Value>::heap_bytes(r.value);
  }
};

template <class Value>
struct record_traits<windowed<void, Value>> {
  static constexpr bool self_contained = weir::self_contained<Value>;
  static constexpr bool relocatable = weir::relocatable<Value>;
  using owned = windowed<void, owned_t<Value>>;
  static owned to_owned(const windowed<void, Value>& r) {
    return {r.window, record_traits<Value>::to_owned(r.value)};
  }
  static windowed<void, Value> relocate(const windowed<void, Value>& r, arena& to) {
    return {r.window, record_traits<Value>::relocate(r.value, to)};
  }
  static std::size_t heap_bytes(const windowed<void, Value>& r) {
    return record_traits<Value>::heap_bytes(r.value);
  }
};

namespace detail {

template <class T>
inline constexpr bool is_windowed = false;
template <class Key, class Value>
inline constexpr bool is_windowed<windowed<Key, Value>> = true;

/// The result at the last instant of its window.
template <class Key, class Value>
[[nodiscard]] auto at_end_of_window(const windowed<Key, Value>& result) {
  const auto last = result.window.end - std::chrono::milliseconds(1);
  if constexpr (std::is_void_v<Key>)
    return timed<Value>{last, result.value};
  else
    return timed<std::pair<Key, Value>>{last, {result.key, result.value}};
}

/// Stands for the key of results over all records.
enum class unkeyed : std::uint8_t { all };

/// The key and the value of what is aggregated: those of a pair by key, else one key and the
/// record.
template <bool ByKey, class Record>
struct parts_of;
template <class Record>
struct parts_of<true, Record> {
  using key = owned_t<typename Record::first_type>;
  using value = typename Record::second_type;
  static const auto& key_of(const Record& record) noexcept { return record.first; }
  static const value& value_of(const Record& record) noexcept { return record.second; }
};
template <class Record>
struct parts_of<false, Record> {
  using key = unkeyed;
  using value = Record;
  static unkeyed key_of(const Record&) noexcept { return unkeyed::all; }
  static const value& value_of(const Record& record) noexcept { return record; }
};

/// What leaves an aggregation in windows that have an end.
struct windowed_results {
  template <class Key, class Value>
  using result = windowed<std::conditional_t<std::is_same_v<Key, unkeyed>, void, Key>, Value>;
  template <class Key, class Value>
  [[nodiscard]] static result<Key, Value> make_result(const time_window& window, const Key& key,
                                                      Value value) {
    if constexpr (std::is_same_v<Key, unkeyed>)
      return {window, std::move(value)};
    else
      return {window, key, std::move(value)};
  }
};

/// Windows of `size` that begin at every multiple of `slide`, moved by `offset`, since 1970, UTC.
/// `0 < slide <= size`, `|offset| < slide`.
class sliding_windows : public windowed_results {
public:
  sliding_windows(std::chrono::milliseconds size, std::chrono::milliseconds slide,
                  std::chrono::milliseconds offset)
      : size_(size), slide_(slide), offset_(offset) {}

  /// Calls `use(start)` for every window that holds `time`, the latest first.
  template <class Use>
  void each(event_time time, Use&& use) {
    if (time < last_ || time - last_ >= slide_) [[unlikely]]
      last_ = last_start(time);
    for (auto start = last_; time - start < size_; start -= slide_)
      use(start);
  }

  [[nodiscard]] event_time end_of(event_time start) const noexcept { return start + size_; }

private:
  [[nodiscard]] event_time last_start(event_time time) const noexcept {
    const auto since = (time - offset_).time_since_epoch() % slide_; // negative before 1970
    return time - (since.count() < 0 ? since + slide_ : since);
  }

  std::chrono::milliseconds size_;
  std::chrono::milliseconds slide_;
  std::chrono::milliseconds offset_;
  event_time last_ = event_time::max(); ///< Start of the last window of the record before.
};

/// What happened at `time` lasts until `gap` later; what touches is one session. gap > 0.
class sessions : public windowed_results {
public:
  explicit sessions(std::chrono::milliseconds gap) : gap_(gap) {}

  /// As the other windows, for a record alone.
  template <class Use>
  void each(event_time time, Use&& use) const {
    use(time);
  }
  [[nodiscard]] event_time end_of(event_time start) const noexcept { return start + gap_; }

private:
  std::chrono::milliseconds gap_;
};

/// All of time as one window: what a running aggregation is over. Its results carry no window.
class all_time {
public:
  template <class Use>
  void each(event_time, Use&& use) {
    use(event_time::min());
  }
  [[nodiscard]] static event_time end_of(event_time) noexcept { return event_time::max(); }

  template <class Key, class Value>
  using result = std::conditional_t<std::is_same_v<Key, unkeyed>, Value, std::pair<Key, Value>>;
  template <class Key, class Value>
  [[nodiscard]] static result<Key, Value> make_result(const time_window&, const Key& key,
                                                      Value value) {
    if constexpr (std::is_same_v<Key, unkeyed>)
      return value;
    else
      return {key, std::move(value)};
  }
};

} // namespace detail
} // namespace weir
