// From the clock to the times at which batches are due. Next: batch_scheduler.hpp.
#pragma once

#include <weir/runtime/clock.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>

namespace weir {

/// A batch is due.
struct tick {
  batch_time time{};        ///< End of the interval it covers, a multiple of the batch interval.
  steady_time due{};        ///< When that is by the steady clock.
  std::int64_t index = 0;   ///< Number of the interval, from 1; intervals are counted steadily.
  std::uint32_t merged = 0; ///< Earlier ticks since the last batch that get no batch of their own.
  duration moved{}; ///< By how much batch times have been moved ahead since the start. >= 0.
};

/// Knows the multiples of the batch interval. Reads no clock; single-threaded.
///
/// The steady clock counts the intervals; the wall clock, once, at the start, says which time the
/// first of them has. So who sets the wall clock back changes nothing: batch times go on, ahead of
/// it. A wall clock that is ahead of batch times by more than an interval and a second was set, or
/// the machine slept: batch times follow it behind the tick that is due next, and the multiples in
/// between never were.
class batch_generator {
public:
  /// The first tick is the first multiple of `interval` strictly after `now`.
  batch_generator(duration interval, moment now) : interval_(interval) { anchor(now); }

  /// The tick that comes next.
  [[nodiscard]] tick next() const noexcept {
    return {.time = next_, .due = due_, .index = index_, .merged = 0, .moved = moved_};
  }

  /// The time that the wall clock would show if nobody had set it since the last anchor.
  [[nodiscard]] wall_time at(steady_time now) const noexcept { return next_ + (now - due_); }

  /// By how much the wall clock is ahead of batch times; negative: behind.
  [[nodiscard]] duration ahead(moment now) const noexcept { return now.wall - at(now.steady); }

  /// What passes for no setting of the wall clock.
  [[nodiscard]] duration tolerance() const noexcept {
    return std::max<duration>(interval_, std::chrono::seconds(1));
  }

  /// By how much batch times have been moved ahead since the start. >= 0.
  [[nodiscard]] duration moved() const noexcept { return moved_; }

  /// The tick that is due at `now`, if any. When several have passed, only the last one gets a
  /// batch.
  std::optional<tick> due(moment now) {
    if (now.steady < due_)
      return std::nullopt;
    const auto missed = (now.steady - due_) / interval_;
    const tick found{.time = next_ + missed * interval_,
                     .due = due_ + missed * interval_,
                     .index = index_ + missed,
                     .merged = skipped_ + static_cast<std::uint32_t>(missed),
                     .moved = moved_};
    next_ = found.time + interval_;
    due_ = found.due + interval_;
    index_ = found.index + 1;
    skipped_ = 0;
    return found;
  }

  /// Between two batches: follows a wall clock that is ahead by more than `tolerance()`.
  /// @returns whether it was.
  bool follow(moment now) {
    if (ahead(now) <= tolerance())
      return false;
    moved_ += ahead(now);
    anchor(now);
    return true;
  }

  /// The tick could not become a batch: it is merged into the next one.
  void merge(const tick& refused) { skipped_ += refused.merged + 1; }

private:
  void anchor(moment now) {
    next_ = wall_time((now.wall.time_since_epoch() / interval_ + 1) * interval_);
    due_ = now.steady + (next_ - now.wall);
  }

  duration interval_;
  batch_time next_;
  steady_time due_;
  std::int64_t index_ = 1;
  std::uint32_t skipped_ = 0;
  duration moved_{0};
};

} // namespace weir
