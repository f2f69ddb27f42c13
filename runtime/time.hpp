// Points in time: of a batch, of a record, and of the machine.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace weir {

/// Length of time. All of weir counts in nanoseconds and shows milliseconds.
using duration = std::chrono::nanoseconds;

/// Wall-clock time since the Unix epoch, UTC. For people, batch times and records; never for
/// measuring.
using wall_time = std::chrono::time_point<std::chrono::system_clock, duration>;

/// Monotonic time since an arbitrary start. For measuring; jumps of the wall clock do not move it.
using steady_time = std::chrono::time_point<std::chrono::steady_clock, duration>;

/// The END of the interval that a batch covers: a multiple of the batch interval since the Unix
/// epoch.
using batch_time = wall_time;

/// Time inside a record, ms since the Unix epoch, UTC.
using event_time = std::chrono::time_point<std::chrono::system_clock, std::chrono::milliseconds>;

/// Longer than any two event times are apart. Spans without a bound are cut to it, so that sums of
/// them and of event times hold.
inline constexpr std::chrono::milliseconds beyond_all_time = std::chrono::years(1000);

/// The same time; the first or last that a wall_time holds, in 1677 and 2262, when it is beyond.
[[nodiscard]] constexpr wall_time to_wall_time(event_time t) noexcept {
  if (t <= std::chrono::floor<std::chrono::milliseconds>(wall_time::min()))
    return wall_time::min();
  return t > std::chrono::floor<std::chrono::milliseconds>(wall_time::max()) ? wall_time::max()
                                                                             : wall_time(t);
}

/// No record at or before it is expected any more. `event_time::min()` means that nothing is known
/// yet.
using watermark = event_time;

/// `now + wait`, or the latest time there is where that would not fit: waiting for
/// `duration::max()` is waiting without end.
template <class Clock, class Unit, class Count, class Period>
[[nodiscard]] constexpr std::chrono::time_point<Clock, Unit>
deadline_after(std::chrono::time_point<Clock, Unit> now,
               std::chrono::duration<Count, Period> wait) noexcept {
  using point = std::chrono::time_point<Clock, Unit>;
  using wait_unit = std::chrono::duration<Count, Period>;
  const auto left = point::max() - std::max(now, point());
  return wait > std::chrono::floor<wait_unit>(left) ? point::max() : now + wait;
}

/// Milliseconds since the Unix epoch, the form in which batch times are printed.
[[nodiscard]] inline std::int64_t milliseconds_of(wall_time t) noexcept {
  return std::chrono::floor<std::chrono::milliseconds>(t.time_since_epoch()).count();
}

/// A duration in seconds, for rates and for printing.
[[nodiscard]] constexpr double seconds_of(duration d) noexcept {
  return std::chrono::duration<double>(d).count();
}

} // namespace weir
