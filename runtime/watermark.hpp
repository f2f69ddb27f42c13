// How far event time has come: what an assigner is told, and what its replicas report of a batch.
// Next: internal/watermark_tracker.hpp, which turns the reports into watermarks.
#pragma once

#include <weir/runtime/identifiers.hpp>
#include <weir/runtime/time.hpp>

namespace weir {

/// How an assigner of timestamps turns event times into a watermark.
struct watermark_options {
  /// >= 0. How far records of one partition may be behind its latest: what the watermark stays
  /// behind.
  std::chrono::milliseconds max_out_of_orderness{0};
  /// >= 0. A partition without a record for so long, by the context's clock, no longer holds the
  /// watermark back; 0: it always does.
  duration idle_after = std::chrono::minutes(1);
  /// >= 0. A record further ahead of the batch time has no valid timestamp: one bad clock must not
  /// close every window. `duration::max()`: no limit but the last time of a wall_time, in 2262.
  duration max_skew = std::chrono::hours(24);
};

/// The latest event time of one partition in one batch.
struct partition_event_time {
  partition_id partition; ///< Of the assigner's input.
  event_time latest;      ///< `min()`: no record had a valid time.
};

/// `mark` moved back by `by`; what is unknown stays unknown.
[[nodiscard]] constexpr watermark lowered(watermark mark, std::chrono::milliseconds by) noexcept {
  return mark == watermark::min() ? mark : mark - by;
}

} // namespace weir
