// Which values there are at which time, as formulas. Used by rate_stream.cpp.
#pragma once

#include <weir/connectors/rate/rate_stream.hpp>

#include <algorithm>

namespace weir {

/// Rows per second that rise in equal steps and then stay: the law of Spark's rate source.
class ramp_law {
public:
  /// @param start when second 0 begins.
  ramp_law(std::int64_t rows_per_second, std::chrono::seconds ramp_up, event_time start)
      : rows_(rows_per_second), ramp_(ramp_up.count()), step_(rows_ / (ramp_ + 1)), start_(start) {}

  /// Values that there are when `seconds` are over, i.e. the first that comes later.
  [[nodiscard]] std::int64_t end_of(std::int64_t seconds) const noexcept {
    if (seconds > ramp_)
      return end_of(ramp_) + (seconds - ramp_) * rows_;
    // 1 + 2 + ... + seconds steps; the even factor is halved first, so that less overflows.
    return seconds % 2 ? (seconds + 1) / 2 * step_ * seconds : seconds / 2 * step_ * (seconds + 1);
  }

  /// The first value that is not there yet at `now`, in whole seconds.
  [[nodiscard]] std::int64_t end_at(wall_time now, std::int64_t /*begin*/) const noexcept {
    const auto passed = std::chrono::floor<std::chrono::seconds>(now - start_).count();
    return passed > 0 ? end_of(passed) : 0;
  }
  static constexpr bool obeys_limits = true;

  [[nodiscard]] event_time timestamp_of(std::int64_t value) noexcept {
    if (value < first_ || value >= behind_)
      find_second_of(value);
    const auto rows = behind_ - first_;
    const auto millis = ((value - first_) * 1'000 + rows / 2) / rows; // to the nearest
    return start_ + std::chrono::seconds(second_ - 1) + std::chrono::milliseconds(millis);
  }

private:
  void find_second_of(std::int64_t value) noexcept {
    const auto ramp_end = end_of(ramp_);
    if (value >= ramp_end)
      second_ = ramp_ + (value - ramp_end) / rows_ + 1;
    else
      for (second_ = value < first_ ? 1 : std::min(second_, ramp_); value >= end_of(second_);)
        ++second_;
    first_ = end_of(second_ - 1);
    behind_ = end_of(second_);
  }

  std::int64_t rows_;
  std::int64_t ramp_;
  std::int64_t step_;
  event_time start_;

  // Second `second_`, counted from 1, of the last value asked for holds [first_, behind_).
  std::int64_t second_ = 1;
  std::int64_t first_ = 0;
  std::int64_t behind_ = 0;
};

/// As many rows in every batch, all with its timestamp.
class batch_law {
public:
  explicit batch_law(const rate_per_batch_options& options)
      : rows_(options.rows_per_batch), start_(options.start), advance_(options.advance) {}

  /// The first value that the batch which begins with `begin` leaves to the next.
  [[nodiscard]] std::int64_t end_at(wall_time /*now*/, std::int64_t begin) const noexcept {
    return begin + rows_;
  }
  static constexpr bool obeys_limits = false;

  [[nodiscard]] event_time timestamp_of(std::int64_t value) const noexcept {
    return start_ + value / rows_ * advance_;
  }

private:
  std::int64_t rows_;
  event_time start_;
  std::chrono::milliseconds advance_;
};

} // namespace weir
