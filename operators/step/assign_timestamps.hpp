// Gives each record its event time, and notes how far each partition has come.
#pragma once

#include <weir/operators/step/step.hpp>
#include <weir/runtime/batch.hpp>
#include <weir/runtime/watermark.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <ratio>
#include <span>
#include <stdexcept>
#include <string_view>
#include <type_traits>
#include <vector>

namespace weir::step {

namespace detail {

/// A point of the system's clock, in any unit, or nothing.
template <class Clock, class Unit>
[[nodiscard]] event_time checked_event_time(std::chrono::time_point<Clock, Unit> time,
                                            event_time latest) {
  static_assert(std::is_same_v<Clock, std::chrono::system_clock>,
                "an event time counts from the Unix epoch: give a time_point of "
                "std::chrono::system_clock, e.g. weir::event_time");
  using number = std::conditional_t<std::chrono::treat_as_floating_point_v<typename Unit::rep>,
                                    double, std::int64_t>;
  using compared = std::chrono::duration<number, typename Unit::period>;
  // In its own unit where that is the coarser one: what is too late may not fit into milliseconds.
  const bool too_late = [&] {
    if constexpr (std::is_same_v<number, double> ||
                  std::ratio_greater_v<typename Unit::period, std::milli>)
      return !(time <= std::chrono::time_point_cast<compared>(latest)); // NaN too
    else
      return std::chrono::floor<std::chrono::milliseconds>(time) > latest;
  }();
  const bool too_early = time < std::chrono::time_point<Clock, Unit>{};
  if (too_early || too_late) [[unlikely]]
    throw std::out_of_range(
        too_early ? "the event time is before 1970"
                  : "the event time is further ahead of the batch time than max_skew");
  return std::chrono::floor<std::chrono::milliseconds>(time);
}
template <class Time>
[[nodiscard]] event_time checked_event_time(const std::optional<Time>& time, event_time latest) {
  if (!time) [[unlikely]]
    throw std::invalid_argument("the record has no event time");
  return checked_event_time(*time, latest);
}

} // namespace detail

/// Passes on `timed<T>{extract(record), record}`. `extract` gives a time_point of the system's
/// clock or an optional one; a record without a valid time is one for which `extract` throws.
template <class Function>
class assign_timestamps {
public:
  static constexpr std::string_view kind = "assign_timestamps";
  template <class In>
  using output = timed<In>;

  assign_timestamps(Function extract, duration max_skew)
      : extract_(std::move(extract)), max_skew_(max_skew) {}

  void begin(const batch& whole) {
    seen_.clear();
    const bool bounded = max_skew_ < wall_time::max() - whole.time;
    latest_allowed_ = std::chrono::floor<std::chrono::milliseconds>(bounded ? whole.time + max_skew_
                                                                            : wall_time::max());
  }

  void enter(partition_id partition) {
    const auto known = std::find_if(seen_.begin(), seen_.end(), [&](const partition_event_time& p) {
      return p.partition == partition;
    });
    current_ = static_cast<std::size_t>(known - seen_.begin());
    if (known == seen_.end())
      seen_.push_back({partition, event_time::min()});
  }

  template <class Record, class Next>
  void on_record(Record&& record, Next&& next) {
    guarded(
        std::forward<Record>(record),
        [&] {
          return detail::checked_event_time(std::invoke(extract_, std::as_const(record)),
                                            latest_allowed_);
        },
        next,
        [&](event_time time) {
          auto& latest = seen_[current_].latest;
          latest = std::max(latest, time);
          next.on_record(timed<std::remove_cvref_t<Record>>{time, std::forward<Record>(record)});
        });
  }

  /// Of this batch.
  [[nodiscard]] std::span<const partition_event_time> event_times() const noexcept { return seen_; }

private:
  [[no_unique_address]] Function extract_;
  duration max_skew_;
  event_time latest_allowed_ = event_time::max();
  std::vector<partition_event_time> seen_; ///< In order of appearance: few per replica.
  std::size_t current_ = 0;
};

} // namespace weir::step
