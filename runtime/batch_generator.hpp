// From the clock to the times at which batches are due. Next: batch_scheduler.hpp.
#pragma once

#include <weir/runtime/time.hpp>

#include <cstdint>
#include <optional>

namespace weir {

/// A batch is due.
struct tick {
  batch_time time{};        ///< End of the interval it covers, a multiple of the batch interval.
  std::uint32_t merged = 0; ///< Earlier ticks since the last batch that get no batch of their own.
};

/// Knows the multiples of the batch interval. Reads no clock; single-threaded.
class batch_generator {
public:
  /// The first tick is the first multiple of `interval` strictly after `now`.
  batch_generator(duration interval, wall_time now) : interval_(interval), next_(after(now)) {}

  [[nodiscard]] wall_time next() const noexcept { return next_; }

  /// The tick that is due at `now`, if any. When several have passed, only the last one gets a
  /// batch.
  std::optional<tick> due(wall_time now) {
    if (now < next_)
      return std::nullopt;
    const auto missed = (now - next_) / interval_;
    const tick found{.time = next_ + missed * interval_,
                     .merged = skipped_ + static_cast<std::uint32_t>(missed)};
    next_ = found.time + interval_;
    skipped_ = 0;
    return found;
  }

  /// The tick could not become a batch: it is merged into the next one.
  void merge(const tick& refused) { skipped_ += refused.merged + 1; }

private:
  [[nodiscard]] wall_time after(wall_time now) const {
    return wall_time((now.time_since_epoch() / interval_ + 1) * interval_);
  }

  duration interval_;
  wall_time next_;
  std::uint32_t skipped_ = 0;
};

} // namespace weir
